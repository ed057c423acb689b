import type { Timer } from "../../../src/clock.ts";

/** A timer whose durations are over as soon as the event loop has looked for datagrams, and which keeps them. */
export class HastyTimer implements Timer {
  readonly durations: number[] = [];
  /** How many more of its timers go off; the others never do. */
  left: number;

  /** @param left is 0 where an answer is waited for first, however long it takes. */
  constructor(left = Infinity) {
    this.left = left;
  }

  monotonic(): number {
    return 0;
  }

  after(ms: number, callback: () => void): () => void {
    this.durations.push(ms);
    if (this.left <= 0) return () => {};
    this.left--;
    const timer = setTimeout(callback, 0);
    return () => clearTimeout(timer);
  }
}
