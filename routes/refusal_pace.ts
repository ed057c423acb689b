/**
 * The pace of refusals that say "try again later". A caller that tries again at once, many times a second, takes from
 * everybody else the time that its refusals cost. So beyond a rate each refusal waits for its turn: the flood gets no
 * more answers than the daemon can easily give.
 */
import type { Clock } from "../src/clock.ts";

/** One refusal has its turn so often, in milliseconds. */
const TURN_MS = 10;
/** So many are answered at once before the pace counts, in milliseconds of turns: twenty. */
const AT_ONCE_MS = 200;
/** No refusal waits longer, in milliseconds: what the header `Retry-After` asks for anyway. */
const LONGEST_MS = 5000;

/** Gives each refusal its turn. */
export class RefusalPace {
  readonly #clock: Pick<Clock, "monotonic" | "after">;
  /** When the turn after the last one begins, on the clock since boot. */
  #nextAt = -Infinity;

  constructor(clock: Pick<Clock, "monotonic" | "after">) {
    this.#clock = clock;
  }

  /** Answers when it is the refusal's turn: at once unless there are many. */
  answer(refusal: Response): Response | Promise<Response> {
    const now = this.#clock.monotonic();
    this.#nextAt = Math.max(this.#nextAt, now - AT_ONCE_MS) + TURN_MS;
    const waitMs = this.#nextAt - now;
    if (waitMs <= 0) return refusal;
    if (waitMs > LONGEST_MS) this.#nextAt = now + LONGEST_MS;
    return new Promise((resolve) => this.#clock.after(Math.min(waitMs, LONGEST_MS), () => resolve(refusal)));
  }
}
