/**
 * `deno task simulate`: runs sequences until the time is up or one fails; docs/reliability.md says what they are.
 *
 *     deno task simulate --seconds 60 --seed 1
 *     deno task simulate --seed 4711 --steps 3,8,9      what a failing run has printed
 */
import { parseArgs } from "node:util";
import { INVARIANTS } from "./invariants/all.ts";
import { runJobs } from "./jobs.ts";
import type { Share } from "./share.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  const { jobs, share } = readFlags(args);
  const began = performance.now();
  const tallies = await runJobs(jobs, share);
  const seconds = (performance.now() - began) / 1000;
  const failures = new Map<string, number[]>();
  for (const tally of tallies) {
    for (const [name, seeds] of Object.entries(tally.failures)) {
      failures.set(name, [...failures.get(name) ?? [], ...seeds].sort((a, b) => a - b));
    }
    if (tally.report !== null) console.log(tally.report);
  }
  for (const [name, seeds] of failures) {
    console.log(`"${name}" failed ${seeds.length} times: ${seeds.slice(0, 9).join(" ")}`);
  }
  const sum = (part: "sequences" | "steps") => tallies.reduce((total, tally) => total + tally[part], 0);
  const rate = `${(sum("sequences") / seconds).toFixed(0)} sequences/s`;
  const failed = [...failures.values()].reduce((total, { length }) => total + length, 0);
  console.log(`${sum("sequences")} sequences, ${sum("steps")} steps, ${rate}, ${failed} failures`);
  return failed === 0 ? 0 : 1;
}

function readFlags(args: readonly string[]): { readonly jobs: number; readonly share: Share } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string", default: "1" },
      seconds: { type: "string" },
      sequences: { type: "string" },
      jobs: { type: "string", default: String(navigator.hardwareConcurrency) },
      steps: { type: "string" },
      only: { type: "string", multiple: true, default: [] },
      ignore: { type: "string", multiple: true, default: [] },
      survey: { type: "boolean", default: false },
      "shrink-seconds": { type: "string", default: "20" },
    },
  });
  const { seconds, only, ignore } = values;
  const names = INVARIANTS.map(({ name }) => name);
  const unknown = [...only, ...ignore].find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`there is no invariant "${unknown}", only ${names.join(", ")}`);
  const seed = numberOf("seed", values.seed), steps = values.steps?.split(",").map((each) => numberOf("steps", each));
  const most = values.sequences ?? (seconds === undefined ? "1000" : undefined);
  const sequences = steps === undefined ? most : "1";
  return {
    jobs: sequences === "1" ? 1 : numberOf("jobs", values.jobs),
    share: {
      seed,
      stride: 1,
      end: sequences === undefined ? null : seed + numberOf("sequences", sequences),
      forMs: seconds === undefined ? null : numberOf("seconds", seconds) * 1000,
      steps: steps ?? null,
      invariants: names.filter((name) => (only.length === 0 || only.includes(name)) && !ignore.includes(name)),
      survey: values.survey,
      shrinkMs: numberOf("shrink-seconds", values["shrink-seconds"]) * 1000,
    },
  };
}

function numberOf(flag: string, text: string): number {
  const number = Number(text);
  if (text.trim() !== "" && Number.isInteger(number) && number >= 0) return number;
  throw new Error(`--${flag} takes whole numbers, not "${text}"`);
}
