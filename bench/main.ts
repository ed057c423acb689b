/**
 * The benchmark: portd's figures beside a peer's or a floor's of the same run, and whether their ratio meets its target.
 * `deno task bench` measures all rows, `deno task bench grants cli` those two. docs/benchmarks.md says what each row
 * means; rows/ holds them, servers.ts and load.ts what they measure with.
 *
 * Exit codes: 0 every row was measured, met or short; 1 a row could not be measured; 2 usage; 130 interrupted.
 */
import { grants } from "./rows/grants.ts";
import { portserver } from "./rows/portserver.ts";
import { single } from "./rows/single.ts";
import { occupancy } from "./rows/occupancy.ts";
import { start } from "./rows/start.ts";
import { cli, compiled } from "./rows/cli.ts";
import { listeners } from "./rows/listeners.ts";
import { firewall } from "./rows/firewall.ts";
import { idle } from "./rows/idle.ts";
import { dashboards } from "./rows/dashboards.ts";
import { page } from "./rows/page.ts";
import { readers } from "./rows/readers.ts";
import { waiting } from "./rows/waiting.ts";
import { many } from "./rows/many.ts";
import { history } from "./rows/history.ts";
import { disk } from "./rows/disk.ts";
import { describeMachine } from "./machine.ts";
import type { Line, Outcome, Row } from "./row.ts";
import { formatLines, formatTable } from "./table.ts";
import { missingTools } from "./tools.ts";
import { Workbench } from "./workbench.ts";

const MEASURES: readonly Row[] = [
  grants,
  portserver,
  single,
  occupancy,
  many,
  start,
  cli,
  compiled,
  listeners,
  firewall,
  idle,
  page,
];
const SIEGES: readonly Row[] = [dashboards, readers, waiting, history, disk];
const ROWS: readonly Row[] = [...MEASURES, ...SIEGES];
const SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Measures the rows of these names, all without any. @returns the exit code. */
async function runBench(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !ROWS.some((row) => row.name === name));
  if (unknown.length > 0) {
    console.error(`Cannot measure ${unknown.join(", ")}: the rows are ${ROWS.map(({ name }) => name).join(", ")}`);
    return 2;
  }
  if (Deno.build.os !== "linux") {
    console.error(`Cannot measure here: the figures come from /proc of Linux, this is ${Deno.build.os}`);
    return 1;
  }
  const rows = names.length === 0 ? ROWS : ROWS.filter(({ name }) => names.includes(name));
  await using bench = await Workbench.open();
  console.error(describeMachine(bench.folder));
  const interrupted = Promise.withResolvers<number>();
  for (const signal of SIGNALS) Deno.addSignalListener(signal, () => interrupted.resolve(130));
  return await Promise.race([measureAll(rows, bench), interrupted.promise]);
}

async function measureAll(rows: readonly Row[], bench: Workbench): Promise<number> {
  const lines: (readonly [string, Line])[] = [];
  const remarks: string[] = [];
  const failures: string[] = [];
  for (const row of rows) {
    console.error(`measuring ${row.name} …`);
    try {
      const outcome = await measure(row, bench);
      lines.push(...outcome.lines.map((line) => [row.name, line] as const));
      remarks.push(...remarksOf(row, outcome));
    } catch (error) {
      if (bench.isDisposed) throw error; // interrupted: this row is no failure of its own
      failures.push(`${row.name}: not measured: ${(error as Error).message}`);
    }
  }
  if (lines.length > 0) console.log(formatLines(lines));
  for (const remark of remarks) console.log(remark);
  for (const failure of failures) console.error(failure);
  return failures.length === 0 ? 0 : 1;
}

async function measure({ tools, measure }: Row, bench: Workbench): Promise<Outcome> {
  const missing = missingTools(tools, Deno.env.get("PATH") ?? "");
  if (missing.length === 0) return await measure(bench);
  const programs = missing.map(({ program }) => program).join(" and ");
  throw new Error(`Cannot find ${programs}: apt-get install ${missing.map(({ debian }) => debian).join(" ")}`);
}

function remarksOf({ name }: Row, { details, notes = [] }: Outcome): string[] {
  const told = notes.map((note) => `${name}: ${note}`);
  return details === undefined ? told : [...told, `${name}: where the time goes\n${formatTable(details)}`];
}

if (import.meta.main) Deno.exit(await runBench(Deno.args));
