/**
 * Commands as whole processes against `deno run` of an empty script: with the daemon up, and the first lease on a machine,
 * which starts the daemon. The compiled program against a compiled empty script. Each run grants: what it has leased is
 * released, untimed, before the next.
 */
import { interleave } from "../rounds.ts";
import type { Line, Outcome, Row } from "../row.ts";
import { type Daemon, PORTD, startDaemon } from "../servers.ts";
import { ratiosOf, spreadOf } from "../statistics.ts";
import { BASH } from "../tools.ts";
import type { SpawnOptions, Workbench } from "../workbench.ts";

export const cli: Row = { name: "cli", tools: [], measure };
export const compiled: Row = { name: "compiled", tools: [BASH], measure: measureCompiled };

/** Commands with the daemon up, each with what it may cost of an empty script. */
const COMMANDS: readonly (readonly [words: readonly string[], atMost: number])[] = [
  [["lease", "web"], 1.25],
  [["run", "web", "--", "true"], 1.5],
  [["ls"], 1.3],
  [["ps"], 1.3],
  [["inspect", "5432"], 1.3],
];
const FIRST_AT_MOST = 6, COMPILED_AT_MOST = 1.25;
const FROM_SOURCE = [Deno.execPath(), ...PORTD] as const;
const COMPILE = new URL("../../compile.sh", import.meta.url).pathname;
const RUNS = 30, FIRST_RUNS = 10;
const WARM_UP = 3;

async function measure(bench: Workbench): Promise<Outcome> {
  await using daemon = await startDaemon(bench);
  const cwd = await makeCheckout(bench);
  await Deno.writeTextFile(`${cwd}/empty.ts`, "");
  const empty = () => timeRun(bench, [Deno.execPath(), "run", "empty.ts"], { cwd });
  const lines: Line[] = [];
  for (const [words, atMost] of COMMANDS) {
    const portd = () => timeCommand(bench, daemon, { words: [...FROM_SOURCE, ...words], cwd });
    await interleave(WARM_UP, { empty, portd });
    const rounds = await interleave(RUNS, { empty, portd });
    lines.push(lineOf(`portd ${words.join(" ")}, whole process`, rounds, atMost));
  }
  const first = () => timeFirst(bench, cwd);
  await interleave(1, { empty, first });
  const { first: portd, empty: floor } = await interleave(FIRST_RUNS, { empty, first });
  lines.push(lineOf("the first portd lease web, with the start of the daemon", { portd, empty: floor }, FIRST_AT_MOST));
  return { lines, notes: [`${RUNS} runs each, in turn; of the first lease ${FIRST_RUNS}`] };
}

async function measureCompiled(bench: Workbench): Promise<Outcome> {
  await using daemon = await startDaemon(bench);
  const cwd = await makeCheckout(bench), folder = await bench.makeFolder();
  const program = await compilePortd(bench, folder), floor = await compileEmpty(bench, folder);
  const subjects = {
    portd: () => timeCommand(bench, daemon, { words: [program, "lease", "web"], cwd }),
    empty: () => timeRun(bench, [floor], { cwd }),
  };
  await interleave(WARM_UP, subjects);
  const rounds = await interleave(RUNS, subjects);
  const what = "portd lease web, compiled, whole process";
  const line = lineOf(what, rounds, COMPILED_AT_MOST, "a compiled empty script");
  return { lines: [line], notes: [`${RUNS} runs each, in turn`] };
}

/** The Deno that compiles, as compile.sh takes it. */
const COMPILER = Deno.env.get("DENO") ?? Deno.execPath();

async function compilePortd(bench: Workbench, folder: string): Promise<string> {
  await bench.run("bash", [COMPILE, "--out", folder], { env: { DENO: COMPILER } });
  const programs = [...Deno.readDirSync(folder)].filter(({ name }) => name.startsWith("portd-"));
  return `${folder}/${programs[0]!.name}`;
}

async function compileEmpty(bench: Workbench, folder: string): Promise<string> {
  const program = `${folder}/empty`;
  await Deno.writeTextFile(`${program}.ts`, "");
  await bench.run(COMPILER, ["compile", "--quiet", "--no-check", "--no-config", "--output", program, `${program}.ts`]);
  return program;
}

function lineOf(
  what: string,
  { portd, empty }: { readonly portd: readonly number[]; readonly empty: readonly number[] },
  atMost: number,
  floor = "deno run of an empty script",
): Line {
  return {
    what,
    portd: { ...spreadOf(portd), unit: "ms" },
    other: { ...spreadOf(empty), unit: "ms", what: floor },
    ratio: spreadOf(ratiosOf(portd, empty)),
    target: { of: "ratio", bound: "at most", value: atMost },
  };
}

interface CommandOptions {
  /** The program and its arguments. */
  readonly words: readonly [string, ...string[]];
  readonly cwd: string;
}

async function timeCommand(bench: Workbench, { client, env }: Daemon, { words, cwd }: CommandOptions): Promise<number> {
  const elapsedMs = await timeRun(bench, words, { cwd, env });
  for (const { id } of (await client.list()).leases) await client.release(id);
  return elapsedMs;
}

/** With a new state folder and an address of its own; the daemon is stopped afterwards, untimed. */
async function timeFirst(bench: Workbench, cwd: string): Promise<number> {
  const env = {
    PORTD_STATE_DIR: await bench.makeFolder(),
    PORTD_LISTEN: `127.0.0.1:${freePort()}`,
    PORTD_POOL: "10000-19999",
  };
  const elapsedMs = await timeRun(bench, [...FROM_SOURCE, "lease", "web"], { cwd, env });
  await timeRun(bench, [...FROM_SOURCE, "stop"], { cwd, env });
  return elapsedMs;
}

/** A port on which nobody listens at the moment. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

const PROJECT = "shop";

/** A folder that portd takes for a git checkout. */
async function makeCheckout(bench: Workbench): Promise<string> {
  const folder = `${await bench.makeFolder()}/${PROJECT}`;
  await Deno.mkdir(`${folder}/.git`, { recursive: true });
  await Deno.writeTextFile(`${folder}/.git/HEAD`, "ref: refs/heads/main\n");
  return folder;
}

/** From the start of a process to its end, in milliseconds. @throws {Error} when it fails. */
async function timeRun(
  bench: Workbench,
  [program, ...args]: readonly [string, ...string[]],
  options: SpawnOptions,
): Promise<number> {
  const startedAt = performance.now();
  const { code } = await bench.spawn(program, args, options).child.status;
  const elapsedMs = performance.now() - startedAt;
  if (code === 0) return elapsedMs;
  throw new Error(`Cannot time ${program} ${args.join(" ")}: exit code ${code}`);
}
