/**
 * One durable grant at a time over one kept-alive connection, against what no durable grant can do without: one 4 KiB
 * write with fdatasync, and the echo of as many bytes over the same client.
 */
import { timeEchoes, timeGrants, timeSyncs } from "../latency.ts";
import { interleave } from "../rounds.ts";
import type { Line, Outcome, Row } from "../row.ts";
import { startDaemon, startEcho } from "../servers.ts";
import { percentile, ratiosOf, spreadOf } from "../statistics.ts";
import type { Workbench } from "../workbench.ts";

export const single: Row = { name: "single", tools: [], measure };

const ROUNDS = 5;
const GRANTS = 1000;
const SYNCS = 200;

async function measure(bench: Workbench): Promise<Outcome> {
  await using daemon = await startDaemon(bench);
  await using echo = await startEcho(bench);
  const folder = await bench.makeFolder();
  const large = JSON.stringify(await daemon.client.grant({}));
  const subjects = {
    portd: () => timeGrants(daemon, GRANTS),
    echo: () => timeEchoes(echo, large, GRANTS),
    disk: () => timeSyncs(folder, SYNCS),
  };
  await interleave(1, subjects); // the JIT warms up
  const { portd, echo: floor, disk } = await interleave(ROUNDS, subjects);
  const line = (name: string, share: number, atMost: number): Line => {
    const at = (rounds: readonly (readonly number[])[]) => rounds.map((times) => percentile(times, share));
    const ours = at(portd), echoed = at(floor), synced = at(disk);
    const other = echoed.map((ms, round) => ms + synced[round]!);
    return {
      what: `one grant at a time, ${name}`,
      portd: { ...spreadOf(ours), unit: "ms" },
      other: { ...spreadOf(other), unit: "ms", what: "4 KiB with fdatasync, and an echo" },
      ratio: spreadOf(ratiosOf(ours, other)),
      target: { of: "ratio", bound: "at most", value: atMost },
    };
  };
  return { lines: [line("p50", 0.5, 1.4), line("p99", 0.99, 2)] };
}
