/**
 * `portd lease web` as a whole process with the daemon up, against `deno run` of an empty script. Each run grants: the
 * lease is released, untimed, before the next.
 */
import { interleave } from "../rounds.ts";
import type { Outcome, Row } from "../row.ts";
import { PORTD, startDaemon } from "../servers.ts";
import { ratiosOf, spreadOf } from "../statistics.ts";
import type { SpawnOptions, Workbench } from "../workbench.ts";

export const cli: Row = { name: "cli", tools: [], measure };

const RUNS = 40;
const WARM_UP = 3;

async function measure(bench: Workbench): Promise<Outcome> {
  await using daemon = await startDaemon(bench);
  const cwd = await makeCheckout(bench);
  await Deno.writeTextFile(`${cwd}/empty.ts`, "");
  const portd = async () => {
    const elapsedMs = await timeRun(bench, [...PORTD, "lease", "web"], { cwd, env: daemon.env });
    await daemon.client.release({ name: `${PROJECT}/web` });
    return elapsedMs;
  };
  const empty = () => timeRun(bench, ["run", "empty.ts"], { cwd });
  await interleave(WARM_UP, { empty, portd });
  const rounds = await interleave(RUNS, { empty, portd });
  return {
    lines: [{
      what: "portd lease web, whole process",
      portd: { ...spreadOf(rounds.portd), unit: "ms" },
      other: { ...spreadOf(rounds.empty), unit: "ms", what: "deno run of an empty script" },
      ratio: spreadOf(ratiosOf(rounds.portd, rounds.empty)),
      target: { of: "ratio", bound: "at most", value: 1.5 },
    }],
    notes: [`${RUNS} runs each, in turn`],
  };
}

const PROJECT = "shop";

/** A folder that portd takes for a git checkout. */
async function makeCheckout(bench: Workbench): Promise<string> {
  const folder = `${await bench.makeFolder()}/${PROJECT}`;
  await Deno.mkdir(`${folder}/.git`, { recursive: true });
  await Deno.writeTextFile(`${folder}/.git/HEAD`, "ref: refs/heads/main\n");
  return folder;
}

/** From the start of a `deno` process to its end, in milliseconds. @throws {Error} when it fails. */
async function timeRun(bench: Workbench, args: readonly string[], options: SpawnOptions): Promise<number> {
  const startedAt = performance.now();
  const { code } = await bench.spawn(Deno.execPath(), args, options).child.status;
  const elapsedMs = performance.now() - startedAt;
  if (code === 0) return elapsedMs;
  throw new Error(`Cannot time deno ${args.join(" ")}: exit code ${code}`);
}
