/** Which base chains of a ruleset drop packets for a port. Pure; remembers what it has found out. */
import type { Direction } from "../rule.ts";
import type { NamedPort } from "./mark.ts";
import type { Family } from "../networks.ts";
import { PacketFate } from "./nft_fate.ts";
import { isObject, type NftChain, type Ruleset } from "./nft_json.ts";

/** A chain that drops packets of these IP versions. */
export interface DroppingChain {
  readonly chain: NftChain;
  readonly families: readonly Family[];
}

/** The IP versions that a table of a family sees; others are not looked at. */
export const FAMILIES_OF_TABLE: Readonly<Record<string, readonly Family[]>> = { inet: [4, 6], ip: [4], ip6: [6] };

/** A port that no condition names; those of whom none speaks all fare alike. */
const UNNAMED = 0;

/** Follows one packet for each port that the ruleset speaks of, and one for all others. */
export class Droppers {
  readonly #ruleset: Ruleset;
  readonly #spokenOf: (port: number) => boolean;
  readonly #known = new Map<string, readonly DroppingChain[]>();

  /** @param isOurs tells entries of ours, which decide nothing about the fate of a packet. */
  constructor(ruleset: Ruleset, isOurs: (comment: string | undefined) => boolean) {
    this.#ruleset = ruleset;
    this.#spokenOf = portsIn(ruleset, isOurs);
  }

  /** The base chains that drop what a rule is for. */
  of({ direction, protocol, port }: NamedPort): readonly DroppingChain[] {
    const packet = { direction, protocol, port: this.#spokenOf(port) ? port : UNNAMED };
    const key = `${direction} ${protocol} ${packet.port}`;
    const known = this.#known.get(key) ?? this.#follow(packet);
    this.#known.set(key, known);
    return known;
  }

  #follow(packet: NamedPort): readonly DroppingChain[] {
    const hook = hookOf(packet.direction);
    return this.#ruleset.filter((chain) => chain.hook === hook).map((chain) => {
      const possible = FAMILIES_OF_TABLE[chain.family] ?? [];
      const isDropped = (family: Family) => new PacketFate(this.#ruleset, { ...packet, family }).isDroppedBy(chain);
      return { chain, families: possible.filter(isDropped) };
    }).filter(({ families }) => families.length > 0);
  }
}

function hookOf(direction: Direction): string {
  return direction === "in" ? "input" : "output";
}

/** Every number and range of numbers that stands anywhere in a foreign rule may be a port. */
function portsIn(ruleset: Ruleset, isOurs: (comment: string | undefined) => boolean): (port: number) => boolean {
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
  for (const { rules } of ruleset) for (const { comment, expr } of rules) if (!isOurs(comment)) collect(expr);
  return (port) => numbers.has(port) || ranges.some(([first, last]) => first <= port && port <= last);
}
