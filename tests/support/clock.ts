import type { Clock } from "../../src/clock.ts";

/** A clock that stands still until a test has time pass. */
export class FakeClock implements Clock {
  #now: number;
  #monotonic: number;
  #timers: { at: number; callback: () => void }[] = [];

  constructor(now = Date.parse("2026-11-23T10:00:00Z"), monotonic = 1_000_000) {
    this.#now = now;
    this.#monotonic = monotonic;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#monotonic + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Time passes; timers that are due are called in their order. */
  advance(ms: number): void {
    this.#now += ms;
    this.#monotonic += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#monotonic).sort((a, b) => a.at - b.at);
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { callback } of due) callback();
  }

  /** Somebody sets the wall clock; no time passes. */
  step(ms: number): void {
    this.#now += ms;
  }
}
