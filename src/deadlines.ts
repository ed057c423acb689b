/** Deadlines that all have the same time limit, and share one timer: a timer of its own would cost a request 4 µs. */
import type { Timer } from "./clock.ts";
import { startTimer } from "./wait.ts";

const PROCESS_TIMER: Timer = { monotonic: () => performance.now(), after: startTimer };

/** One who waits for a deadline. They are a linked list in the order of their times: to leave it costs no search. */
export interface Deadline {
  late: () => void;
  at: number;
  previous: Deadline;
  next: Deadline;
}

/** The timer outlives those who wait, for as long as a deadline is away: requests that follow each other share it. */
export class Deadlines {
  readonly #ms: number;
  readonly #clock: Timer;
  /** Head and end of the ring of those who wait; it is none of them. */
  readonly #ring: Deadline;
  #cancel: (() => void) | undefined;
  #isResting = false;

  /** @param ms is the time limit. */
  constructor(ms: number, clock = PROCESS_TIMER) {
    this.#ms = ms;
    this.#clock = clock;
    const ring = { late: () => {}, at: Infinity } as Deadline;
    ring.previous = ring.next = ring;
    this.#ring = ring;
  }

  /**
   * Calls `late` once when the time is up, never earlier.
   *
   * @returns what {@linkcode Deadlines.remove} takes, to be called when the deadline is met.
   */
  add(late: () => void): Deadline {
    const next = this.#ring, { previous } = next;
    const deadline = { late, at: this.#clock.monotonic() + this.#ms, previous, next };
    previous.next = next.previous = deadline;
    this.#cancel ??= this.#clock.after(this.#ms, () => this.#callLate());
    return deadline;
  }

  /** Removes a deadline that was met. */
  remove(deadline: Deadline): void {
    leave(deadline);
    if (this.#isResting) this.#endIdleTimer();
  }

  /** From now on the timer ends when nobody waits: few requests follow. */
  rest(): void {
    this.#isResting = true;
    this.#endIdleTimer();
  }

  #endIdleTimer(): void {
    if (this.#ring.next !== this.#ring) return;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #callLate(): void {
    this.#cancel = undefined;
    const now = this.#clock.monotonic();
    for (let first = this.#ring.next; first !== this.#ring; first = this.#ring.next) {
      if (first.at > now) {
        this.#cancel = this.#clock.after(first.at - now, () => this.#callLate());
        return;
      }
      leave(first);
      first.late();
    }
  }
}

/** Takes a deadline out of its ring; twice does no harm. */
function leave(deadline: Deadline): void {
  const { previous, next } = deadline;
  previous.next = next;
  next.previous = previous;
  deadline.previous = deadline.next = deadline;
}
