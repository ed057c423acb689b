/** One durable grant at a time over one kept-alive connection, against the echo over the same client. */
import { timeEchoes, timeGrants, timeSyncs } from "../latency.ts";
import { interleave } from "../rounds.ts";
import type { Line, Outcome, Row, Target } from "../row.ts";
import { startDaemon, startEcho } from "../servers.ts";
import { percentile, ratiosOf, spreadOf } from "../statistics.ts";
import { formatNumber } from "../table.ts";
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
  const line = (name: string, share: number, target?: Target): Line => {
    const ours = portd.map((times) => percentile(times, share)), other = floor.map((times) => percentile(times, share));
    return {
      what: `one grant at a time, ${name}`,
      portd: { ...spreadOf(ours), unit: "ms" },
      other: { ...spreadOf(other), unit: "ms", what: `echo of ${large.length} bytes` },
      ratio: spreadOf(ratiosOf(ours, other)),
      ...(target === undefined ? {} : { target }),
    };
  };
  const sync = spreadOf(disk.map((times) => percentile(times, 0.5)));
  const late = spreadOf(disk.map((times) => percentile(times, 0.99)));
  return {
    lines: [line("p50", 0.5), line("p99", 0.99, { of: "portd", bound: "at most", value: 1 })],
    notes: [
      `4 KiB and fdatasync, without any server: p50 ${formatNumber(sync.median)} ms, p99 ${
        formatNumber(late.median)
      } ms`,
    ],
  };
}
