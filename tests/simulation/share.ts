/** A share of the sequences of a run: one thread runs it. */
import { type Invariant, INVARIANTS } from "./invariants/all.ts";
import { type Outcome, Simulator } from "./sequence.ts";
import { shrink } from "./shrink.ts";

/** Which sequences to run, and what to do about a failure. */
export interface Share {
  /** The first seed. */
  readonly seed: number;
  /** The distance to the next. */
  readonly stride: number;
  /** The first seed that is not taken; null when only the time ends the share. */
  readonly end: number | null;
  /** How long it may take, in milliseconds; null when only the seeds end it. */
  readonly forMs: number | null;
  /** The numbers of the steps that are taken; null for all. */
  readonly steps: readonly number[] | null;
  /** The names of the invariants to check. */
  readonly invariants: readonly string[];
  /** Whether to go on after a failure. */
  readonly survey: boolean;
  readonly shrinkMs: number;
  /** One number that all threads of a run share: 1 when one of them has failed and the others are to stop. */
  readonly stop?: SharedArrayBuffer;
}

/** The outcome of a share. */
export interface Tally {
  readonly sequences: number;
  readonly steps: number;
  /** The seeds with which each invariant failed. */
  readonly failures: Readonly<Record<string, readonly number[]>>;
  /** The first failure in words; null without one, and in a survey. */
  readonly report: string | null;
}

/** Runs a share. */
export async function runShare(share: Share): Promise<Tally> {
  await using simulator = await Simulator.open();
  const { stride, end, forMs, steps: numbers, survey } = share;
  const invariants = INVARIANTS.filter(({ name }) => share.invariants.includes(name));
  const until = performance.now() + (forMs ?? Infinity), failures: Record<string, number[]> = {};
  const stop = new Int32Array(share.stop ?? new SharedArrayBuffer(4));
  let sequences = 0, steps = 0, report: string | null = null;
  for (let seed = share.seed; seed < (end ?? Infinity) && performance.now() < until; seed += stride) {
    if (Atomics.load(stop, 0) === 1) break;
    const outcome = await simulator.run({ seed, invariants, ...(numbers && { steps: numbers }) });
    sequences++;
    steps += outcome.trace.length;
    if (outcome.failure === undefined) continue;
    (failures[outcome.failure.invariant] ??= []).push(seed);
    if (survey) continue;
    Atomics.store(stop, 0, 1);
    report = await describe(simulator, seed, { outcome, invariants, patienceMs: share.shrinkMs });
    break;
  }
  return { sequences, steps, failures, report };
}

interface Found {
  readonly outcome: Outcome;
  readonly invariants: readonly Invariant[];
  readonly patienceMs: number;
}

/** A failure in words, with the steps that are enough for it. */
async function describe(simulator: Simulator, seed: number, found: Found): Promise<string> {
  const { failure, steps, trace } = await shrink(simulator, { seed, ...found });
  const { promise } = INVARIANTS.find(({ name }) => name === failure.invariant)!;
  const isSelected = found.invariants.length < INVARIANTS.length;
  return [
    `Seed ${seed}: "${failure.invariant}" does not hold (${promise}):`,
    `  ${failure.detail}`,
    `${steps.length} of ${found.outcome.steps.length} steps are enough:`,
    ...trace.map((words, i) => `  ${String(i + 1).padStart(3)}. ${words}`),
    `Once more: deno task simulate --seed ${seed} --steps ${steps.join(",")}${
      isSelected ? ` --only "${failure.invariant}"` : ""
    }`,
  ].join("\n");
}
