/** A grant while 99 % of the pool are leased against one from an empty pool. */
import { timeGrants } from "../latency.ts";
import { interleave } from "../rounds.ts";
import type { Outcome, Row } from "../row.ts";
import { fill, startDaemon } from "../servers.ts";
import { median, ratiosOf, spreadOf } from "../statistics.ts";
import { formatNumber } from "../table.ts";
import type { Workbench } from "../workbench.ts";

export const occupancy: Row = { name: "occupancy", tools: [], measure };

const ROUNDS = 5;
const GRANTS = 500;
const SHARE = 0.99;

async function measure(bench: Workbench): Promise<Outcome> {
  await using full = await startDaemon(bench);
  await using empty = await startDaemon(bench);
  const { pool: { size } } = await full.client.status();
  await fill(full.client, Math.ceil(size * SHARE));
  const { leases, pool } = await full.client.status();
  const medianOf = async (times: Promise<number[]>) => median(await times);
  const subjects = {
    empty: () => medianOf(timeGrants(empty, GRANTS)),
    full: () => medianOf(timeGrants(full, GRANTS)),
  };
  await interleave(1, subjects); // the JIT warms up
  const rounds = await interleave(ROUNDS, subjects);
  return {
    lines: [{
      what: "one grant at a time from a pool that is 99 % leased",
      portd: { ...spreadOf(rounds.full), unit: "ms" },
      other: { ...spreadOf(rounds.empty), unit: "ms", what: "empty pool" },
      ratio: spreadOf(ratiosOf(rounds.full, rounds.empty)),
      target: { of: "ratio", bound: "at most", value: 1.1 },
    }],
    notes: [`${formatNumber(leases.live ?? 0)} of ${formatNumber(size)} ports leased, ${pool.free} free`],
  };
}
