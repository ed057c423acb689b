/**
 * The pace of refusals that say "try again later". A caller that tries again at once, many times a second, takes from
 * everybody else the time that its refusals cost. So beyond a rate each refusal waits for its turn: the flood gets no
 * more answers than the daemon can easily give.
 */
import type { Timer } from "../src/clock.ts";

/** One refusal has its turn so often, in milliseconds. */
const TURN_MS = 10;
/** So many are answered at once before the pace counts, in milliseconds of turns: twenty. */
const AT_ONCE_MS = 200;
/** No refusal waits longer, in milliseconds: what the header `Retry-After` asks for anyway. */
const LONGEST_MS = 5000;
/** So many refusals wait at most, some megabytes; the others are answered at once. */
const MOST_WAITING = 4096;

/** Gives each refusal its turn. */
export class RefusalPace {
  readonly #clock: Timer;
  /** When the last turn that was given begins, on the clock since boot. */
  #lastTurnAt = -Infinity;
  /** What answers each refusal that waits. */
  readonly #waiting = new Set<() => void>();
  #hasEnded = false;

  constructor(clock: Timer) {
    this.#clock = clock;
  }

  /** Answers when it is the refusal's turn: at once unless there are many. */
  answer(refusal: Response): Response | Promise<Response> {
    if (this.#hasEnded || this.#waiting.size >= MOST_WAITING) return refusal;
    const now = this.#clock.monotonic();
    this.#lastTurnAt = Math.min(Math.max(this.#lastTurnAt, now - AT_ONCE_MS) + TURN_MS, now + LONGEST_MS);
    const waitMs = this.#lastTurnAt - now;
    return waitMs <= 0 ? refusal : this.#later(refusal, waitMs);
  }

  /** Answers all that wait, and every later refusal at once: the daemon stops. */
  end(): void {
    this.#hasEnded = true;
    for (const answer of this.#waiting) answer();
  }

  #later(refusal: Response, waitMs: number): Promise<Response> {
    return new Promise((resolve) => {
      const answer = () => {
        this.#waiting.delete(answer);
        cancel();
        resolve(refusal);
      };
      const cancel = this.#clock.after(waitMs, answer);
      this.#waiting.add(answer);
    });
  }
}
