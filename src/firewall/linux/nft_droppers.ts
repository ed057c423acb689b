/** Which base chains of a ruleset drop packets for a port. Pure. */
import type { Family } from "../networks.ts";
import type { DirectedPort } from "../rule.ts";
import { PacketFate } from "./nft_fate.ts";
import { isObject, type NftChain, type NftRule, type Ruleset } from "./nft_json.ts";

/** A chain that drops packets for a port. */
export interface DroppingChain {
  readonly chain: NftChain;
  /** The IP versions of the packets that it drops. */
  readonly families: readonly Family[];
  /** The position of the first rule that drops one; the number of rules where the policy does. */
  readonly position: number;
}

/** The IP versions of the packets that a table of a family sees; tables of other families are not considered. */
const FAMILIES_OF_TABLE: Readonly<Record<string, readonly Family[]>> = { inet: [4, 6], ip: [4], ip6: [6] };

/** A port that no rule names; what happens to one such port happens to all. */
const UNNAMED = 0;

/**
 * Finds the base chains that drop the packets for a port. It follows one packet for each port that the ruleset names,
 * and one for all others.
 *
 * @param isOurs finds entries of ours, whose ports do not count as named: they drop nothing.
 */
export function droppersIn(
  ruleset: Ruleset,
  isOurs: (rule: NftRule) => boolean,
): (port: DirectedPort) => readonly DroppingChain[] {
  const isNamed = portsIn(ruleset.flatMap(({ rules }) => rules).filter((rule) => !isOurs(rule)));
  const known = new Map<string, readonly DroppingChain[]>();
  return ({ direction, protocol, port }) => {
    const packet = { direction, protocol, port: isNamed(port) ? port : UNNAMED };
    const key = `${direction} ${protocol} ${packet.port}`;
    const dropping = known.get(key) ?? follow(ruleset, packet);
    known.set(key, dropping);
    return dropping;
  };
}

function follow(ruleset: Ruleset, packet: DirectedPort): readonly DroppingChain[] {
  const hook = packet.direction === "in" ? "input" : "output";
  return ruleset.filter((chain) => chain.hook === hook).flatMap((chain) => {
    const families = FAMILIES_OF_TABLE[chain.family] ?? [];
    const drops = families.map((family) => new PacketFate(ruleset, { ...packet, family }).dropIn(chain));
    const dropped = families.filter((_, i) => drops[i] !== undefined);
    const position = Math.min(...drops.filter((drop) => drop !== undefined));
    return dropped.length === 0 ? [] : [{ chain, families: dropped, position }];
  });
}

/** Every number and range of numbers anywhere in a rule may be a port. */
function portsIn(rules: readonly NftRule[]): (port: number) => boolean {
  const numbers = new Set<number>();
  const ranges: (readonly [number, number])[] = [];
  const collect = (value: unknown): void => {
    if (typeof value === "number") numbers.add(value);
    else if (Array.isArray(value)) value.forEach(collect);
    else if (isObject(value)) {
      if (Array.isArray(value.range)) ranges.push([Number(value.range[0]), Number(value.range[1])]);
      Object.values(value).forEach(collect);
    }
  };
  for (const { expr } of rules) collect(expr);
  return (port) => numbers.has(port) || ranges.some(([first, last]) => first <= port && port <= last);
}
