/** Load by wrk: one process, one thread, so many kept-alive connections. What it sends is in load.lua. */
import { type ProcessTime, processTime, timeBetween, totalMs } from "./cpu.ts";
import type { Server } from "./servers.ts";
import { median } from "./statistics.ts";
import type { Workbench } from "./workbench.ts";

/** What is sent to whom. */
export interface LoadOptions {
  readonly server: Server;
  /** `lease`: grants and their releases; `minimal`: the same with short answers; `echo`: the body again and again. */
  readonly mode: "lease" | "minimal" | "echo";
  /** JSON of every POST. */
  readonly body: string;
  readonly connections: number;
  /** Whole: wrk knows no fractions. */
  readonly seconds: number;
}

/** What came of it. */
export interface Load {
  readonly requestsPerSecond: number;
  /** Grants that were also released, a second. */
  readonly grantsPerSecond: number;
  readonly requests: number;
  readonly elapsedMs: number;
  /** What the server used for it. */
  readonly used: ProcessTime;
  /** What wrk used. */
  readonly wrkMs: number;
}

/** The last line that load.lua prints. */
interface Summary {
  readonly requests: number;
  readonly micros: number;
  readonly granted: number;
  readonly released: number;
  readonly failed: number;
  readonly failure: string;
  readonly ticks: number;
}

const SCRIPT = new URL("./load.lua", import.meta.url).pathname;
const TICK_MS = 10;

/** Loads a server. @throws {Error} when a single request fails: failures are quicker than answers. */
export async function runLoad(bench: Workbench, options: LoadOptions): Promise<Load> {
  const { server: { pid, port }, mode, body, connections, seconds } = options;
  const flags = ["--threads", "1", "--connections", String(connections), "--duration", `${seconds}s`];
  const before = processTime(pid);
  const talk = await bench.run("wrk", [
    ...flags,
    "--script",
    SCRIPT,
    `http://127.0.0.1:${port}/`,
    "--",
    mode,
    body,
  ]);
  const used = timeBetween(before, processTime(pid));
  const summary: Summary = JSON.parse(talk.trimEnd().split("\n").at(-1)!);
  const { requests, micros, granted, released, failed, failure, ticks } = summary;
  if (failed > 0 || requests === 0) {
    throw new Error(`Cannot count: ${failed} of ${requests} requests failed: ${failure || "the connection broke"}`);
  }
  const elapsedMs = micros / 1000;
  return {
    requestsPerSecond: requests / (elapsedMs / 1000),
    grantsPerSecond: Math.min(granted, released) / (elapsedMs / 1000),
    requests,
    elapsedMs,
    used,
    wrkMs: ticks * TICK_MS,
  };
}

/** Microseconds of the server's main thread a request, user and system together. */
export function mainMicros(loads: readonly Load[]): number {
  return median(loads.map(({ used, requests }) => totalMs(used.main) * 1000 / requests));
}

/** Heads of the cells of {@linkcode costCells}. */
export const COST_HEAD: readonly string[] = ["main user", "main system", "other threads", "main busy", "wrk busy"];

/** Where the time went: microseconds of the server's processor time a request, and who was busy how much of it. */
export function costCells(loads: readonly Load[]): string[] {
  const middle = (figure: (load: Load) => number) => median(loads.map(figure));
  const perRequest = (ms: (used: ProcessTime) => number) =>
    `${middle(({ used, requests }) => ms(used) * 1000 / requests).toFixed(1)} µs`;
  const busy = (ms: (load: Load) => number) => `${Math.round(middle((load) => 100 * ms(load) / load.elapsedMs))} %`;
  return [
    perRequest(({ main }) => main.userMs),
    perRequest(({ main }) => main.systemMs),
    perRequest(({ whole, main }) => totalMs(whole) - totalMs(main)),
    busy(({ used }) => totalMs(used.main)),
    busy(({ wrkMs }) => wrkMs),
  ];
}
