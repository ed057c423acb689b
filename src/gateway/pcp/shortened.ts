/** Which mappings were given a short lifetime as they could not be deleted, and when they end. */
import type { Timer } from "../../clock.ts";

/** So long after its end a router may still have a mapping. */
export const GRACE_S = 5;

/** How many are remembered. */
const MOST = 1000;

/** Mappings by their nonces. */
export class Shortened {
  readonly #timer: Pick<Timer, "monotonic">;
  readonly #ends = new Map<string, number>();

  constructor(timer: Pick<Timer, "monotonic">) {
    this.#timer = timer;
  }

  /** The seconds until a mapping ends, 0 for a while after that; `undefined` of one that is not remembered. */
  secondsLeft(nonce: string): number | undefined {
    this.#prune();
    const endMs = this.#ends.get(nonce);
    return endMs === undefined ? undefined : Math.max(this.#secondsTo(endMs), 0);
  }

  /** Takes note of a mapping that ends after so many seconds. */
  add(nonce: string, lifetimeS: number): void {
    this.#prune();
    if (this.#ends.size < MOST) this.#ends.set(nonce, this.#timer.monotonic() + 1000 * lifetimeS);
  }

  /** A mapping was renewed, or is gone. */
  remove(nonce: string): void {
    this.#ends.delete(nonce);
  }

  #prune(): void {
    for (const [nonce, endMs] of this.#ends) if (this.#secondsTo(endMs) + GRACE_S <= 0) this.#ends.delete(nonce);
  }

  #secondsTo(endMs: number): number {
    return Math.ceil((endMs - this.#timer.monotonic()) / 1000);
  }
}
