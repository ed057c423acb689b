/**
 * Grants, each with its release, against Debian's portserver, which knows no release: it takes a port back when it
 * meets it again and the pid is dead. Each round asks a fresh portserver for fewer ports than it has, so that it never
 * comes to that; this is its best case.
 *
 * It gives out ports that are free for TCP and UDP; portd is asked for the same, and once more for TCP alone.
 */
import { processTime, timeBetween, totalMs } from "../cpu.ts";
import { type Load, runLoad } from "../load.ts";
import { interleave } from "../rounds.ts";
import type { Figure, Line, Outcome, Row } from "../row.ts";
import { type Daemon, startDaemon } from "../servers.ts";
import { median, ratiosOf, spreadOf } from "../statistics.ts";
import { PORTSERVER, WRK } from "../tools.ts";
import { type Tracked, waitUntil, type Workbench } from "../workbench.ts";

export const portserver: Row = { name: "portserver", tools: [WRK, PORTSERVER], measure };

const CONNECTIONS = 64;
const ROUNDS = 3;
const SECONDS = 2;
/** More ports than it can give out in one round. */
const PEER_POOL = "2000-31999";
const TARGET = 4;

/** What one round came to; `busy` is the share of the server's main thread or process. */
interface Round {
  readonly grantsPerSecond: number;
  readonly busy: number;
}

async function measure(bench: Workbench): Promise<Outcome> {
  await using daemon = await startDaemon(bench);
  const subjects = {
    portserver: (round: number) => peerRound(bench, round),
    both: () => ourRound(bench, daemon, ["tcp", "udp"]),
    tcp: () => ourRound(bench, daemon, ["tcp"]),
  };
  await subjects.both(); // the JIT warms up
  const rounds = await interleave(ROUNDS, subjects);
  const peer = rates(rounds.portserver);
  const other = { ...spreadOf(peer), unit: "/s", what: "portserver" };
  const busyOf = (all: readonly Round[]) => `${Math.round(100 * median(all.map(({ busy }) => busy)))} %`;
  return {
    lines: [lineOf("TCP+UDP", rates(rounds.both), peer, other), lineOf("TCP", rates(rounds.tcp), peer, other)],
    notes: [
      `one client process with ${CONNECTIONS} requests in flight on either side; ` +
      `portserver was busy ${busyOf(rounds.portserver)} of the time, portd's main thread ${busyOf(rounds.both)}`,
    ],
  };
}

function lineOf(
  protocols: string,
  portd: readonly number[],
  peer: readonly number[],
  other: Figure & { readonly what: string },
): Line {
  return {
    what: `${protocols} grants, each with its release`,
    portd: { ...spreadOf(portd), unit: "/s" },
    other,
    ratio: spreadOf(ratiosOf(portd, peer)),
    target: { of: "ratio", bound: "at least", value: TARGET },
  };
}

function rates(rounds: readonly Round[]): number[] {
  return rounds.map(({ grantsPerSecond }) => grantsPerSecond);
}

async function ourRound(bench: Workbench, server: Daemon, protocols: readonly string[]): Promise<Round> {
  const body = JSON.stringify({ protocols });
  const load: Load = await runLoad(bench, {
    server,
    mode: "lease",
    body,
    connections: CONNECTIONS,
    seconds: SECONDS,
  });
  return { grantsPerSecond: load.grantsPerSecond, busy: totalMs(load.used.main) / load.elapsedMs };
}

async function peerRound(bench: Workbench, round: number): Promise<Round> {
  const address = `@portd-bench-${Deno.pid}-${round}`;
  const process = bench.spawn(PORTSERVER.program, [
    "--portserver_address",
    address,
    "--portserver_static_pool",
    PEER_POOL,
  ]);
  const path = address.replace("@", "\0");
  try {
    await waitUntil(() => listens(path), { what: "portserver", process });
    return await loadPeer(process, path);
  } finally {
    await process.end("SIGKILL");
  }
}

async function loadPeer({ pid }: Tracked, path: string): Promise<Round> {
  const before = processTime(pid);
  const startedAt = performance.now();
  const deadline = startedAt + SECONDS * 1000;
  const lane = async () => {
    let granted = 0;
    for (; performance.now() < deadline; granted++) await askPeer(path);
    return granted;
  };
  const granted = await Promise.all(Array.from({ length: CONNECTIONS }, lane));
  const elapsedMs = performance.now() - startedAt;
  const used = timeBetween(before, processTime(pid));
  return {
    grantsPerSecond: granted.reduce((sum, each) => sum + each, 0) / (elapsedMs / 1000),
    busy: totalMs(used.whole) / elapsedMs,
  };
}

const REQUEST = new TextEncoder().encode(`${Deno.pid}\n`);

/** One grant: a connection each, as the protocol has it. @throws {Error} when no port comes. */
async function askPeer(path: string): Promise<void> {
  using connection = await Deno.connect({ transport: "unix", path });
  await connection.write(REQUEST);
  const answer = new Uint8Array(16);
  const count = await connection.read(answer);
  const text = new TextDecoder().decode(answer.subarray(0, count ?? 0));
  if (!/^\d+\n$/.test(text)) throw new Error(`Cannot count: portserver answers ${JSON.stringify(text)}, no port`);
}

async function listens(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}
