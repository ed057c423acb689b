/**
 * `deno task simulate`: runs sequences until the time is up or one fails; docs/reliability.md says what they are.
 *
 *     deno task simulate --seconds 60 --seed 1
 *     deno task simulate --seed 4711 --steps 3,8,9      what a failing run has printed
 */
import { parseArgs } from "node:util";
import { type Invariant, INVARIANTS } from "./invariants/all.ts";
import { type Outcome, Simulator } from "./sequence.ts";
import { shrink } from "./shrink.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

/** What the command line asks for. */
interface Wanted {
  readonly seed: number;
  readonly seconds: number;
  readonly sequences: number;
  readonly steps: readonly number[] | undefined;
  readonly invariants: readonly Invariant[];
  /** Goes on after a failure, and counts. */
  readonly survey: boolean;
  readonly shrinkMs: number;
}

async function main(args: readonly string[]): Promise<number> {
  const wanted = readFlags(args);
  await using simulator = await Simulator.open();
  const until = performance.now() + wanted.seconds * 1000, began = performance.now();
  const found = new Map<string, number[]>();
  let count = 0, steps = 0;
  while (count < wanted.sequences && performance.now() < until) {
    const seed = wanted.seed + count++;
    const { invariants } = wanted;
    const outcome = await simulator.run({ seed, invariants, ...(wanted.steps && { steps: wanted.steps }) });
    steps += outcome.trace.length;
    if (outcome.failure === undefined) continue;
    const { invariant } = outcome.failure;
    found.set(invariant, [...found.get(invariant) ?? [], seed]);
    if (wanted.survey) continue;
    await report(simulator, seed, outcome, wanted);
    break;
  }
  for (const [name, seeds] of found) {
    console.log(`"${name}" failed ${seeds.length} times: ${seeds.slice(0, 9).join(" ")}`);
  }
  const seconds = (performance.now() - began) / 1000;
  const rate = (count / seconds).toFixed(0);
  console.log(`${count} sequences, ${steps} steps, ${rate} sequences/s, ${found.size === 0 ? "no" : "a"} failure`);
  return found.size === 0 ? 0 : 1;
}

async function report(simulator: Simulator, seed: number, outcome: Outcome, wanted: Wanted): Promise<void> {
  const { invariants, shrinkMs } = wanted;
  const { failure, steps, trace } = await shrink(simulator, { seed, outcome, invariants, patienceMs: shrinkMs });
  const { promise } = invariants.find(({ name }) => name === failure.invariant)!;
  console.log(`Seed ${seed}: "${failure.invariant}" does not hold (${promise}):`);
  console.log(`  ${failure.detail}`);
  console.log(`${steps.length} of ${outcome.steps.length} steps are enough:`);
  for (const [i, words] of trace.entries()) console.log(`  ${String(i + 1).padStart(3)}. ${words}`);
  const only = wanted.invariants.length === INVARIANTS.length ? "" : ` --only "${failure.invariant}"`;
  console.log(`Once more: deno task simulate --seed ${seed} --steps ${steps.join(",")}${only}`);
}

function readFlags(args: readonly string[]): Wanted {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string", default: "1" },
      seconds: { type: "string" },
      sequences: { type: "string" },
      steps: { type: "string" },
      only: { type: "string", multiple: true, default: [] },
      ignore: { type: "string", multiple: true, default: [] },
      survey: { type: "boolean", default: false },
      "shrink-seconds": { type: "string", default: "20" },
    },
  });
  const { only, ignore, steps } = values;
  const unknown = [...only, ...ignore].find((word) => !INVARIANTS.some(({ name }) => name === word));
  if (unknown !== undefined) {
    throw new Error(`there is no invariant "${unknown}", only ${INVARIANTS.map(({ name }) => name).join(", ")}`);
  }
  const isBounded = values.seconds !== undefined || values.sequences !== undefined;
  return {
    seed: Number(values.seed),
    seconds: Number(values.seconds ?? Infinity),
    sequences: steps !== undefined ? 1 : Number(values.sequences ?? (isBounded ? Infinity : 1000)),
    steps: steps?.split(",").map(Number),
    invariants: INVARIANTS.filter(({ name }) => (only.length === 0 || only.includes(name)) && !ignore.includes(name)),
    survey: values.survey,
    shrinkMs: Number(values["shrink-seconds"]) * 1000,
  };
}
