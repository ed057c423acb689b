/** Which ports a wish may have, as far as portd knows. Decides nothing, and does not ask the kernel. */
import { contains, HIGHEST_PORT, type Protocol } from "../port/port.ts";
import type { AvailablePorts } from "./available_ports.ts";
import type { Withheld } from "./quarantine.ts";
import type { Wish } from "./wish.ts";

/**
 * What keeps a port from being granted: `used` is one that the kernel refused a moment ago, and is not tried meanwhile;
 * `privileged` one on which the daemon may not listen.
 */
export type PortUse = "free" | "leased" | "used" | "cooling" | "excluded" | "privileged";

/** What keeps the ports that a wish may have from being granted. */
export interface Survey {
  readonly size: number;
  readonly counts: Readonly<Record<PortUse, number>>;
  /** The first few of each. */
  readonly examples: Readonly<Record<PortUse, readonly number[]>>;
  /** When the first of those that are withheld is tried again, on the clock since boot; null where none is. */
  readonly retryAt: number | null;
}

/** How many ports of each use a survey names. */
export const MOST_EXAMPLES = 3;

/** What {@linkcode Candidates} are made of. */
export interface CandidatesParts {
  readonly available: AvailablePorts;
  /** Ports that are never granted. */
  readonly isExcluded: (port: number) => boolean;
  /** The port that each name had last; kept up to date by the registry. */
  readonly names: ReadonlyMap<string, number>;
}

/** Finds ports for wishes, in the pool or in the range of the wish. */
export class Candidates {
  readonly #parts: CandidatesParts;

  constructor(parts: CandidatesParts) {
    this.#parts = parts;
  }

  /** Whether a port is one that a wish may have of the pool, or of its range. */
  includes(port: number, wish: Wish): boolean {
    const { available: { pool }, isExcluded } = this.#parts;
    return !isExcluded(port) && (wish.range === undefined ? pool.has(port) : isWithinRange(port, wish));
  }

  /** The next free port: of a named wish from the name's hash slot on, else the port that was released longest ago. */
  next({ name, range, protocols }: Wish): number | undefined {
    const { pool } = this.#parts.available;
    if (range !== undefined) {
      const span = range.last - range.first + 1;
      return pool.searchRange(protocols, range, name === null ? range.first : range.first + pool.slot(name) % span);
    }
    return name === null ? pool.next(protocols) : pool.search(protocols, pool.slot(name));
  }

  /** The port that the name of a wish had last, where the wish may have it, also while it cools down for that name. */
  lastPort(wish: Wish): number | undefined {
    const { available, isExcluded } = this.#parts;
    const port = this.#lastPortOf(wish);
    if (port === undefined || isExcluded(port) || !isWithinRange(port, wish)) return undefined;
    if (port < (wish.lowest ?? 0) && !available.pool.has(port)) return undefined;
    return available.isFreeFor(wish.name!, port, wish.protocols) ? port : undefined;
  }

  /** Searches `length` contiguous ports for a wish that are usable. Each call returns the first port of a block. */
  blockSearch(wish: Wish, length: number, isUsable: (port: number) => boolean): () => number | undefined {
    const { available: { pool }, isExcluded } = this.#parts;
    const { range, port, name, protocols } = wish;
    const where = port === undefined ? range : { first: port, last: Math.min(HIGHEST_PORT, port + length - 1) };
    const start = where?.first ?? (name === null ? pool.next(protocols) ?? 1 : pool.slot(name));
    return () => pool.searchBlock(length, start, (each) => !isExcluded(each) && isUsable(each), where);
  }

  /** Looks at each port of the pool, or of the range of the wish. @param privilegedBelow is as in {@linkcode PortUse}. */
  survey(wish: Wish, privilegedBelow: number): Survey {
    const counts = { free: 0, leased: 0, used: 0, cooling: 0, excluded: 0, privileged: 0 };
    const examples: Record<PortUse, number[]> = {
      free: [],
      leased: [],
      used: [],
      cooling: [],
      excluded: [],
      privileged: [],
    };
    let size = 0, retryAt = Infinity;
    for (const port of this.#portsOf(wish)) {
      const withheld = this.#parts.available.withheldOn(port, wish.protocols);
      const use = this.#useOf(port, wish, { withheld, privilegedBelow });
      size++;
      if (counts[use]++ < MOST_EXAMPLES) examples[use].push(port);
      if (use === "used" || use === "cooling") retryAt = Math.min(retryAt, ...withheld.map(({ until }) => until));
    }
    return { size, counts, examples, retryAt: retryAt === Infinity ? null : retryAt };
  }

  *#portsOf({ range }: Wish): Generator<number> {
    if (range === undefined) yield* this.#parts.available.pool.ports;
    else for (let port = range.first; port <= range.last; port++) yield port;
  }

  #useOf(port: number, wish: Wish, { withheld, privilegedBelow }: Circumstances): PortUse {
    const { available, isExcluded } = this.#parts;
    if (isExcluded(port)) return "excluded";
    if (!available.isFreeOrWithheld(port, wish.protocols)) return "leased";
    if (port < privilegedBelow) return "privileged";
    if (withheld.length === 0) return "free";
    return withheld.some(({ cause }) => cause === "refused") ? "used" : "cooling";
  }

  /** Up to `most` free ports of the pool. */
  some(protocols: readonly Protocol[], most: number): readonly number[] {
    const { pool } = this.#parts.available;
    const ports: number[] = [];
    let port = pool.next(protocols);
    while (port !== undefined && ports.length < most && !ports.includes(port)) {
      ports.push(port);
      port = pool.search(protocols, port + 1);
    }
    return ports;
  }

  /**
   * Whether there can be enough ports for all of these wishes. False is certain; true counts the ports that are free, cool
   * down or are asked for by number, which the kernel may still refuse.
   */
  canBeEnough(wishes: readonly Wish[]): boolean {
    let before: Wish | undefined, kind = "";
    const groups = Map.groupBy(wishes.filter(({ port, pool }) => port === undefined && pool !== "os"), (wish) => {
      if (wish !== before) kind = `${wish.protocols} ${wish.range?.first}-${wish.range?.last}`;
      before = wish; // a request for 256 ports has one wish 256 times
      return kind;
    });
    return [...groups.values()].every((group) => this.#canBeEnoughFor(group));
  }

  /** The same for wishes with the same protocols and range. */
  #canBeEnoughFor(group: readonly Wish[]): boolean {
    const [wish] = group as [Wish];
    const { available } = this.#parts;
    const { pool } = available;
    let missing = group.length - pool.countFree(wish.protocols, wish.range);
    if (missing <= 0) return true;
    const isCounted = (port: number) => pool.isFree(port, wish.protocols) && this.includes(port, wish);
    const others = new Set<number>();
    for (const each of new Set(group)) {
      for (const port of each.prefer) others.add(port);
      const last = this.#lastPortOf(each);
      if (last !== undefined) others.add(last);
    }
    for (const port of available.cooling()) if (this.includes(port, wish)) others.add(port);
    if (others.size < missing) return false;
    for (const port of others) {
      if (!isCounted(port) && available.isFreeOrWithheld(port, wish.protocols) && --missing === 0) return true;
    }
    return false;
  }

  #lastPortOf({ name }: Wish): number | undefined {
    return name === null ? undefined : this.#parts.names.get(name);
  }
}

interface Circumstances {
  readonly withheld: readonly Withheld[];
  readonly privilegedBelow: number;
}

function isWithinRange(port: number, { range }: Wish): boolean {
  return range === undefined || contains(range, port);
}
