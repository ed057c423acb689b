/**
 * Choosing a port and having the kernel agree: the name's last port, its hash slot, then the port given back longest
 * ago. Knows pool, quarantine and holds; leases and time are the registry's.
 */
import type { Claim, Holds, Obstacle } from "../hold/hold.ts";
import type { HoldKind, Protocol } from "./lease.ts";
import type { Pool } from "./pool.ts";
import { Quarantine, type Withheld } from "./quarantine.ts";
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
  readonly obstacle: { readonly protocol: Protocol };
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
  readonly #quarantine = new Quarantine();

  constructor(parts: AllocatorParts) {
    this.#parts = parts;
  }

  /** How many ports are withheld from dynamic grants for a while. */
  get quarantined(): number {
    return this.#quarantine.size;
  }

  /** Whether a port belongs to the pool. */
  isPooled(port: number): boolean {
    return this.#parts.pool.has(port);
  }

  /** Whether a port is withheld from dynamic grants for a while. */
  isQuarantined(port: number): boolean {
    return this.#quarantine.has(port);
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
      this.#block(wish, length, now, (port) => this.#isFreeOrCooling(port, wish.protocols)) ??
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
    this.#parts.pool.give(port, protocols);
    for (const entry of withheld) this.#withhold(entry);
  }

  /** Gives back the port of a lease that has ended; it cools down first. */
  free({ port, protocols }: Pick<Allocated, "port" | "protocols">, name: string | null, now: number): void {
    this.#releaseClaim(port, { protocols });
    this.cool(port, protocols, now, name);
  }

  /** Has the port of a lease that has ended cool down, counted from `since` on the clock since boot. */
  cool(port: number, protocols: readonly Protocol[], since: number, name: string | null): void {
    this.#withhold({ port, protocols, cause: "freed", name, until: since + this.#parts.cooldownMs });
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

  /** A port asked for by number is granted though it cools down. Where it is refused, it goes on cooling down. */
  #named(port: number, wish: Wish): Allocation {
    const { isExcluded } = this.#parts;
    if (isExcluded(port)) return { refused: { kind: "excluded", port } };
    if (!this.#isFreeOrWithheld(port, wish.protocols)) return { refused: { kind: "leased", port } };
    return this.#claimed(this.#claim(port, wish, true), port, wish);
  }

  /** The kernel knows nothing of a leased UDP port, or of a TCP port without a hold, on which nobody listens. */
  #ofTheKernel(wish: Wish): Allocation {
    const { holds, isExcluded } = this.#parts;
    for (let tries = 0; tries < TRIES_OF_THE_KERNEL; tries++) {
      const claim = holds.claimAny(wish);
      if (claim.obstacle !== undefined) return this.#claimed(claim, 0, wish);
      const isFree = this.#isFreeOrWithheld(claim.port, wish.protocols) && !isExcluded(claim.port);
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
    const own = this.#quarantine.on(port).filter(({ name }) => name === wish.name);
    const isOwn = (protocol: Protocol) => own.some(({ protocols }) => protocols.includes(protocol));
    if (!wish.protocols.every((protocol) => isOwn(protocol) || pool.isFree(port, [protocol]))) return undefined;
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
        this.#withholdRefused(port, claim.obstacle, now);
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
    for (const withheld of this.#quarantine.freed()) {
      const { port } = withheld;
      if (!this.#isCandidate(port, wish) || !this.#isFreeOrCooling(port, wish.protocols)) continue;
      const claim = this.#claim(port, wish, false);
      if (claim.obstacle?.reason === "no_descriptors") return { refused: { kind: "no_descriptors" } };
      if (claim.obstacle === undefined) return this.#claimed(claim, port, wish);
      this.#withholdRefused(port, claim.obstacle, now);
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
      this.#withholdRefused(block.refused, block.obstacle, now);
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
      return obstacle.reason === "no_descriptors" ? "no_descriptors" : { refused: port, obstacle };
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

  /** Whether nothing but the quarantine is in the way of a port. */
  #isFreeOrWithheld(port: number, protocols: readonly Protocol[], cause?: Withheld["cause"]): boolean {
    const entries = this.#quarantine.on(port).filter((entry) => cause === undefined || entry.cause === cause);
    const isWithheld = (protocol: Protocol) => entries.some((entry) => entry.protocols.includes(protocol));
    return protocols.every((protocol) => isWithheld(protocol) || this.#parts.pool.isFree(port, [protocol]));
  }

  #isFreeOrCooling(port: number, protocols: readonly Protocol[]): boolean {
    return this.#isFreeOrWithheld(port, protocols, "freed");
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
    for (const { port } of this.#quarantine.freed()) if (this.#isCandidate(port, wish)) others.add(port);
    if (others.size < missing) return false;
    for (const port of others) {
      if (!isCounted(port) && this.#isFreeOrWithheld(port, wish.protocols) && --missing === 0) return true;
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
    const withheld = this.#endQuarantine(port, protocols);
    this.#parts.pool.take(port, protocols);
    return { port, protocols, hold, withheld };
  }

  /** Somebody else uses the port: it is not asked for again at once. The other protocol may be free. */
  #withholdRefused(port: number, { protocol }: { readonly protocol: Protocol }, now: number): void {
    this.#withhold({ port, protocols: [protocol], cause: "refused", name: null, until: now + this.#parts.cooldownMs });
  }

  /** Puts a port into the quarantine; what withheld it before for the same protocols ends. */
  #withhold(withheld: Withheld): void {
    const { port, protocols } = withheld;
    const { pool, cooldownMs } = this.#parts;
    if (cooldownMs === 0) return pool.give(port, protocols);
    this.#endQuarantine(port, protocols);
    pool.take(port, protocols);
    this.#quarantine.add(withheld);
  }

  /** Withholds a port no longer for these protocols; for others it goes on. @returns what withheld it. */
  #endQuarantine(port: number, protocols: readonly Protocol[]): readonly Withheld[] {
    const ended = this.#quarantine.on(port).filter((entry) => entry.protocols.some((each) => protocols.includes(each)));
    for (const entry of ended) {
      this.#quarantine.remove(entry);
      this.#parts.pool.give(port, entry.protocols.filter((protocol) => protocols.includes(protocol)));
      const others = entry.protocols.filter((protocol) => !protocols.includes(protocol));
      if (others.length > 0) this.#quarantine.add({ ...entry, protocols: others });
    }
    return ended;
  }
}

/** Whether a name's last port is one that this wish may have. */
function isWithin(port: number, { range }: Wish): boolean {
  return range === undefined || (port >= range.first && port <= range.last);
}
