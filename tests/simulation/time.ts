/** Virtual time: it stands still until a step lets it pass, and its timers fire one at a time. */
import type { Clock } from "../../src/clock.ts";
import type { Random } from "../support/random.ts";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** The time of a sequence, over every restart within it. */
export class VirtualTime {
  wall = Date.parse("2026-11-23T10:00:00Z");
  monotonic = 1_000_000;
  #timers: Timer[] = [];

  /** When the next timer is due; `undefined` when there is none. */
  get nextTimer(): number | undefined {
    return this.#timers.length === 0 ? undefined : Math.min(...this.#timers.map(({ at }) => at));
  }

  /** The clock of one run of the daemon. @param isAlive is false once that run has crashed. */
  clock(isAlive: () => boolean): Clock {
    return {
      now: () => this.wall,
      monotonic: () => this.monotonic,
      after: (ms, callback) => {
        const timer = { at: this.monotonic + ms, callback: () => isAlive() && callback() };
        this.#timers.push(timer);
        return () => {
          this.#timers = this.#timers.filter((other) => other !== timer);
        };
      },
    };
  }

  /** Time passes. Timers fire when they are due; the seed decides which of several fires first. */
  async advance(ms: number, random: Random, drain: () => Promise<void>): Promise<void> {
    const end = this.monotonic + ms;
    for (let at = this.nextTimer; at !== undefined && at <= end; at = this.nextTimer) {
      this.#passUntil(at);
      const timer = random.pick(this.#timers.filter((each) => each.at === at));
      this.#timers = this.#timers.filter((other) => other !== timer);
      timer.callback();
      await drain();
    }
    this.#passUntil(end);
  }

  /** The machine reboots: its monotonic clock begins at 0, and no timer is left. */
  reboot(): void {
    this.monotonic = 0;
    this.#timers = [];
  }

  /** The process ends: its timers are gone. */
  dropTimers(): void {
    this.#timers = [];
  }

  #passUntil(at: number): void {
    const passed = Math.max(0, at - this.monotonic);
    this.wall += passed;
    this.monotonic += passed;
  }
}
