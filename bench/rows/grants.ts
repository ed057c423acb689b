/**
 * Durable grants and releases over HTTP against a bare Hono echo. The echo is asked twice: with the small body that
 * asks for a lease, which is the floor that the target is about, and with a body as long as the lease that portd
 * answers with, which also moves the bytes that portd has to.
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
/** What each count of connections is to reach of the echo. */
const TARGETS = [[64, 0.5], [16, 0.3]] as const;

type Subject = "portd" | "small" | "large";

async function measure(bench: Workbench): Promise<Outcome> {
  await using echo = await startEcho(bench);
  const lines: Line[] = [];
  const details = [["", "", "requests/s", ...COST_HEAD]];
  const notes: string[] = [];
  for (const [connections, target] of TARGETS) {
    const { loads, large } = await measureAt(bench, echo, connections);
    const names = { portd: "portd", small: echoName(GRANT), large: echoName(large) };
    lines.push(lineOf(loads, { connections, floor: "small", name: names.small, target }));
    lines.push(lineOf(loads, { connections, floor: "large", name: names.large }));
    const share = mainMicros(loads.small) / mainMicros(loads.portd);
    notes.push(`${connections} connections: by the main threads' time a request the ratio is ${share.toFixed(2)}`);
    for (const subject of ["portd", "small", "large"] as const) {
      const perSecond = spreadOf(rates(loads[subject])).median;
      details.push([`${connections} connections`, names[subject], perSecond.toFixed(0), ...costCells(loads[subject])]);
    }
  }
  return { lines, details, notes };
}

async function measureAt(
  bench: Workbench,
  echo: Server,
  connections: number,
): Promise<{ readonly loads: Rounds<Subject, Load>; readonly large: string }> {
  await using daemon = await startDaemon(bench);
  const large = JSON.stringify(await daemon.client.grant({}));
  const options: Record<Subject, Omit<LoadOptions, "seconds">> = {
    portd: { server: daemon, mode: "lease", body: GRANT, connections },
    small: { server: echo, mode: "echo", body: GRANT, connections },
    large: { server: echo, mode: "echo", body: large, connections },
  };
  const load = (subject: Subject, seconds: number) => () => runLoad(bench, { ...options[subject], seconds });
  const subjects = (seconds: number) => ({
    portd: load("portd", seconds),
    small: load("small", seconds),
    large: load("large", seconds),
  });
  await interleave(1, subjects(1)); // the JIT warms up
  return { loads: await interleave(ROUNDS, subjects(SECONDS)), large };
}

interface LineOptions {
  readonly connections: number;
  readonly floor: "small" | "large";
  readonly name: string;
  readonly target?: number;
}

function lineOf(loads: Rounds<Subject, Load>, { connections, floor, name, target }: LineOptions): Line {
  const portd = rates(loads.portd), other = rates(loads[floor]);
  return {
    what: `grants and releases, ${connections} connections`,
    portd: { ...spreadOf(portd), unit: "/s" },
    other: { ...spreadOf(other), unit: "/s", what: name },
    ratio: spreadOf(ratiosOf(portd, other)),
    ...(target === undefined ? {} : { target: { of: "ratio", bound: "at least", value: target } }),
  };
}

function rates(loads: readonly Load[]): number[] {
  return loads.map(({ requestsPerSecond }) => requestsPerSecond);
}

function echoName(body: string): string {
  return `echo of ${body.length} bytes`;
}
