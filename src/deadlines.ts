/** Deadlines that are all equally far away, with one timer for them all: a timer each costs some 4 µs a request. */

/** Where time comes from. */
export interface DeadlineClock {
  /** Milliseconds that never go back. */
  monotonic(): number;
  /** Calls back once after `ms`; the returned function calls it off. */
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
  /** What is called when the time is up, with that time; in order, as all have equally long. */
  readonly #waiting = new Map<() => void, number>();
  #cancel: (() => void) | undefined;
  #isResting = false;

  /** @param ms how far each deadline is away. */
  constructor(ms: number, clock = PROCESS_CLOCK) {
    this.#ms = ms;
    this.#clock = clock;
  }

  /** Calls `late` once when the time is up, and never earlier, unless {@linkcode Deadlines.remove} comes first. */
  add(late: () => void): void {
    this.#waiting.set(late, this.#clock.monotonic() + this.#ms);
    this.#cancel ??= this.#clock.after(this.#ms, () => this.#look());
  }

  /** It was done in time. */
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

  #look(): void {
    this.#cancel = undefined;
    const now = this.#clock.monotonic();
    for (const [late, deadline] of this.#waiting) {
      if (deadline > now) {
        this.#cancel = this.#clock.after(deadline - now, () => this.#look());
        return;
      }
      this.#waiting.delete(late);
      late();
    }
  }
}
