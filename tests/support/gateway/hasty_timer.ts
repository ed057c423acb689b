import type { Timer } from "../../../src/clock.ts";

/** Options of a {@linkcode HastyTimer}. */
export interface HastyOptions {
  /** How many of its timers go off at once; the others never do. @default all */
  readonly hasty?: number;
}

/** A timer whose durations are over as soon as the event loop has looked for datagrams, and which keeps them. */
export class HastyTimer implements Timer {
  readonly durations: number[] = [];
  readonly #hasty: number;

  constructor({ hasty = Infinity }: HastyOptions = {}) {
    this.#hasty = hasty;
  }

  monotonic(): number {
    return 0;
  }

  after(ms: number, callback: () => void): () => void {
    this.durations.push(ms);
    if (this.durations.length > this.#hasty) return () => {};
    const timer = setTimeout(callback, 0);
    return () => clearTimeout(timer);
  }
}
