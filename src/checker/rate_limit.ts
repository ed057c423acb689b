/** How often callers may ask for a check: a bounded table of token buckets. Knows time only as it is passed. Pure. */
import type { Share } from "./caller_address.ts";

/** Limits of {@linkcode RateLimit}, those of a share of size 1. */
export interface RateLimits {
  /** So many at once. */
  readonly burst: number;
  /** One more after so many milliseconds. */
  readonly refillMs: number;
  /** So many networks are remembered; beyond that the one that asked longest ago is forgotten. */
  readonly mostNetworks: number;
}

/** A bucket; it is full again `burst` times `refillMs` after it was emptied. */
interface Bucket {
  readonly left: number;
  readonly at: number;
}

/** Counts for each network. */
export class RateLimit {
  readonly #limits: RateLimits;
  /** In the order of their last use. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(limits: RateLimits) {
    this.#limits = limits;
  }

  /** How many networks are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Takes one from each share, or from none.
   *
   * @param now is monotonic, in milliseconds.
   * @returns 0, or in how many milliseconds there will be one.
   */
  take(shares: readonly Share[], now: number): number {
    const found = shares.map((share) => ({ share, left: this.#leftOf(share, now) }));
    const waits = found.map(({ share: { size }, left }) => (1 - left) * this.#limits.refillMs / size);
    const waitMs = Math.max(0, ...waits);
    if (waitMs > 0) return waitMs;
    for (const { share: { network }, left } of found) {
      this.#buckets.delete(network);
      this.#buckets.set(network, { left: left - 1, at: now });
    }
    this.#forget();
    return 0;
  }

  #leftOf({ network, size }: Share, now: number): number {
    const { burst, refillMs } = this.#limits, bucket = this.#buckets.get(network);
    if (bucket === undefined) return burst * size;
    return Math.min(burst * size, bucket.left + (now - bucket.at) * size / refillMs);
  }

  #forget(): void {
    for (const network of this.#buckets.keys()) {
      if (this.#buckets.size <= this.#limits.mostNetworks) return;
      this.#buckets.delete(network);
    }
  }
}
