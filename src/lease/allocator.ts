/**
 * Choosing a port and having the kernel agree: the name's last port, its hash slot, then the port released longest ago.
 * Knows pool, quarantine and holds; leases and time belong to the registry.
 */
import type { Claim, HoldKind, Holds, Obstacle } from "../hold/hold.ts";
import type { Protocol } from "../port/port.ts";
import { AvailablePorts } from "./available_ports.ts";
import { Candidates, type CandidatesParts, type Survey } from "./candidates.ts";
import type { Pool } from "./pool.ts";
import type { Withheld } from "./quarantine.ts";
import type { Wish } from "./wish.ts";

/** A port that was taken for a lease, with its hold. */
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

/** The result of a wish. */
export type Allocation = { readonly allocated: readonly Allocated[] } | { readonly refused: Refused };

/** A port of a block that the kernel does not give. */
interface RefusedPort {
  readonly refused: number;
  readonly protocol: Protocol;
}

/** Why a port was not claimed, or claimed without the hold that was asked for, as the holds have reached their limit. */
export type HoldFailure = Obstacle["reason"] | "limit";

/** The hold of a new lease where none is asked for. */
const USUAL_HOLD: HoldKind = "soft";
/** How many ports of the kernel's choice are tried. */
const TRIES_OF_KERNEL_PORTS = 64;

/** What an {@linkcode Allocator} is made of. */
export interface AllocatorParts extends Omit<CandidatesParts, "available"> {
  readonly pool: Pool;
  readonly holds: Holds;
  readonly cooldownMs: number;
}

/** The only one that takes ports from the pool and gives them back. */
export class Allocator {
  /** How often a claim has failed, for each reason. */
  readonly holdFailures: Record<HoldFailure, number> = { in_use: 0, no_permission: 0, no_descriptors: 0, limit: 0 };
  readonly #parts: AllocatorParts;
  readonly #available: AvailablePorts;
  readonly #candidates: Candidates;

  constructor(parts: AllocatorParts) {
    this.#parts = parts;
    this.#available = new AvailablePorts(parts.pool, parts.cooldownMs);
    this.#candidates = new Candidates({ ...parts, available: this.#available });
  }

  /** How many ports are withheld from dynamic grants for a while. */
  get quarantined(): number {
    return this.#available.withheld;
  }

  /** Whether a port belongs to the pool. */
  isPooled(port: number): boolean {
    return this.#parts.pool.has(port);
  }

  /** Whether a port is withheld from dynamic grants for a while. */
  isQuarantined(port: number): boolean {
    return this.#available.isWithheld(port);
  }

  /** As {@linkcode Candidates.canBeEnough}. */
  canBeEnough(wishes: readonly Wish[]): boolean {
    return this.#candidates.canBeEnough(wishes);
  }

  /** As {@linkcode Candidates.some}. */
  candidates(protocols: readonly Protocol[], most: number): readonly number[] {
    return this.#candidates.some(protocols, most);
  }

  /** As {@linkcode Candidates.survey}. */
  survey(wish: Wish, privilegedBelow: number): Survey {
    return this.#candidates.survey(wish, privilegedBelow);
  }

  /**
   * One port for a wish. A port that cools down is taken where no other is free.
   *
   * @param now is the clock since boot.
   */
  allocate(wish: Wish, now: number): Allocation {
    if (wish.port !== undefined) return this.#named(wish.port, wish);
    for (const port of wish.prefer) {
      const preferred = this.#named(port, wish);
      if ("allocated" in preferred) return preferred;
    }
    if (wish.pool === "os") return this.#fromKernel(wish);
    return this.#sticky(wish) ?? this.#dynamic(wish, now) ?? this.#cooling(wish, now) ??
      { refused: { kind: "exhausted" } };
  }

  /** `length` contiguous ports for a wish; ports that cool down are taken where there is no other block. */
  allocateBlock(wish: Wish, length: number, now: number): Allocation {
    return this.#block(wish, length, now, (port) => this.#parts.pool.isFree(port, wish.protocols)) ??
      this.#block(wish, length, now, (port) => this.#available.isFreeOrCooling(port, wish.protocols)) ??
      { refused: { kind: "exhausted" } };
  }

  /** Takes the port of a lease that was granted by an earlier run. @returns whether a hold is kept on it. */
  restore(port: number, protocols: readonly Protocol[], hold: HoldKind): boolean {
    this.#parts.pool.take(port, protocols);
    return hold === "soft" && this.#parts.holds.retake(port);
  }

  /** The hold that a live lease gets when this one is asked for: `none` where there can be no other. */
  possibleHold({ port, protocols }: Pick<Allocated, "port" | "protocols">, asked: HoldKind): HoldKind {
    const { holds } = this.#parts;
    const isPossible = protocols.includes("tcp") && (holds.has(port) || holds.size < holds.limit);
    return asked === "soft" && isPossible ? "soft" : "none";
  }

  /** Takes or drops the hold of a live lease, as the lease says. While somebody listens none can be taken. */
  keepHold({ port, protocols, hold }: Pick<Allocated, "port" | "protocols" | "hold">): void {
    if (hold === "none") this.#releaseClaim(port, { protocols });
    else this.#parts.holds.retake(port);
  }

  /** Undoes an allocation: the port is as it was before, free or cooling down. */
  undo({ port, protocols, withheld }: Allocated): void {
    this.#releaseClaim(port, { protocols });
    this.#available.putBack(port, protocols, withheld);
  }

  /** Gives back the port of a lease that has ended; it cools down first. */
  free({ port, protocols }: Pick<Allocated, "port" | "protocols">, name: string | null, now: number): void {
    this.#releaseClaim(port, { protocols });
    this.cool(port, protocols, now, name);
  }

  /** The port of a lease that ended at `since`, on the clock since boot, cools down from then on. */
  cool(port: number, protocols: readonly Protocol[], since: number, name: string | null): void {
    this.#available.cool(port, protocols, since, name);
  }

  /** Puts ports that have cooled down back into the pool. @returns whether there were any. */
  expireQuarantine(now: number): boolean {
    return this.#available.expire(now);
  }

  /** A port asked for by number is granted even while it cools down. When it is refused, it goes on cooling down. */
  #named(port: number, wish: Wish): Allocation {
    const { isExcluded } = this.#parts;
    if (isExcluded(port)) return { refused: { kind: "excluded", port } };
    if (!this.#available.isFreeOrWithheld(port, wish.protocols)) return { refused: { kind: "leased", port } };
    return this.#claimed(this.#claimNamed(port, wish), port, wish);
  }

  /** Where the holder listens already the kernel must refuse; no hold can be kept beside a listener. */
  #claimNamed(port: number, wish: Wish): Claim {
    const { protocols, listening = [] } = wish;
    const claim = this.#claim(port, wish, true);
    const { obstacle } = claim;
    if (obstacle?.reason !== "in_use" || !listening.includes(obstacle.protocol)) return claim;
    const others = protocols.filter((protocol) => !listening.includes(protocol));
    return others.length === 0 ? { port, hold: "none" } : this.#claim(port, { ...wish, protocols: others }, true);
  }

  /** The kernel does not know about a leased UDP port, or a TCP port without a hold, on which nobody listens. */
  #fromKernel(wish: Wish): Allocation {
    const { holds, isExcluded } = this.#parts;
    for (let tries = 0; tries < TRIES_OF_KERNEL_PORTS; tries++) {
      const claim = this.#counted(holds.claimAny({ protocols: wish.protocols, hold: wish.hold ?? USUAL_HOLD }), wish);
      if (claim.obstacle !== undefined) return this.#claimed(claim, 0, wish);
      const isFree = this.#available.isFreeOrWithheld(claim.port, wish.protocols) && !isExcluded(claim.port);
      if (isFree) return this.#claimed(claim, claim.port, wish);
      this.#releaseClaim(claim.port, wish);
    }
    return { refused: { kind: "exhausted" } };
  }

  /** The port that the name had last. @returns `undefined` when the wish may not have it, or the kernel refuses it. */
  #sticky(wish: Wish): Allocation | undefined {
    const port = this.#candidates.lastPort(wish);
    if (port === undefined) return undefined;
    const claim = this.#claim(port, wish, true);
    return claim.obstacle === undefined ? this.#claimed(claim, port, wish) : undefined;
  }

  /** A free port of the pool or of the range. @returns `undefined` when there is none. */
  #dynamic(wish: Wish, now: number): Allocation | undefined {
    const { pool, isExcluded, cooldownMs } = this.#parts;
    const skipped: number[] = [];
    const skip = (port: number) => {
      pool.take(port, wish.protocols);
      skipped.push(port);
    };
    try {
      for (let port = this.#candidates.next(wish); port !== undefined; port = this.#candidates.next(wish)) {
        if (isExcluded(port)) { // possible in a range only: the pool has no excluded ports
          skip(port);
          continue;
        }
        const claim = this.#claim(port, wish, false);
        if (claim.obstacle === undefined) return this.#claimed(claim, port, wish);
        if (claim.obstacle.reason === "no_descriptors") return { refused: { kind: "no_descriptors" } };
        this.#available.withholdUsed(port, claim.obstacle.protocol, now);
        if (cooldownMs === 0) skip(port);
      }
      return undefined;
    } finally {
      for (const port of skipped) pool.give(port, wish.protocols);
    }
  }

  /** The port released longest ago that the wish may have and the kernel gives. */
  #cooling(wish: Wish, now: number): Allocation | undefined {
    for (const port of this.#available.cooling()) {
      if (!this.#candidates.includes(port, wish) || !this.#available.isFreeOrCooling(port, wish.protocols)) continue;
      const claim = this.#claim(port, wish, false);
      if (claim.obstacle?.reason === "no_descriptors") return { refused: { kind: "no_descriptors" } };
      if (claim.obstacle === undefined) return this.#claimed(claim, port, wish);
      this.#available.withholdUsed(port, claim.obstacle.protocol, now);
    }
  }

  #block(
    wish: Wish,
    length: number,
    now: number,
    isUsable: (port: number) => boolean,
  ): Allocation | undefined {
    const refused = new Set<number>();
    const search = this.#candidates.blockSearch(wish, length, (port) => !refused.has(port) && isUsable(port));
    for (let first = search(); first !== undefined; first = search()) {
      const block = this.#claimBlock(first, length, wish);
      if (block === "no_descriptors") return { refused: { kind: "no_descriptors" } };
      if (!("refused" in block)) return { allocated: block };
      refused.add(block.refused);
      this.#available.withholdUsed(block.refused, block.protocol, now);
    }
  }

  /** @returns the ports of the block, or the first one that the kernel refuses; then none of them is taken. */
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

  /** A hold is a TCP socket: where only UDP was asked for, the one on the same number is that of another lease. */
  #releaseClaim(port: number, { protocols }: Pick<Wish, "protocols">): void {
    if (protocols.includes("tcp")) this.#parts.holds.release(port);
  }

  #claim(port: number, wish: Wish, named: boolean): Claim {
    const { protocols, hold = USUAL_HOLD } = wish;
    return this.#counted(this.#parts.holds.claim(port, { protocols, hold, named }), wish);
  }

  /** The claim, counted where it has failed. Without holds on this system there is no limit to reach. */
  #counted(claim: Claim, { protocols, hold = USUAL_HOLD }: Wish): Claim {
    if (claim.obstacle !== undefined) this.holdFailures[claim.obstacle.reason]++;
    else if (claim.hold !== hold && protocols.includes("tcp") && this.#parts.holds.limit > 0) this.holdFailures.limit++;
    return claim;
  }

  #claimed(claim: Claim, port: number, wish: Wish): Allocation {
    if (claim.obstacle === undefined) return { allocated: [this.#taken(claim, wish)] };
    if (claim.obstacle.reason === "no_descriptors") return { refused: { kind: "no_descriptors" } };
    return { refused: { kind: "kernel", port, obstacle: claim.obstacle } };
  }

  #taken({ port, hold }: { port: number; hold: HoldKind }, { protocols }: Wish): Allocated {
    return { port, protocols, hold, withheld: this.#available.take(port, protocols) };
  }
}
