/** Which ports a wish may have, as far as portd knows. Decides nothing, and does not ask the kernel. */
import { contains, HIGHEST_PORT, type Protocol } from "../port/port.ts";
import type { AvailablePorts } from "./available_ports.ts";
import type { Wish } from "./wish.ts";

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

function isWithinRange(port: number, { range }: Wish): boolean {
  return range === undefined || contains(range, port);
}
