/** All sockets of a machine with 10,000 more of them, against `ss -tuanp`; and what that does to grants meanwhile. */
import { timeGrants } from "../latency.ts";
import { interleave } from "../rounds.ts";
import type { Line, Outcome, Row } from "../row.ts";
import { type Daemon, firstLine, startDaemon } from "../servers.ts";
import { median, ratiosOf, spreadOf } from "../statistics.ts";
import { CURL, SS } from "../tools.ts";
import type { Workbench } from "../workbench.ts";

export const listeners: Row = { name: "listeners", tools: [CURL, SS], measure };

const SOCKETS = 10_000, PROCESSES = 2;
const ROUNDS = 7;
/** Lists in a row, in the first half of the rounds and while grants are timed. */
const LISTS = 5, LISTS_MEANWHILE = 20;
const GRANTS = 1000;

const PROGRAM = new URL("../sockets.ts", import.meta.url).pathname;

async function measure(bench: Workbench): Promise<Outcome> {
  await using daemon = await startDaemon(bench);
  for (let i = 0; i < PROCESSES; i++) await openSockets(bench, SOCKETS / PROCESSES);
  const subjects = { portd: () => timeLists(bench, daemon, LISTS), ss: () => timeSs(bench) };
  await interleave(1, subjects); // the JIT warms up
  const rounds = await interleave(ROUNDS, subjects);
  const seen = (await daemon.client.listeners({ connections: true })).length;
  if (seen < SOCKETS) throw new Error(`Cannot measure: ${seen} sockets are listed, ${SOCKETS} were opened`);
  return {
    lines: [{
      what: "GET /listeners, sockets in every state",
      portd: { ...spreadOf(rounds.portd), unit: "ms" },
      other: { ...spreadOf(rounds.ss), unit: "ms", what: "ss -tuanp, whole process" },
      ratio: spreadOf(ratiosOf(rounds.portd, rounds.ss)),
      target: { of: "ratio", bound: "at most", value: 0.6 },
    }, await grantsMeanwhile(bench, daemon)],
    notes: [`${seen.toLocaleString("en")} sockets`],
  };
}

/** The slowest grant of each round while lists are asked for without a pause, and without them. */
async function grantsMeanwhile(bench: Workbench, daemon: Daemon): Promise<Line> {
  const slowest = async (times: Promise<number[]>) => Math.max(...await times);
  const { busy, quiet } = await interleave(ROUNDS, {
    quiet: () => slowest(timeGrants(daemon, GRANTS)),
    async busy() {
      const listing = timeLists(bench, daemon, LISTS_MEANWHILE);
      const [worst] = await Promise.all([slowest(timeGrants(daemon, GRANTS)), listing]);
      return worst;
    },
  });
  return {
    what: `slowest of ${GRANTS} grants while the sockets are listed`,
    portd: { ...spreadOf(busy), unit: "ms" },
    other: { ...spreadOf(quiet), unit: "ms", what: "while they are not" },
    ratio: spreadOf(ratiosOf(busy, quiet)),
    target: { of: "ratio", bound: "at most", value: 2 },
  };
}

/** The median of several lists over one connection of curl, as it costs next to nothing beside a daemon. */
async function timeLists(bench: Workbench, { port }: Daemon, count: number): Promise<number> {
  const url = `http://127.0.0.1:${port}/v1/listeners?connections=true`;
  const each = Array.from({ length: count }, () => [url, "--output", "/dev/null"]).flat();
  const text = await bench.run(CURL.program, ["--silent", "--fail", "--write-out", "%{time_total}\n", ...each]);
  return median(text.trim().split("\n").map((seconds) => 1000 * Number(seconds)));
}

async function timeSs(bench: Workbench): Promise<number> {
  const startedAt = performance.now();
  await bench.run(SS.program, ["-tuanpH"]);
  return performance.now() - startedAt;
}

async function openSockets(bench: Workbench, count: number): Promise<void> {
  const args = ["run", "--no-prompt", "--allow-net", "--unstable-net", PROGRAM, String(count)];
  const word = await firstLine(bench.spawn(Deno.execPath(), args, { stdout: "piped" }));
  if (word !== "ready") throw new Error(`Cannot open ${count} sockets: ${word}`);
}
