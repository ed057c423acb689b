/** Deadlines that all have the same time limit, and share one timer: a timer of its own would cost a request 4 µs. */

/** Where time comes from. */
export interface DeadlineClock {
  /** Milliseconds on a clock that never goes back. */
  monotonic(): number;
  /** Calls back once after `ms`; the returned function cancels that. */
  after(ms: number, callback: () => void): () => void;
}

const PROCESS_CLOCK: DeadlineClock = {
  monotonic: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** The timer outlives those who wait, for as long as a deadline is away: requests that follow each other share it. */
export class Deadlines {
  readonly #ms: number;
  readonly #clock: DeadlineClock;
  /** What is called at a deadline, with its time. They are in order, as all have the same time limit. */
  readonly #waiting = new Map<() => void, number>();
  #cancel: (() => void) | undefined;
  #isResting = false;

  /** @param ms is the time limit. */
  constructor(ms: number, clock = PROCESS_CLOCK) {
    this.#ms = ms;
    this.#clock = clock;
  }

  /** Calls `late` once when the time is up, never earlier, unless {@linkcode Deadlines.remove} is called first. */
  add(late: () => void): void {
    this.#waiting.set(late, this.#clock.monotonic() + this.#ms);
    this.#cancel ??= this.#clock.after(this.#ms, () => this.#callLate());
  }

  /** Removes a deadline that was met. */
  remove(late: () => void): void {
    this.#waiting.delete(late);
    if (this.#isResting) this.#endIdleTimer();
  }

  /** From now on the timer ends when nobody waits: few requests follow. */
  rest(): void {
    this.#isResting = true;
    this.#endIdleTimer();
  }

  #endIdleTimer(): void {
    if (this.#waiting.size > 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #callLate(): void {
    this.#cancel = undefined;
    const now = this.#clock.monotonic();
    for (const [late, deadline] of this.#waiting) {
      if (deadline > now) {
        this.#cancel = this.#clock.after(deadline - now, () => this.#callLate());
        return;
      }
      this.#waiting.delete(late);
      late();
    }
  }
}
