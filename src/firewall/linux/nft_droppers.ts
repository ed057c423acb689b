/** Which base chains of a ruleset drop packets for a port. Pure. */
import { EVERYBODY, type Family, familyOf } from "../networks.ts";
import type { DirectedPort } from "../rule.ts";
import { type Packet, PacketFate } from "./nft_fate.ts";
import { isObject, type NftChain, type NftRule, type Ruleset } from "./nft_json.ts";

/** A chain that drops packets for a port. */
export interface DroppingChain {
  readonly chain: NftChain;
  /** The position of the first rule that drops one; the number of rules where the policy does. */
  readonly position: number;
}

/** The IP versions of the packets that a table of a family sees; tables of other families are not considered. */
const FAMILIES_OF_TABLE: Readonly<Record<string, readonly Family[]>> = { inet: [4, 6], ip: [4], ip6: [6] };

const HOOKS = { in: "input", out: "output" } as const;

/** A port that no rule names; what happens to one such port happens to all. */
const UNNAMED = 0;

/** The chains that drop what comes for a port from a network, or goes there. @param network is everybody by default. */
export type Droppers = (port: DirectedPort, network?: string) => readonly DroppingChain[];

/**
 * Finds the base chains that drop the packets for a port. It follows one packet for each port that the ruleset names,
 * and one for all others; each from every network that is asked for, where the ruleset looks at addresses.
 *
 * @param isOurs finds entries of ours, whose ports and addresses do not count as named: they drop nothing.
 */
export function droppersIn(ruleset: Ruleset, isOurs: (rule: NftRule) => boolean): Droppers {
  const rules = ruleset.flatMap(({ rules }) => rules).filter((rule) => !isOurs(rule));
  const isNamed = portsIn(rules), looksAtAddresses = rules.some(({ expr }) => ADDRESS.test(JSON.stringify(expr)));
  const known = new Map<string, readonly DroppingChain[]>();
  const fromNetwork = ({ direction, protocol, port }: DirectedPort, network: string) => {
    const packet: Packet = {
      direction,
      protocol,
      port: isNamed(port) ? port : UNNAMED,
      network: looksAtAddresses ? network : EVERYBODY[familyOf(network)],
    };
    const key = Object.values(packet).join(" ");
    const dropping = known.get(key) ?? follow(ruleset, packet);
    known.set(key, dropping);
    return dropping;
  };
  return (port, network) => {
    if (network !== undefined) return fromNetwork(port, network);
    const all = Object.values(EVERYBODY).flatMap((network) => fromNetwork(port, network));
    return [...Map.groupBy(all, ({ chain }) => chain)].map(([chain, drops]) => ({
      chain,
      position: Math.min(...drops.map(({ position }) => position)),
    }));
  };
}

/** The fields of an address in libnftables-json(5). */
const ADDRESS = /"[sd]addr"/;

function follow(ruleset: Ruleset, packet: Packet): readonly DroppingChain[] {
  const hook = HOOKS[packet.direction], family = familyOf(packet.network);
  return ruleset.filter((chain) => chain.hook === hook && FAMILIES_OF_TABLE[chain.family]?.includes(family)).flatMap(
    (chain) => {
      const position = new PacketFate(ruleset, packet).dropIn(chain);
      return position === undefined ? [] : [{ chain, position }];
    },
  );
}

/** Whether a chain on the input hook can drop anything, under whatever condition. */
export function canDropIncoming(ruleset: Ruleset): boolean {
  const isOfIp = ({ family }: NftChain) => FAMILIES_OF_TABLE[family] !== undefined;
  const base = ruleset.filter((chain) => chain.hook === HOOKS.in && isOfIp(chain));
  const reached = new Set(base);
  for (const chain of reached) { // it grows meanwhile
    const text = JSON.stringify(chain.rules.map(({ expr }) => expr));
    if (chain.policy === "drop" || /"(?:drop|reject|REJECT)"/.test(text)) return true;
    const isOfTable = (other: NftChain) => other.family === chain.family && other.table === chain.table;
    const targets = ruleset.filter((other) =>
      isOfTable(other) && text.includes(`"target":${JSON.stringify(other.chain)}`)
    );
    for (const target of targets) reached.add(target);
  }
  return false;
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
