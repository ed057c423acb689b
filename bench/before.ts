/**
 * This checkout against another one of the project, both measured in turn in one run: whether a change made portd slower.
 * `deno task bench:before FOLDER` measures all, `deno task bench:before FOLDER lease run` those two.
 *
 * The ratio is this checkout's figure over the other's: below 1 is quicker or smaller than before.
 */
import { residentBytes, totalMs } from "./cpu.ts";
import { timeGrants } from "./latency.ts";
import { runLoad } from "./load.ts";
import { interleave } from "./rounds.ts";
import { fill, PORTD, startDaemon } from "./servers.ts";
import { percentile, ratiosOf, spreadOf } from "./statistics.ts";
import { formatFigure, formatSpread, formatTable } from "./table.ts";
import { Workbench } from "./workbench.ts";

/** Words of `portd …` of each checkout. */
interface Checkouts {
  readonly now: readonly string[];
  readonly before: readonly string[];
}

/** Something that is measured of one checkout, and in which unit; less is better. */
interface Measurement {
  readonly what: string;
  readonly unit: string;
  /** @returns one value a round of both. */
  readonly measure: (bench: Workbench, checkouts: Checkouts) => Promise<Record<keyof Checkouts, readonly number[]>>;
}

const GRANT = JSON.stringify({ protocols: ["tcp"] });
const LOAD_ROUNDS = 8, LOAD_SECONDS = 2, WARM_UP_SECONDS = 3;
const SINGLE_ROUNDS = 6, SINGLE_GRANTS = 1000;
const START_ROUNDS = 10;
const RUNS = 30;
const LEASES = 10_000, POOL = "10000-29999";
const IDLE_LEASES = 200, SETTLE_MS = 40_000;

const MEASUREMENTS: Readonly<Record<string, Measurement>> = {
  load64: { what: "main thread a request, grants and releases, 64 connections", unit: "µs", measure: loadAt(64) },
  load16: { what: "main thread a request, grants and releases, 16 connections", unit: "µs", measure: loadAt(16) },
  p50: { what: "one grant at a time, p50", unit: "ms", measure: singleAt(0.5) },
  p99: { what: "one grant at a time, p99", unit: "ms", measure: singleAt(0.99) },
  start: { what: "start until /readyz", unit: "ms", measure: startWith(0) },
  full: { what: "start with 10,000 leases until /readyz", unit: "ms", measure: startWith(LEASES) },
  idle: { what: "idle daemon with 200 leases, resident memory", unit: "MB", measure: idleMemory },
  lease: { what: "portd lease web, whole process", unit: "ms", measure: command(["lease", "web"]) },
  run: { what: "portd run -- true, whole process", unit: "ms", measure: command(["run", "web", "--", "true"]) },
  ls: { what: "portd ls, whole process", unit: "ms", measure: command(["ls"]) },
  ps: { what: "portd ps, whole process", unit: "ms", measure: command(["ps"]) },
  inspect: { what: "portd inspect 5432, whole process", unit: "ms", measure: command(["inspect", "5432"]) },
};

/** Measures both daemons, each of which has warmed up. */
function loadAt(connections: number): Measurement["measure"] {
  return async (bench, { now, before }) => {
    await using ours = await startDaemon(bench, { portd: now });
    await using theirs = await startDaemon(bench, { portd: before });
    const load = (server: typeof ours, seconds: number) => async () => {
      const { used, requests } = await runLoad(bench, { server, mode: "lease", body: GRANT, connections, seconds });
      return totalMs(used.main) * 1000 / requests;
    };
    const subjects = (seconds: number) => ({ now: load(ours, seconds), before: load(theirs, seconds) });
    await interleave(1, subjects(WARM_UP_SECONDS));
    return await interleave(LOAD_ROUNDS, subjects(LOAD_SECONDS));
  };
}

function singleAt(share: number): Measurement["measure"] {
  return async (bench, { now, before }) => {
    await using ours = await startDaemon(bench, { portd: now });
    await using theirs = await startDaemon(bench, { portd: before });
    const single = (server: typeof ours) => async () => percentile(await timeGrants(server, SINGLE_GRANTS), share);
    const subjects = { now: single(ours), before: single(theirs) };
    await interleave(1, subjects);
    return await interleave(SINGLE_ROUNDS, subjects);
  };
}

function startWith(leases: number): Measurement["measure"] {
  return async (bench, { now, before }) => {
    const start = async (portd: readonly string[]) => {
      const stateDir = await bench.makeFolder();
      {
        await using daemon = await startDaemon(bench, { portd, stateDir, pool: POOL });
        await fill(daemon.client, leases, true);
        await daemon.stop();
      }
      return async () => {
        await using daemon = await startDaemon(bench, { portd, stateDir, pool: POOL });
        await daemon.stop();
        return daemon.startMs;
      };
    };
    return await interleave(START_ROUNDS, { now: await start(now), before: await start(before) });
  };
}

async function idleMemory(bench: Workbench, { now, before }: Checkouts): Promise<Record<keyof Checkouts, number[]>> {
  const measured = async (portd: readonly string[]) => {
    await using daemon = await startDaemon(bench, { portd });
    await fill(daemon.client, IDLE_LEASES, true);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    return [residentBytes(daemon.pid) / 1e6];
  };
  return { now: await measured(now), before: await measured(before) };
}

/** A command with the daemon of its own checkout up. */
function command(words: readonly string[]): Measurement["measure"] {
  return async (bench, { now, before }) => {
    await using ours = await startDaemon(bench, { portd: now });
    await using theirs = await startDaemon(bench, { portd: before });
    const cwd = await bench.makeFolder();
    const timed = (portd: readonly string[], { client, env }: typeof ours) => async () => {
      const startedAt = performance.now();
      const { code } = await bench.spawn(Deno.execPath(), [...portd, ...words], { cwd, env }).child.status;
      const elapsedMs = performance.now() - startedAt;
      if (code !== 0) throw new Error(`Cannot time portd ${words.join(" ")}: exit code ${code}`);
      for (const { id } of (await client.list()).leases) await client.release(id);
      return elapsedMs;
    };
    const subjects = { now: timed(now, ours), before: timed(before, theirs) };
    await interleave(2, subjects);
    return await interleave(RUNS, subjects);
  };
}

/** Words of `portd …` of a checkout, as its own task has them. */
async function wordsOf(folder: string): Promise<readonly string[]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${folder}/deno.json`));
  const [, ...words] = (tasks.portd.command as string).split(" ");
  return [...words.slice(0, -1), `${folder}/${words.at(-1)}`];
}

async function compare([folder, ...names]: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !(name in MEASUREMENTS));
  if (folder === undefined || unknown.length > 0) {
    console.error(`Usage: deno task bench:before FOLDER [${Object.keys(MEASUREMENTS).join("|")}]...`);
    return 2;
  }
  await using bench = await Workbench.open();
  const checkouts = { now: PORTD, before: await wordsOf(await Deno.realPath(folder)) };
  const rows: string[][] = [["", "what", "now", "before", "ratio"]];
  for (const [name, { what, unit, measure }] of Object.entries(MEASUREMENTS)) {
    if (names.length > 0 && !names.includes(name)) continue;
    console.error(`measuring ${name} …`);
    const { now, before } = await measure(bench, checkouts);
    const figures = [now, before].map((values) => formatFigure({ ...spreadOf(values), unit }));
    rows.push([name, what, ...figures, formatSpread(spreadOf(ratiosOf(now, before)))]);
  }
  console.log(formatTable(rows));
  return 0;
}

if (import.meta.main) Deno.exit(await compare(Deno.args));
