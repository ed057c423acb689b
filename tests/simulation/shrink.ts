/** Making a failing sequence short: steps are left out as long as the same invariant fails. */
import type { Invariant } from "./invariants/all.ts";
import type { Failure, Outcome, SequenceOptions, Simulator } from "./sequence.ts";

/** What is left of a failing sequence. */
export interface Shrunk {
  readonly failure: Failure;
  /** The numbers of the steps that are left. */
  readonly steps: readonly number[];
  readonly trace: readonly string[];
}

/** Options of {@linkcode shrink}. */
export interface ShrinkOptions extends Omit<SequenceOptions, "steps"> {
  /** The outcome of the whole sequence, which is a failure. */
  readonly outcome: Outcome;
  readonly invariants: readonly Invariant[];
  /** How long it may take, in milliseconds. */
  readonly patienceMs: number;
}

/** Leaves out steps, many at once at first, then fewer, until none can be left out or the time is up. */
export async function shrink(simulator: Simulator, options: ShrinkOptions): Promise<Shrunk> {
  const { seed, tamper, outcome, patienceMs } = options;
  const { name } = options.invariants.find(({ name }) => name === outcome.failure!.invariant)!;
  const invariants = options.invariants.filter((each) => each.name === name);
  const until = performance.now() + patienceMs;
  let best: Shrunk = { failure: outcome.failure!, steps: outcome.steps, trace: outcome.trace };
  for (let size = Math.ceil(best.steps.length / 2); size >= 1;) {
    let isShorter = false;
    for (let at = best.steps.length - size; at > -size && performance.now() < until; at -= size) {
      const steps = best.steps.filter((_, i) => i < at || i >= at + size);
      const { failure, trace } = await simulator.run({ seed, steps, invariants, tamper });
      if (failure === undefined) continue;
      best = { failure, steps, trace };
      isShorter = true;
    }
    if (performance.now() >= until || (size === 1 && !isShorter)) break;
    size = isShorter && size === 1 ? 1 : Math.max(1, Math.floor(size / 2));
  }
  return best;
}
