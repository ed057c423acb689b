/** 50,000 live leases: one grant at a time against the same with 100 of them, and what a lease takes of memory. */
import { residentBytes } from "../cpu.ts";
import { timeGrants } from "../latency.ts";
import { interleave } from "../rounds.ts";
import type { Outcome, Row } from "../row.ts";
import { fill, startDaemon } from "../servers.ts";
import { percentile, ratiosOf, spreadOf } from "../statistics.ts";
import type { Workbench } from "../workbench.ts";

export const many: Row = { name: "many", tools: [], measure };

const MANY = 50_000, FEW = 100;
const POOL = "1024-65535";
const ROUNDS = 5;
const GRANTS = 500;
const SETTLE_MS = 3000;

async function measure(bench: Workbench): Promise<Outcome> {
  await using full = await startDaemon(bench, { pool: POOL });
  await using small = await startDaemon(bench, { pool: POOL });
  await fill(small.client, FEW, true);
  await timeGrants(full, GRANTS); // the JIT warms up
  await timeGrants(small, GRANTS);
  const before = residentBytes(full.pid);
  await fill(full.client, MANY, true);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const grown = residentBytes(full.pid) - before;
  const { leases: { live } } = await full.client.status();
  if (live !== MANY) throw new Error(`Cannot measure: ${live} leases are live, ${MANY} were asked for`);
  const p99 = async (times: Promise<number[]>) => percentile(await times, 0.99);
  const rounds = await interleave(ROUNDS, {
    few: () => p99(timeGrants(small, GRANTS)),
    many: () => p99(timeGrants(full, GRANTS)),
  });
  return {
    lines: [
      {
        what: "one grant at a time, p99, with 50,000 live leases",
        portd: { ...spreadOf(rounds.many), unit: "ms" },
        other: { ...spreadOf(rounds.few), unit: "ms", what: "with 100" },
        ratio: spreadOf(ratiosOf(rounds.many, rounds.few)),
        target: { of: "ratio", bound: "at most", value: 1.5 },
      },
      {
        what: "memory a lease, of 50,000",
        portd: { ...spreadOf([grown / MANY / 1000]), unit: "kB" },
        target: { of: "portd", bound: "at most", value: 2 },
      },
    ],
  };
}
