/**
 * `deno task simulate`: runs sequences until the time is up or one fails.
 *
 *     deno task simulate --seconds 60 --seed 1
 */
import { parseArgs } from "node:util";
import { INVARIANTS } from "./invariants/all.ts";
import { Simulator } from "./sequence.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: "string" },
      seed: { type: "string", default: "1" },
      sequences: { type: "string" },
      only: { type: "string", multiple: true },
      ignore: { type: "string", multiple: true },
      verbose: { type: "boolean" },
      survey: { type: "boolean" },
    },
  });
  const invariants = INVARIANTS.filter(({ name }) =>
    (values.only?.includes(name) ?? true) && !(values.ignore?.includes(name) ?? false)
  );
  const until = values.seconds === undefined ? Infinity : performance.now() + Number(values.seconds) * 1000;
  const most = values.sequences === undefined ? Infinity : Number(values.sequences);
  await using simulator = await Simulator.open();
  const began = performance.now();
  const found = new Map<string, number[]>();
  let count = 0, steps = 0;
  while (count < most && performance.now() < until) {
    const seed = Number(values.seed) + count++;
    const { failure, trace } = await simulator.run({ seed, invariants });
    steps += trace.length;
    if (failure === undefined) continue;
    if (values.survey) {
      found.set(failure.invariant, [...found.get(failure.invariant) ?? [], seed]);
      continue;
    }
    console.log(`seed ${seed}: "${failure.invariant}" does not hold: ${failure.detail}`);
    if (values.verbose) { for (const [i, words] of trace.entries()) console.log(`  ${i}. ${words}`); }
    return 1;
  }
  for (const [name, seeds] of found) {
    console.log(`"${name}" fails ${seeds.length} times: seeds ${seeds.slice(0, 8).join(", ")}`);
  }
  const seconds = (performance.now() - began) / 1000;
  console.log(`${count} sequences, ${steps} steps, ${(count / seconds).toFixed(0)} sequences/s: all hold`);
  return 0;
}
