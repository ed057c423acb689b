/**
 * Sends a daemon requests to every route with values that work, nearly work and must not work, and malformed requests
 * over bare TCP, on many connections at once. Every request gets an answer, no answer is an error of portd, and the
 * daemon does not grow.
 *
 * Run: deno task fuzz [--requests N] [--raw N] [--seed S]
 */
import { parseArgs } from "node:util";
import { allRoutes } from "../../routes/app.ts";
import { openTestApp } from "../support/app.ts";
import { Installation } from "../support/os/installation.ts";
import { ServedDaemon } from "../support/os/served_daemon.ts";
import { Lanes } from "./lanes.ts";
import type { RouteName } from "./request.ts";
import { POOL } from "./values.ts";
import { Health, releaseAll, weightOf } from "./watching.ts";

/** Options of {@linkcode fuzz}. */
export interface FuzzOptions {
  /** How many whole requests are sent. */
  readonly requests: number;
  /** How many malformed ones are sent. */
  readonly raw: number;
  /** The same seed makes the same requests, apart from the ids of leases in them. */
  readonly seed: number;
  /** Called with a line of figures from time to time. */
  readonly print?: (line: string) => void;
}

/** What happened. */
export interface FuzzReport {
  /** Answers by status. */
  readonly answers: Readonly<Record<string, number>>;
  /** What must not happen, each with the request that caused it; empty when all is well. */
  readonly faults: readonly string[];
  readonly seconds: number;
  /** The longest time that `GET /healthz` took, in milliseconds. */
  readonly slowestHealthMs: number;
  readonly memory: Growth;
  readonly descriptors: Growth;
}

/** A measure of the daemon after the warm-up and at the end, both times without leases and connections. */
export interface Growth {
  readonly before: number;
  readonly after: number;
}

/** This share of the requests is sent before the daemon is first measured. */
const WARM_UP = 0.2;
const MIB = 1024 * 1024;

/** Runs it all. @throws {Error} when the daemon cannot be started. */
export async function fuzz({ requests, raw, seed, print = () => {} }: FuzzOptions): Promise<FuzzReport> {
  const env = {
    PORTD_AUTOSTART: "0",
    PORTD_POOL: `${POOL.first}-${POOL.last}`,
    PORTD_COOLDOWN_MS: "0",
    // Most leases end soon by themselves, so that there are always free ports to grant.
    PORTD_CLAIM_MS: "1000",
    PORTD_GRACE_MS: "0",
    PORTD_FIREWALL_BACKEND: "none",
    PORTD_GATEWAY_PROTOCOL: "none",
    PORTD_STUN: "", // no request may reach the internet
  };
  await using installation = await Installation.create({ env });
  await using daemon = await ServedDaemon.start(installation);
  const token = (await Deno.readTextFile(`${installation.stateDir}/admin.token`)).trim();
  const { host } = new URL(daemon.url);
  const lanes = new Lanes({ seed, host, token, routes: await routeNames() });
  const health = new Health(host);
  const startedAt = performance.now();
  const measure = async () => {
    await releaseAll(daemon.url, token);
    return await weightOf(daemon.pid);
  };
  await lanes.run(Math.ceil(requests * WARM_UP), Math.ceil(raw * WARM_UP), print);
  const before = await measure();
  await lanes.run(requests, raw, print);
  const after = await measure();
  const slowestHealthMs = await health.end();
  const faults = [...lanes.faults, ...health.faults, ...await stopFaults(daemon, token)];
  const memory = { before: before.memory, after: after.memory };
  const descriptors = { before: before.descriptors, after: after.descriptors };
  faults.push(...growthFaults(memory, descriptors));
  const seconds = (performance.now() - startedAt) / 1000;
  return { answers: lanes.answers, faults, seconds, slowestHealthMs, memory, descriptors };
}

async function routeNames(): Promise<RouteName[]> {
  await using app = await openTestApp();
  return allRoutes(app.parts).map(({ method, path, scope }) => ({ method, path, scope }));
}

/** The last requests: after all this the daemon still sends events, and stops, as any other does. */
async function stopFaults(daemon: ServedDaemon, token: string): Promise<string[]> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const events = await fetch(`${daemon.url}/events`);
  await events.body?.cancel();
  const response = await fetch(`${daemon.url}/stop`, { method: "POST", headers, body: "{}" });
  await response.body?.cancel();
  const { code } = await daemon.status;
  const faults = events.ok ? [] : [`GET /events at the end: ${events.status}; the daemon still counts closed readers`];
  if (response.status !== 202 || code !== 0) faults.push(`POST /stop: ${response.status}, exit code ${code}`);
  const logged = daemon.stderr.split("\n").filter((line) => line.includes("internal error"));
  return [...faults, ...logged.map((line) => `in the log: ${line.slice(0, 2000)}`)];
}

function growthFaults(memory: Growth, descriptors: Growth): string[] {
  const faults: string[] = [];
  if (memory.after > memory.before * 1.5 + 64 * MIB) faults.push(`memory grew: ${mebibytes(memory)}`);
  if (descriptors.after > descriptors.before + 32) {
    faults.push(`descriptors grew: ${descriptors.before} -> ${descriptors.after}`);
  }
  return faults;
}

function mebibytes({ before, after }: Growth): string {
  return `${Math.round(before / MIB)} -> ${Math.round(after / MIB)} MiB`;
}

/** The report in words. */
export function describe({ answers, slowestHealthMs, memory, descriptors, seconds, faults }: FuzzReport): string[] {
  const counts = Object.entries(answers).sort().map(([status, count]) => `${count} × ${status}`);
  return [
    `answers: ${counts.join(", ")}`,
    `memory ${mebibytes(memory)}, descriptors ${descriptors.before} -> ${descriptors.after}`,
    `slowest /healthz ${Math.round(slowestHealthMs)} ms, ${Math.round(seconds)} s in all`,
    ...faults.slice(0, 20),
    faults.length === 0 ? "no faults" : `${faults.length} faults`,
  ];
}

if (import.meta.main) {
  const options = { requests: { type: "string" }, raw: { type: "string" }, seed: { type: "string" } } as const;
  const { requests = "20000", raw = "20000", seed = String(Date.now() % 1_000_000) } =
    parseArgs({ args: Deno.args, options }).values;
  const numbers = { requests: Number(requests), raw: Number(raw), seed: Number(seed) };
  if (!Object.values(numbers).every(Number.isSafeInteger)) {
    throw new Error("Cannot fuzz: every flag takes a whole number");
  }
  console.log(`${requests} requests and ${raw} malformed ones, --seed ${seed}`);
  const report = await fuzz({ ...numbers, print: console.log });
  for (const line of describe(report)) console.log(line);
  if (report.faults.length > 0) console.log(`again with --requests ${requests} --raw ${raw} --seed ${seed}`);
  Deno.exit(report.faults.length === 0 ? 0 : 1);
}
