/** The problems of a daemon, from what it says and from its state folder. Pure. */
import type { DaemonStatus, Lease } from "../../client/client.ts";
import type { FirewallStatus } from "../../client/wire.ts";
import { formatDuration } from "../../duration.ts";
import { titleOf } from "../naming.ts";

/** How bad a finding is: a `problem` is one now, a `warning` may become one, a `note` is good to know. */
type Level = "ok" | "note" | "warning" | "problem";

/** A level with one sentence, which says what to do where there is something to do. */
type Result = readonly [Level, message: string];

/** One finding. */
export interface Finding {
  readonly check: string;
  readonly level: Level;
  readonly message: string;
}

/** What the checks look at. */
export interface Symptoms {
  readonly url: string;
  readonly status: DaemonStatus;
  readonly leases: readonly Lease[];
  /** Wall-clock milliseconds of the machine that asks. */
  readonly now: number;
  /** Version of the command line. */
  readonly version: string;
  /** Which files in the daemon's state folder others may read or write; null where the folder is not this user's. */
  readonly openFiles: readonly string[] | null;
  /** Only where a lease is open to the outside and the user has the token. */
  readonly firewall: FirewallStatus | undefined;
}

/** Clocks that differ by less are the same clock. */
const CLOCK_TOLERANCE_MS = 5000;
/** A lease without a server for longer was probably forgotten. */
const FORGOTTEN_MS = 3_600_000;
/** From this share of the possible holds on there is a warning. */
const NEARLY_ALL = 0.9;
/** So many leases or rules are named; more are counted. */
const MOST_NAMED = 3;

/** The findings of all checks; a check that finds nothing has a finding that says so. */
export function diagnose(symptoms: Symptoms): readonly Finding[] {
  const checks = { daemon, pool, conflicts, holds, claims, clock, rights, firewall };
  return Object.entries(checks).flatMap(([check, run]) =>
    run(symptoms).map(([level, message]) => ({ check, level, message }))
  );
}

/** The daemon has warnings of its own, about its addresses, its pool and its file. */
function daemon({ url, status, version }: Symptoms): Result[] {
  const warnings = status.warnings.map((message): Result => ["warning", message]);
  const running = `portd ${status.version} (pid ${status.pid}) at ${url}, up ${formatDuration(status.uptimeMs)}`;
  if (status.version === version) return [["ok", running], ...warnings];
  const advice = `but this command is portd ${version}: restart the daemon with portd stop`;
  return [["warning", `${running}, ${advice}`], ...warnings];
}

function pool({ status: { pool: { size, free, quarantined } } }: Symptoms): Result[] {
  const left = `${free} of ${size} ports are free, ${quarantined} cool down`;
  return [free > 0 ? ["ok", left] : ["problem", `${left}: widen "pool", or release leases`]];
}

function conflicts({ leases }: Symptoms): Result[] {
  const contested = leases.filter(({ state }) => state === "conflict");
  if (contested.length === 0) return [["ok", "nobody but the holders listens on leased ports"]];
  return contested.map((lease) => {
    const { pid = null, command = null, reason = null } = lease.listener ?? {};
    const why = reason === null ? "" : ` (${reason})`;
    const who = pid === null ? "a process that the daemon cannot see" : `pid ${pid} (${command ?? "unknown command"})`;
    const what = `${who} listens there and is not the holder${why}`;
    return ["problem", `${titleOf(lease)}: ${what}; see portd inspect ${lease.port}`];
  });
}

function holds({ status: { holds: { kept, limit, missing } } }: Symptoms): Result[] {
  if (limit === 0) return [["note", "this system has no holds: only portd itself keeps a leased port"]];
  const used = `${kept} of at most ${limit} holds are kept`;
  if (missing > 0) {
    return [["problem", `${used}, and ${missing} could not be taken: something else is bound to those ports`]];
  }
  if (kept < limit * NEARLY_ALL) return [["ok", used]];
  return [["warning", `${used}: soon further leases get none; raise the limit of open files`]];
}

function claims({ leases, now }: Symptoms): Result[] {
  const unclaimed = leases.filter(({ state }) => state === "granted");
  const forgotten = unclaimed.filter(({ renewedAt }) => now - Date.parse(renewedAt) > FORGOTTEN_MS);
  if (forgotten.length === 0) return [["ok", "no lease has been without a server for long"]];
  const named = forgotten.slice(0, MOST_NAMED).map(titleOf).join(", ");
  const more = forgotten.length > MOST_NAMED ? ` and ${forgotten.length - MOST_NAMED} more` : "";
  const since = `nobody has listened on ${named}${more} for over ${formatDuration(FORGOTTEN_MS)}`;
  return [["note", `${since}; release what is not needed with portd release`]];
}

function clock({ status, leases, now }: Symptoms): Result[] {
  const drift = now - (Date.parse(status.startedAt) + status.uptimeMs);
  if (Math.abs(drift) > CLOCK_TOLERANCE_MS) {
    const how = `${formatDuration(Math.abs(drift))} ${drift > 0 ? "forward" : "back"} since the daemon started`;
    return [["warning", `the clock was set ${how}; leases are not affected: they count the time since boot`]];
  }
  const early = leases.filter(({ grantedAt }) => Date.parse(grantedAt) > now + CLOCK_TOLERANCE_MS);
  if (early.length === 0) return [["ok", "the clock agrees with the daemon's"]];
  const which = early.length === 1 ? "1 lease was" : `${early.length} leases were`;
  return [["warning", `${which} granted in the future: the clock was set back since then`]];
}

function rights({ status: { user, stateDir }, openFiles }: Symptoms): Result[] {
  const who = user ?? "its user";
  const results: Result[] = openFiles !== null
    ? openFiles.map((path) => ["problem", `${path} can be read by other users; stop that with: chmod go= ${path}`])
    : [["note", `${stateDir} is not yours: only ${who} can do what needs the token (stop, export, import, open)`]];
  if (user !== null && user !== "root" && !/(^|\\)SYSTEM$/i.test(user)) {
    const limits = "it cannot see the processes of other users, nor listen below port 1024";
    results.push(["note", `the daemon runs as ${user}: ${limits}`]);
  }
  return results.length > 0 ? results : [["ok", `the daemon runs as ${user ?? "an unknown user"}`]];
}

function firewall({ firewall: found }: Symptoms): Result[] {
  if (found === undefined) return [];
  if (found.error) return [["problem", found.error]];
  const { add = [], change = [] } = found.difference ?? {};
  const missing = [...add, ...change];
  const remarks = found.remarks.map((message): Result => ["warning", message]);
  if (missing.length === 0) return [...remarks, ["ok", "every rule is set"]];
  const named = missing.slice(0, MOST_NAMED).join(", ");
  return [...remarks, ["problem", `not set: ${named}; set them with: portd firewall sync`]];
}
