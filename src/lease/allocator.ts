/**
 * Choosing a port and having the kernel agree: the name's last port, its hash slot, then the port given back longest
 * ago. Knows pool, quarantine and holds; leases and time are the registry's.
 */
import type { Claim, HoldKind, Holds, Obstacle } from "../hold/hold.ts";
import type { Protocol } from "../port/port.ts";
import type { Pool } from "./pool.ts";
import type { Withheld } from "./quarantine.ts";
import { Stock } from "./stock.ts";
import type { Wish } from "./wish.ts";

/** A port that is ours now, with the hold that stands on it. */
export interface Allocated {
  readonly port: number;
  readonly protocols: readonly Protocol[];
  readonly hold: HoldKind;
  /** What withheld the port until now; it is withheld again when the allocation is undone. */
  readonly withheld: readonly Withheld[];
}

/** Why a wish cannot be granted. */
export type Refused =
  | { readonly kind: "excluded"; readonly port: number }
  | { readonly kind: "leased"; readonly port: number }
  | { readonly kind: "kernel"; readonly port: number; readonly obstacle: Obstacle }
  | { readonly kind: "no_descriptors" }
  | { readonly kind: "exhausted" };

/** What came of a wish. */
export type Allocation = { readonly allocated: readonly Allocated[] } | { readonly refused: Refused };

/** A port of a row that the kernel does not give. */
interface RefusedPort {
  readonly refused: number;
  readonly protocol: Protocol;
}

/** How many ports of the kernel's choice are looked at. */
const TRIES_OF_THE_KERNEL = 64;

/** What an {@linkcode Allocator} is made of. */
export interface AllocatorParts {
  readonly pool: Pool;
  readonly holds: Holds;
  /** Ports that are never granted. */
  readonly isExcluded: (port: number) => boolean;
  /** The port that each name had last; kept up to date by the registry. */
  readonly names: ReadonlyMap<string, number>;
  readonly cooldownMs: number;
}

/** The only one who takes ports from the pool and gives them back. */
export class Allocator {
  readonly #parts: AllocatorParts;
  readonly #stock: Stock;

  constructor(parts: AllocatorParts) {
    this.#parts = parts;
    this.#stock = new Stock(parts.pool, parts.cooldownMs);
  }

  /** How many ports are withheld from dynamic grants for a while. */
  get quarantined(): number {
    return this.#stock.withheld;
  }

  /** Whether a port belongs to the pool. */
  isPooled(port: number): boolean {
    return this.#parts.pool.has(port);
  }

  /** Whether a port is withheld from dynamic grants for a while. */
  isQuarantined(port: number): boolean {
    return this.#stock.isWithheld(port);
  }

  /**
   * Whether there can be enough ports for all of these wishes. False is certain; true is a count of what is free, cools
   * down or is asked for by number, and the kernel has not been asked.
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

  /**
   * One port for a wish. A port that cools down is taken where nothing else is free.
   *
   * @param now is the clock since boot.
   */
  allocate(wish: Wish, now: number): Allocation {
    if (wish.port !== undefined) return this.#named(wish.port, wish);
    for (const port of wish.prefer) {
      const preferred = this.#named(port, wish);
      if ("allocated" in preferred) return preferred;
    }
    if (wish.pool === "os") return this.#ofTheKernel(wish);
    return this.#sticky(wish) ?? this.#dynamic(wish, now) ?? this.#cooling(wish, now) ??
      { refused: { kind: "exhausted" } };
  }

  /** `length` contiguous ports for a wish; ports that cool down are taken where there is no other row of ports. */
  allocateBlock(wish: Wish, length: number, now: number): Allocation {
    return this.#block(wish, length, now, (port) => this.#parts.pool.isFree(port, wish.protocols)) ??
      this.#block(wish, length, now, (port) => this.#stock.isFreeOrCooling(port, wish.protocols)) ??
      { refused: { kind: "exhausted" } };
  }

  /** Takes the port of a lease that was granted before, at start. @returns whether a hold stands on it. */
  restore(port: number, protocols: readonly Protocol[], hold: HoldKind): boolean {
    this.#parts.pool.take(port, protocols);
    return hold === "soft" && this.#parts.holds.retake(port);
  }

  /** Undoes an allocation that came to nothing: the port is as it was before, free or cooling down. */
  undo({ port, protocols, withheld }: Allocated): void {
    this.#releaseClaim(port, { protocols });
    this.#stock.putBack(port, protocols, withheld);
  }

  /** Gives back the port of a lease that has ended; it cools down first. */
  free({ port, protocols }: Pick<Allocated, "port" | "protocols">, name: string | null, now: number): void {
    this.#releaseClaim(port, { protocols });
    this.cool(port, protocols, now, name);
  }

  /** Has the port of a lease that has ended cool down, counted from `since` on the clock since boot. */
  cool(port: number, protocols: readonly Protocol[], since: number, name: string | null): void {
    this.#stock.cool(port, protocols, since, name);
  }

  /** Puts back into the pool what has cooled down. @returns whether anything did. */
  expireQuarantine(now: number): boolean {
    return this.#stock.expire(now);
  }

  /** Up to `most` ports of the pool that are free as far as portd knows; the kernel is not asked. */
  candidates(protocols: readonly Protocol[], most: number): readonly number[] {
    const { pool } = this.#parts;
    const ports: number[] = [];
    let port = pool.next(protocols);
    while (port !== undefined && ports.length < most && !ports.includes(port)) {
      ports.push(port);
      port = pool.search(protocols, port + 1);
    }
    return ports;
  }

  /** A port asked for by number is granted though it cools down. Where it is refused, it goes on cooling down. */
  #named(port: number, wish: Wish): Allocation {
    const { isExcluded } = this.#parts;
    if (isExcluded(port)) return { refused: { kind: "excluded", port } };
    if (!this.#stock.isFreeOrWithheld(port, wish.protocols)) return { refused: { kind: "leased", port } };
    return this.#claimed(this.#claim(port, wish, true), port, wish);
  }

  /** The kernel knows nothing of a leased UDP port, or of a TCP port without a hold, on which nobody listens. */
  #ofTheKernel(wish: Wish): Allocation {
    const { holds, isExcluded } = this.#parts;
    for (let tries = 0; tries < TRIES_OF_THE_KERNEL; tries++) {
      const claim = holds.claimAny(wish);
      if (claim.obstacle !== undefined) return this.#claimed(claim, 0, wish);
      const isFree = this.#stock.isFreeOrWithheld(claim.port, wish.protocols) && !isExcluded(claim.port);
      if (isFree) return this.#claimed(claim, claim.port, wish);
      this.#releaseClaim(claim.port, wish);
    }
    return { refused: { kind: "exhausted" } };
  }

  /** The port that the name had last, also while it cools down for that name. */
  #sticky(wish: Wish): Allocation | undefined {
    const { pool, isExcluded } = this.#parts;
    const port = this.#lastPort(wish);
    if (port === undefined || isExcluded(port) || !isWithin(port, wish)) return undefined;
    if (port < (wish.lowest ?? 0) && !pool.has(port)) return undefined;
    if (!this.#stock.isFreeFor(wish.name!, port, wish.protocols)) return undefined;
    const claim = this.#claim(port, wish, true);
    return claim.obstacle === undefined ? this.#claimed(claim, port, wish) : undefined;
  }

  /** A free port of the pool or of the range. @returns `undefined` when there is none. */
  #dynamic(wish: Wish, now: number): Allocation | undefined {
    const { pool, isExcluded } = this.#parts;
    const passedOver: number[] = [];
    try {
      for (let port = this.#candidate(wish); port !== undefined; port = this.#candidate(wish)) {
        if (isExcluded(port)) { // a range may hold what the pool does not
          pool.take(port, wish.protocols);
          passedOver.push(port);
          continue;
        }
        const claim = this.#claim(port, wish, false);
        if (claim.obstacle === undefined) return this.#claimed(claim, port, wish);
        if (claim.obstacle.reason === "no_descriptors") return { refused: { kind: "no_descriptors" } };
        this.#stock.withholdUsed(port, claim.obstacle.protocol, now);
        if (this.#parts.cooldownMs === 0) {
          pool.take(port, wish.protocols);
          passedOver.push(port);
        }
      }
      return undefined;
    } finally {
      for (const port of passedOver) pool.give(port, wish.protocols);
    }
  }

  /** The port freed longest ago that the wish may have and the kernel agrees to. */
  #cooling(wish: Wish, now: number): Allocation | undefined {
    for (const port of this.#stock.cooling()) {
      if (!this.#isCandidate(port, wish) || !this.#stock.isFreeOrCooling(port, wish.protocols)) continue;
      const claim = this.#claim(port, wish, false);
      if (claim.obstacle?.reason === "no_descriptors") return { refused: { kind: "no_descriptors" } };
      if (claim.obstacle === undefined) return this.#claimed(claim, port, wish);
      this.#stock.withholdUsed(port, claim.obstacle.protocol, now);
    }
  }

  #block(
    wish: Wish,
    length: number,
    now: number,
    isUsable: (port: number) => boolean,
  ): Allocation | undefined {
    const { pool, isExcluded } = this.#parts;
    const { range, port: at } = wish;
    const where = at === undefined ? range : { first: at, last: Math.min(65535, at + length - 1) };
    const start = where?.first ?? (wish.name === null ? pool.next(wish.protocols) ?? 1 : pool.slot(wish.name));
    const refused = new Set<number>();
    const mayUse = (port: number) => !refused.has(port) && !isExcluded(port) && isUsable(port);
    for (;;) {
      const first = pool.searchBlock(length, start, mayUse, where);
      if (first === undefined) return undefined;
      const block = this.#claimBlock(first, length, wish);
      if (block === "no_descriptors") return { refused: { kind: "no_descriptors" } };
      if (!("refused" in block)) return { allocated: block };
      refused.add(block.refused);
      this.#stock.withholdUsed(block.refused, block.protocol, now);
    }
  }

  /** @returns the ports of the row, or the first one that the kernel refuses; then none of them is taken. */
  #claimBlock(first: number, length: number, wish: Wish): Allocated[] | "no_descriptors" | RefusedPort {
    const claims: (Claim & { obstacle?: undefined })[] = [];
    for (let port = first; port < first + length; port++) {
      const claim = this.#claim(port, wish, false);
      if (claim.obstacle === undefined) {
        claims.push(claim);
        continue;
      }
      for (const claimed of claims) this.#releaseClaim(claimed.port, wish);
      const { obstacle } = claim;
      return obstacle.reason === "no_descriptors" ? obstacle.reason : { refused: port, protocol: obstacle.protocol };
    }
    return claims.map((claim) => this.#taken(claim, wish));
  }

  #candidate({ name, range, protocols }: Wish): number | undefined {
    const { pool } = this.#parts;
    if (range !== undefined) {
      const span = range.last - range.first + 1;
      return pool.searchRange(protocols, range, name === null ? range.first : range.first + pool.slot(name) % span);
    }
    return name === null ? pool.next(protocols) : pool.search(protocols, pool.slot(name));
  }

  /** Whether a port is one that this wish may have of the pool, or of its range. */
  #isCandidate(port: number, wish: Wish): boolean {
    const { pool, isExcluded } = this.#parts;
    return !isExcluded(port) && (wish.range === undefined ? pool.has(port) : isWithin(port, wish));
  }

  /** Whether there can be enough ports for wishes with the same protocols and range. */
  #canBeEnoughFor(group: readonly Wish[]): boolean {
    const [wish] = group as [Wish];
    const { pool } = this.#parts;
    let missing = group.length - pool.countFree(wish.protocols, wish.range);
    if (missing <= 0) return true;
    const isCounted = (port: number) => pool.isFree(port, wish.protocols) && this.#isCandidate(port, wish);
    const others = new Set<number>();
    for (const each of new Set(group)) {
      for (const port of each.prefer) others.add(port);
      const last = this.#lastPort(each);
      if (last !== undefined) others.add(last);
    }
    for (const port of this.#stock.cooling()) if (this.#isCandidate(port, wish)) others.add(port);
    if (others.size < missing) return false;
    for (const port of others) {
      if (!isCounted(port) && this.#stock.isFreeOrWithheld(port, wish.protocols) && --missing === 0) return true;
    }
    return false;
  }

  #lastPort({ name }: Wish): number | undefined {
    return name === null ? undefined : this.#parts.names.get(name);
  }

  /** A hold is a TCP socket: that of another lease may stand on the same number where only UDP was asked for. */
  #releaseClaim(port: number, { protocols }: Pick<Wish, "protocols">): void {
    if (protocols.includes("tcp")) this.#parts.holds.release(port);
  }

  #claim(port: number, { protocols, hold }: Wish, named: boolean): Claim {
    return this.#parts.holds.claim(port, { protocols, hold, named });
  }

  #claimed(claim: Claim, port: number, wish: Wish): Allocation {
    if (claim.obstacle === undefined) return { allocated: [this.#taken(claim, wish)] };
    if (claim.obstacle.reason === "no_descriptors") return { refused: { kind: "no_descriptors" } };
    return { refused: { kind: "kernel", port, obstacle: claim.obstacle } };
  }

  #taken({ port, hold }: { port: number; hold: HoldKind }, { protocols }: Wish): Allocated {
    return { port, protocols, hold, withheld: this.#stock.take(port, protocols) };
  }
}

/** Whether a name's last port is one that this wish may have. */
function isWithin(port: number, { range }: Wish): boolean {
  return range === undefined || (port >= range.first && port <= range.last);
}
