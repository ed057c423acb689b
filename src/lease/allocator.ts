/**
 * Choosing a port and having the kernel agree: the name's last port, its hash slot, then the port given back longest
 * ago. Knows pool, quarantine and holds; leases and time are the registry's.
 */
import type { Claim, Holds, Obstacle } from "../hold/hold.ts";
import type { HoldKind, Protocol } from "./lease.ts";
import type { Pool } from "./pool.ts";
import { Quarantine } from "./quarantine.ts";
import type { Wish } from "./wish.ts";

/** A port that is ours now, with the hold that stands on it. */
export interface Allocated {
  readonly port: number;
  readonly protocols: readonly Protocol[];
  readonly hold: HoldKind;
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
  readonly #quarantine = new Quarantine();

  constructor(parts: AllocatorParts) {
    this.#parts = parts;
  }

  /** How many ports are withheld from dynamic grants for a while. */
  get quarantined(): number {
    return this.#quarantine.size;
  }

  /** Whether a port is withheld from dynamic grants for a while. */
  isQuarantined(port: number): boolean {
    return this.#quarantine.has(port);
  }

  /** One port for a wish. @param now is the clock since boot. */
  allocate(wish: Wish, now: number): Allocation {
    this.expireQuarantine(now);
    if (wish.port !== undefined) return this.#named(wish.port, wish);
    for (const port of wish.prefer) {
      const preferred = this.#named(port, wish);
      if ("allocated" in preferred) return preferred;
    }
    if (wish.pool === "os") return this.#ofTheKernel(wish);
    return this.#sticky(wish) ?? this.#dynamic(wish, now);
  }

  /** `length` contiguous ports for a wish. */
  allocateBlock(wish: Wish, length: number, now: number): Allocation {
    this.expireQuarantine(now);
    const { pool } = this.#parts;
    const { protocols, range } = wish;
    const where = wish.port === undefined ? range : { first: wish.port, last: Math.min(65535, wish.port + length - 1) };
    const start = where?.first ?? (wish.name === null ? pool.next(protocols) ?? 1 : pool.slot(wish.name));
    for (;;) {
      const first = pool.searchBlock(protocols, length, start, where);
      if (first === undefined) return { refused: { kind: "exhausted" } };
      const block = this.#claimBlock(first, length, wish, now);
      if (block === "no_descriptors") return { refused: { kind: "no_descriptors" } };
      if (block !== undefined) return { allocated: block };
    }
  }

  /** Takes the port of a lease that was granted before, at start. @returns whether a hold stands on it. */
  restore(port: number, protocols: readonly Protocol[], hold: HoldKind): boolean {
    this.#parts.pool.take(port, protocols);
    return hold === "soft" && this.#parts.holds.retake(port);
  }

  /** Undoes an allocation that came to nothing: the port is free at once. */
  undo({ port, protocols }: Allocated): void {
    if (protocols.includes("tcp")) this.#parts.holds.release(port);
    this.#parts.pool.give(port, protocols);
  }

  /** Gives back the port of a lease that has ended; it cools down first. */
  free({ port, protocols }: Omit<Allocated, "hold">, name: string | null, now: number): void {
    if (protocols.includes("tcp")) this.#parts.holds.release(port);
    this.withhold(port, protocols, now, name);
  }

  /** Withholds a port for the cool-down, counted from `since`. */
  withhold(port: number, protocols: readonly Protocol[], since: number, name: string | null = null): void {
    const { pool, cooldownMs } = this.#parts;
    if (cooldownMs === 0) return pool.give(port, protocols);
    pool.take(port, protocols);
    this.#quarantine.add({ port, protocols, name, until: since + cooldownMs });
  }

  /** Puts back into the pool what has cooled down. @returns whether anything did. */
  expireQuarantine(now: number): boolean {
    let any = false;
    for (const { port, protocols } of this.#quarantine.due(now)) {
      this.#parts.pool.give(port, protocols);
      any = true;
    }
    return any;
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

  #named(port: number, wish: Wish): Allocation {
    const { pool, isExcluded } = this.#parts;
    if (isExcluded(port)) return { refused: { kind: "excluded", port } };
    // Whoever asks by number may have a port that is cooling down.
    for (const { protocols } of this.#quarantine.takeOut(port)) pool.give(port, protocols);
    if (!pool.isFree(port, wish.protocols)) return { refused: { kind: "leased", port } };
    return this.#claimed(this.#claim(port, wish, true), port, wish);
  }

  #ofTheKernel(wish: Wish): Allocation {
    return this.#claimed(this.#parts.holds.claimAny(wish), 0, wish);
  }

  #sticky(wish: Wish): Allocation | undefined {
    const { pool, names, isExcluded } = this.#parts;
    const port = wish.name === null ? undefined : names.get(wish.name);
    if (port === undefined || isExcluded(port) || !isWithin(port, wish)) return undefined;
    if (port < (wish.lowest ?? 0) && !pool.has(port)) return undefined;
    const withheld = this.#quarantine.takeBack(port, wish.name!);
    if (withheld !== undefined) pool.give(port, withheld.protocols);
    if (!pool.isFree(port, wish.protocols)) return undefined;
    const allocation = this.#claimed(this.#claim(port, wish, true), port, wish);
    return "allocated" in allocation ? allocation : undefined;
  }

  #dynamic(wish: Wish, now: number): Allocation {
    const { pool, isExcluded } = this.#parts;
    const passedOver: number[] = [];
    try {
      for (;;) {
        const port = this.#candidate(wish);
        if (port === undefined) return { refused: { kind: "exhausted" } };
        if (isExcluded(port)) { // a range may hold what the pool does not
          pool.take(port, wish.protocols);
          passedOver.push(port);
          continue;
        }
        const claim = this.#claim(port, wish, false);
        if (claim.obstacle?.reason === "no_descriptors") return { refused: { kind: "no_descriptors" } };
        if (claim.obstacle === undefined) return this.#claimed(claim, port, wish);
        this.withhold(port, wish.protocols, now); // a stranger's: not asked for again at once
        if (this.#parts.cooldownMs === 0) {
          pool.take(port, wish.protocols);
          passedOver.push(port);
        }
      }
    } finally {
      for (const port of passedOver) pool.give(port, wish.protocols);
    }
  }

  #candidate({ name, range, protocols }: Wish): number | undefined {
    const { pool } = this.#parts;
    if (range !== undefined) {
      const span = range.last - range.first + 1;
      return pool.searchRange(protocols, range, name === null ? range.first : range.first + pool.slot(name) % span);
    }
    return name === null ? pool.next(protocols) : pool.search(protocols, pool.slot(name));
  }

  #claimBlock(first: number, length: number, wish: Wish, now: number): Allocated[] | "no_descriptors" | undefined {
    const block: Allocated[] = [];
    for (let port = first; port < first + length; port++) {
      const claim: Claim = this.#parts.isExcluded(port)
        ? { obstacle: { reason: "in_use", protocol: wish.protocols[0]! } }
        : this.#claim(port, wish, false);
      if (claim.obstacle === undefined) {
        block.push(this.#taken(claim, wish));
        continue;
      }
      for (const allocated of block) this.undo(allocated);
      if (claim.obstacle.reason === "no_descriptors") return "no_descriptors";
      this.#parts.pool.take(port, wish.protocols);
      this.#quarantine.add({ port, protocols: wish.protocols, name: null, until: now + this.#parts.cooldownMs });
      return undefined;
    }
    return block;
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
    this.#parts.pool.take(port, protocols);
    return { port, protocols, hold };
  }
}

/** Whether a name's last port is one that this wish may have. */
function isWithin(port: number, { range }: Wish): boolean {
  return range === undefined || (port >= range.first && port <= range.last);
}
