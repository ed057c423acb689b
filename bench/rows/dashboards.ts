/** Grants of another client while 100 dashboards are open and 1,000 events a second come; what an open one takes. */
import { residentBytes } from "../cpu.ts";
import type { Line, Outcome, Row } from "../row.ts";
import { type Daemon, startDaemon } from "../servers.ts";
import { besiege, type Siege } from "../siege.ts";
import { ratiosOf, spreadOf } from "../statistics.ts";
import type { Workbench } from "../workbench.ts";

export const dashboards: Row = { name: "dashboards", tools: [], measure };

const SECONDS = 10, ROUNDS = 2;
const MAKERS = ["event_makers"] as const;
const IDLE_READERS = 100, SETTLE_MS = 3000;

async function measure(bench: Workbench): Promise<Outcome> {
  await using daemon = await startDaemon(bench);
  const perReader = await bytesAReader(daemon);
  const siege = (what: string, attackers: Siege["attackers"]) =>
    besiege(bench, daemon, { what, attackers, seconds: SECONDS, rounds: ROUNDS });
  const unread = await siege("1,000 events a second", [MAKERS]);
  const read = await siege("1,000 events a second, and 100 dashboards", [MAKERS, ["dashboards"]]);
  return {
    lines: [...unread.lines, ...read.lines, compared(p99Of(read.lines), p99Of(unread.lines)), perReader],
    notes: [...unread.notes, ...read.notes],
  };
}

function p99Of(lines: readonly Line[]): Line {
  return lines.find(({ what }) => what.includes(" p99: "))!;
}

/** What the dashboards add to what the events cost anyway. */
function compared({ portd: read }: Line, { portd: unread }: Line): Line {
  return {
    what: "grants of others, p99: the same events with 100 dashboards and without",
    portd: read,
    other: { ...unread, what: "nobody reads them" },
    ratio: spreadOf(ratiosOf([read.median], [unread.median])),
    target: { of: "ratio", bound: "at most", value: 2 },
  };
}

/** What the daemon takes for each reader that waits for events. */
async function bytesAReader({ port, pid }: Daemon): Promise<Line> {
  const before = residentBytes(pid);
  const stopping = new AbortController();
  const readers = Array.from({ length: IDLE_READERS }, async () => {
    const { body } = await fetch(`http://127.0.0.1:${port}/v1/events`, { signal: stopping.signal });
    await body!.getReader().read();
  });
  await Promise.all(readers);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const kilobytes = (residentBytes(pid) - before) / IDLE_READERS / 1000;
  stopping.abort();
  return { what: "memory an open dashboard takes in the daemon", portd: { ...spreadOf([kilobytes]), unit: "kB" } };
}
