/** Other clients' grants while the longest history is searched for what is not there, from 640 connections. */
import { systemClock } from "../../src/clock.ts";
import type { LeaseRecord } from "../../src/lease/record.ts";
import { Store } from "../../src/lease/store/store.ts";
import type { Outcome, Row } from "../row.ts";
import { startDaemon } from "../servers.ts";
import { besiege } from "../siege.ts";
import type { Workbench } from "../workbench.ts";

export const history: Row = { name: "history", tools: [], measure };

const SECONDS = 10, ROUNDS = 2;
const LEASES = 200_000, IN_ONE_WRITE = 5000;

async function measure(bench: Workbench): Promise<Outcome> {
  const stateDir = await bench.makeFolder();
  await writeHistory(stateDir);
  await using daemon = await startDaemon(bench, { stateDir });
  const what = "640 search the whole history";
  return await besiege(bench, daemon, { what, attackers: [["searches"]], seconds: SECONDS, rounds: ROUNDS });
}

async function writeHistory(stateDir: string): Promise<void> {
  const clock = systemClock();
  const store = await Store.open(`${stateDir}/leases.db`, { clock, log: console.error });
  for (let first = 0; first < LEASES; first += IN_ONE_WRITE) {
    const records = Array.from({ length: IN_ONE_WRITE }, (_, i) => leaseOf(first + i, clock.now()));
    await Promise.all(records.map((record) =>
      store.write([
        { kind: "insert", record },
        { kind: "end", record: { ...record, state: "released", endedAt: clock.now() } },
      ])
    ));
  }
  await store.close();
}

function leaseOf(number: number, now: number): LeaseRecord {
  return {
    id: `01${number.toString().padStart(24, "0")}`,
    version: 0,
    name: `bench/service-${number}`,
    project: "bench",
    port: 10_000 + number % 10_000,
    protocols: ["tcp"],
    state: "granted",
    holder: { id: "bench", pid: null, startTime: null, bootId: null, command: "bench", cwd: "/bench", user: null },
    lifetime: { kind: "pinned" },
    hold: "none",
    labels: { bench: "history" },
    owner: null,
    listener: null,
    exposure: null,
    claimed: false,
    grantedAt: now,
    renewedAt: now,
    endedAt: null,
    deadline: null,
    bootId: "bench",
  };
}
