/** Whether a router has lost its table, as the seconds tell that it puts into its answers. Pure but for the clock. */
import type { Timer } from "../clock.ts";

/** The router's seconds, and ours at the same time. */
export interface EpochSample {
  readonly routerS: number;
  readonly ourS: number;
}

/** Whether the table was lost between two samples. */
export type EpochRule = (before: EpochSample, now: EpochSample) => boolean;

/** PCP's rule (RFC 6887 section 8.5): lost when the router's clock went back, or ran otherwise than ours by a sixteenth. */
export const pcpEpochRule: EpochRule = (before, now) => {
  const router = now.routerS - before.routerS, ours = now.ourS - before.ourS;
  return router < -1 || ours + 2 < router - router / 16 || router + 2 < ours - ours / 16;
};

/** NAT-PMP's rule (RFC 6886 section 3.6): lost when the router's clock is behind what an eighth less than ours expects. */
export const natPmpEpochRule: EpochRule = (before, now) =>
  now.routerS + 2 < before.routerS + (now.ourS - before.ourS) * 7 / 8;

/** Watches the seconds in a router's answers. */
export class EpochWatch {
  readonly #rule: EpochRule;
  readonly #timer: Pick<Timer, "monotonic">;
  #last: EpochSample | undefined;
  #isLost = false;

  constructor(rule: EpochRule, timer: Pick<Timer, "monotonic">) {
    this.#rule = rule;
    this.#timer = timer;
  }

  /** Takes note of the seconds of an answer that has just arrived. */
  see(routerS: number): void {
    const now = { routerS, ourS: this.#timer.monotonic() / 1000 };
    if (this.#last !== undefined && this.#rule(this.#last, now)) this.#isLost = true;
    this.#last = now;
  }

  /** Whether the table was lost since the last call. */
  takeLoss(): boolean {
    const isLost = this.#isLost;
    this.#isLost = false;
    return isLost;
  }
}
