/**
 * Durable grants and releases over HTTP against a bare Hono echo. With short answers, as a client gets them that prefers
 * `return=minimal`, against the echo of the small body that asks for a lease, by the time of the main thread. With whole
 * answers against the echo of a body as long as a lease, which moves as many bytes, by requests a second.
 */
import { COST_HEAD, costCells, type Load, type LoadOptions, mainMicros, runLoad } from "../load.ts";
import { interleave, type Rounds } from "../rounds.ts";
import type { Line, Outcome, Row } from "../row.ts";
import { type Server, startDaemon, startEcho } from "../servers.ts";
import { ratiosOf, spreadOf } from "../statistics.ts";
import { WRK } from "../tools.ts";
import type { Workbench } from "../workbench.ts";

export const grants: Row = { name: "grants", tools: [WRK], measure };

const GRANT = JSON.stringify({ protocols: ["tcp"] });
const ROUNDS = 4;
const SECONDS = 2;
const MINIMAL_TARGET = 0.4;
/** What each count of connections is to reach of the echo of as many bytes. */
const TARGETS = [[64, 0.6], [16, 0.45]] as const;

type Subject = "minimal" | "whole" | "small" | "large";

async function measure(bench: Workbench): Promise<Outcome> {
  await using echo = await startEcho(bench);
  const lines: Line[] = [];
  const details = [["", "", "requests/s", ...COST_HEAD]];
  for (const [connections, target] of TARGETS) {
    const { loads, large } = await measureAt(bench, echo, connections);
    if (connections === 64) lines.push(minimalLine(loads, connections));
    lines.push(wholeLine(loads, { connections, name: echoName(large), target }));
    const names = { minimal: "portd, short", whole: "portd", small: echoName(GRANT), large: echoName(large) };
    for (const subject of Object.keys(names) as Subject[]) {
      const perSecond = spreadOf(rates(loads[subject])).median;
      details.push([`${connections} connections`, names[subject], perSecond.toFixed(0), ...costCells(loads[subject])]);
    }
  }
  return { lines, details };
}

async function measureAt(
  bench: Workbench,
  echo: Server,
  connections: number,
): Promise<{ readonly loads: Rounds<Subject, Load>; readonly large: string }> {
  await using daemon = await startDaemon(bench);
  const large = JSON.stringify(await daemon.client.grant({}));
  const options: Record<Subject, Omit<LoadOptions, "seconds">> = {
    minimal: { server: daemon, mode: "minimal", body: GRANT, connections },
    whole: { server: daemon, mode: "lease", body: GRANT, connections },
    small: { server: echo, mode: "echo", body: GRANT, connections },
    large: { server: echo, mode: "echo", body: large, connections },
  };
  const load = (subject: Subject, seconds: number) => () => runLoad(bench, { ...options[subject], seconds });
  const subjects = (seconds: number) => ({
    minimal: load("minimal", seconds),
    whole: load("whole", seconds),
    small: load("small", seconds),
    large: load("large", seconds),
  });
  await interleave(1, subjects(1)); // the JIT warms up
  return { loads: await interleave(ROUNDS, subjects(SECONDS)), large };
}

/** The ratio is the echo's time over portd's: 1 would be as cheap as the echo. */
function minimalLine({ minimal, small }: Rounds<Subject, Load>, connections: number): Line {
  const micros = (loads: readonly Load[]) => loads.map((load) => mainMicros([load]));
  return {
    what: `short answers, ${connections} connections, main thread a request`,
    portd: { ...spreadOf(micros(minimal)), unit: "µs" },
    other: { ...spreadOf(micros(small)), unit: "µs", what: echoName(GRANT) },
    ratio: spreadOf(ratiosOf(micros(small), micros(minimal))),
    target: { of: "ratio", bound: "at least", value: MINIMAL_TARGET },
  };
}

interface WholeOptions {
  readonly connections: number;
  readonly name: string;
  readonly target: number;
}

function wholeLine({ whole, large }: Rounds<Subject, Load>, { connections, name, target }: WholeOptions): Line {
  return {
    what: `grants and releases, ${connections} connections`,
    portd: { ...spreadOf(rates(whole)), unit: "/s" },
    other: { ...spreadOf(rates(large)), unit: "/s", what: name },
    ratio: spreadOf(ratiosOf(rates(whole), rates(large))),
    target: { of: "ratio", bound: "at least", value: target },
  };
}

function rates(loads: readonly Load[]): number[] {
  return loads.map(({ requestsPerSecond }) => requestsPerSecond);
}

function echoName(body: string): string {
  return `echo of ${body.length} bytes`;
}
