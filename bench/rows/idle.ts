/** A daemon with 200 leases and nothing to do, against a bare echo that nobody asks, over the same ten seconds. */
import { processTime, residentBytes, timeBetween, totalMs } from "../cpu.ts";
import type { Figure, Outcome, Row } from "../row.ts";
import { fill, type Server, startDaemon, startEcho } from "../servers.ts";
import { spreadOf } from "../statistics.ts";
import type { Workbench } from "../workbench.ts";

export const idle: Row = { name: "idle", tools: [], measure };

const LEASES = 200;
/** V8 collects what the grants have left until half a minute after them. */
const SETTLE_MS = 40_000;
const SPAN_MS = 10_000;

async function measure(bench: Workbench): Promise<Outcome> {
  await using daemon = await startDaemon(bench);
  await using echo = await startEcho(bench);
  await fill(daemon.client, LEASES, true);
  await pause(SETTLE_MS);
  const [ours, floor] = await Promise.all([watch(daemon), watch(echo)]);
  const what = "idle echo";
  return {
    lines: [
      {
        what: "idle daemon with 200 leases, resident memory",
        portd: ours.memory,
        other: { ...floor.memory, what },
        ratio: spreadOf([ours.memory.median / floor.memory.median]),
        target: { of: "ratio", bound: "at most", value: 1.6 },
      },
      {
        what: "idle daemon with 200 leases, share of a core",
        portd: ours.share,
        other: { ...floor.share, what },
        target: { of: "portd", bound: "at most", value: 0.1 },
      },
    ],
    notes: [`over ${SPAN_MS / 1000} s, ${SETTLE_MS / 1000} s after the last grant`],
  };
}

async function watch({ pid }: Server): Promise<{ readonly memory: Figure; readonly share: Figure }> {
  const before = processTime(pid), startedAt = performance.now();
  await pause(SPAN_MS);
  const usedMs = totalMs(timeBetween(before, processTime(pid)).whole);
  const share = 100 * usedMs / (performance.now() - startedAt);
  return {
    memory: { ...spreadOf([residentBytes(pid) / 1e6]), unit: "MB" },
    share: { ...spreadOf([share]), unit: "%" },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
