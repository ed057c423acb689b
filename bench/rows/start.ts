/** From the start of the process until `/readyz` answers 200, with 10,000 live leases and with none. */
import { interleave } from "../rounds.ts";
import type { Outcome, Row } from "../row.ts";
import { fill, startDaemon } from "../servers.ts";
import { ratiosOf, spreadOf } from "../statistics.ts";
import type { Workbench } from "../workbench.ts";

export const start: Row = { name: "start", tools: [], measure };

const LEASES = 10_000;
const POOL = "10000-29999";
const ROUNDS = 5;

async function measure(bench: Workbench): Promise<Outcome> {
  const full = await bench.makeFolder(), empty = await bench.makeFolder();
  await prepare(bench, full);
  const rounds = await interleave(ROUNDS, {
    empty: () => timeStart(bench, empty, 0),
    full: () => timeStart(bench, full, LEASES),
  });
  return {
    lines: [{
      what: "start with 10,000 live leases until /readyz",
      portd: { ...spreadOf(rounds.full), unit: "ms" },
      other: { ...spreadOf(rounds.empty), unit: "ms", what: "without leases" },
      ratio: spreadOf(ratiosOf(rounds.full, rounds.empty)),
      target: { of: "ratio", bound: "at most", value: 1.8 },
    }],
    notes: ["after each start all 10,000 holds stood"],
  };
}

async function prepare(bench: Workbench, stateDir: string): Promise<void> {
  await using daemon = await startDaemon(bench, { stateDir, pool: POOL });
  const { holds } = await daemon.client.status();
  if (holds.limit < LEASES) {
    throw new Error(`Cannot hold ${LEASES} ports: open files allow ${holds.limit} holds; raise the limit (ulimit -Hn)`);
  }
  await fill(daemon.client, LEASES, true);
  await daemon.stop();
}

/** @throws {Error} when the leases or their holds are not there. */
async function timeStart(bench: Workbench, stateDir: string, leases: number): Promise<number> {
  await using daemon = await startDaemon(bench, { stateDir, pool: POOL });
  const status = await daemon.client.status();
  const { live } = status.leases, { kept } = status.holds;
  await daemon.stop();
  if (live === leases && kept === leases) return daemon.startMs;
  throw new Error(`Cannot count the start: ${live} leases and ${kept} holds in the place of ${leases}`);
}
