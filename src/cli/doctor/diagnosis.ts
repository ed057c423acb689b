/** What is wrong with a portd, from what it tells and what its folder looks like. Pure. */
import type { DaemonStatus, Lease } from "../../client/client.ts";
import type { FirewallStatus } from "../../client/wire.ts";
import { formatDuration } from "../duration.ts";
import { titleOf } from "../naming.ts";

/** How bad a finding is: `problem` hinders, `warning` may, `note` is good to know. */
export type Level = "ok" | "note" | "warning" | "problem";

/** One finding. */
export interface Finding {
  readonly check: "daemon" | "pool" | "conflicts" | "holds" | "claims" | "clock" | "rights" | "firewall";
  readonly level: Level;
  /** One sentence, with what to do about it where something is to be done. */
  readonly message: string;
}

/** What is looked at. */
export interface Symptoms {
  readonly url: string;
  readonly status: DaemonStatus;
  readonly leases: readonly Lease[];
  /** Wall-clock milliseconds of the machine that asks. */
  readonly now: number;
  /** Version of the command line. */
  readonly version: string;
  readonly folder: FolderState;
  /** Read where a lease is exposed and the user has the token. */
  readonly firewall: FirewallStatus | undefined;
}

/** What the user who asks can see of the daemon's state folder; `open` names what others may read or write. */
export type FolderState =
  | { readonly kind: "own"; readonly open: readonly string[] }
  | { readonly kind: "foreign" };

/** Clocks that differ by less are those of one machine. */
const CLOCK_TOLERANCE_MS = 5000;
/** A claim that has been open for longer was probably forgotten. */
const FORGOTTEN_MS = 3_600_000;
/** A share of the possible holds from which on the rest is nearly used up. */
const NEARLY_ALL = 0.9;
/** Leases that are named; of more, how many there are. */
const MOST_NAMED = 3;

/** The findings, one check after the other; a check that finds nothing says so. */
export function diagnose(symptoms: Symptoms): readonly Finding[] {
  const checks = [daemon, pool, conflicts, holds, claims, clock, rights, firewall];
  return checks.flatMap((check) => check(symptoms));
}

/** The daemon itself warns, of its addresses, its pool and its file. */
function daemon({ url, status, version }: Symptoms): Finding[] {
  const warnings = status.warnings.map((message) => ({ check: "daemon", level: "warning", message }) as const);
  const running = `portd ${status.version} (pid ${status.pid}) at ${url}, up ${formatDuration(status.uptimeMs)}`;
  if (status.version === version) return [{ check: "daemon", level: "ok", message: running }, ...warnings];
  const message = `${running}, but this command is portd ${version}: restart the daemon with portd stop`;
  return [{ check: "daemon", level: "warning", message }, ...warnings];
}

function pool({ status }: Symptoms): Finding[] {
  const { size, free, quarantined } = status.pool;
  const left = `${free} of ${size} ports are free, ${quarantined} cool down`;
  if (free > 0) return [{ check: "pool", level: "ok", message: left }];
  return [{ check: "pool", level: "problem", message: `${left}: widen "pool", or release leases` }];
}

function conflicts({ leases }: Symptoms): Finding[] {
  const contested = leases.filter(({ state }) => state === "conflict");
  if (contested.length === 0) return [{ check: "conflicts", level: "ok", message: "no stranger on a leased port" }];
  return contested.map((lease) => {
    const { pid = null, command = null, reason = null } = lease.listener ?? {};
    const why = reason === null ? "" : ` (${reason})`;
    const who = pid === null ? "somebody who cannot be seen" : `pid ${pid} (${command ?? "unknown command"})`;
    const message = `${titleOf(lease)}: ${who} listens there and is not the holder${why}; portd inspect ${lease.port}`;
    return { check: "conflicts", level: "problem", message };
  });
}

function holds({ status }: Symptoms): Finding[] {
  const { kept, limit, missing } = status.holds;
  if (limit === 0) {
    return [{
      check: "holds",
      level: "note",
      message: "this system has no holds: a leased port is kept by portd alone",
    }];
  }
  const used = `${kept} holds are kept of at most ${limit}`;
  if (missing > 0) {
    const message = `${used}, and ${missing} could not be taken: somebody else is bound to those ports`;
    return [{ check: "holds", level: "problem", message }];
  }
  if (kept < limit * NEARLY_ALL) return [{ check: "holds", level: "ok", message: used }];
  const message = `${used}: further leases are not held; raise the limit of open files`;
  return [{ check: "holds", level: "warning", message }];
}

function claims({ leases, now }: Symptoms): Finding[] {
  const isForgotten = ({ state, renewedAt }: Lease) =>
    state === "granted" && now - Date.parse(renewedAt) > FORGOTTEN_MS;
  const forgotten = leases.filter(isForgotten);
  if (forgotten.length === 0) return [{ check: "claims", level: "ok", message: "no lease is left unclaimed for long" }];
  const named = forgotten.slice(0, MOST_NAMED).map(titleOf).join(", ");
  const more = forgotten.length > MOST_NAMED ? ` and ${forgotten.length - MOST_NAMED} more` : "";
  const message =
    `nobody has listened on ${named}${more} for over ${formatDuration(FORGOTTEN_MS)}; portd release gives ` +
    "back what is not needed";
  return [{ check: "claims", level: "note", message }];
}

function clock({ status, leases, now }: Symptoms): Finding[] {
  const drift = now - (Date.parse(status.startedAt) + status.uptimeMs);
  if (Math.abs(drift) > CLOCK_TOLERANCE_MS) {
    const how = `${formatDuration(Math.abs(drift))} ${drift > 0 ? "forward" : "back"}`;
    const message =
      `the clock was set ${how} since the daemon started; leases run on, as they follow the time since boot`;
    return [{ check: "clock", level: "warning", message }];
  }
  const early = leases.filter(({ grantedAt }) => Date.parse(grantedAt) > now + CLOCK_TOLERANCE_MS);
  if (early.length === 0) return [{ check: "clock", level: "ok", message: "the clock agrees with the daemon's" }];
  const message = `${early.length} leases were granted in the future, as by a clock that was set back since`;
  return [{ check: "clock", level: "warning", message }];
}

function rights({ status, folder }: Symptoms): Finding[] {
  const findings: Finding[] = [];
  const { user, stateDir } = status;
  if (folder.kind === "own") {
    findings.push(
      ...folder.open.map((path) => ({
        check: "rights",
        level: "problem",
        message: `${path} can be read by other users; close it with chmod go=`,
      } as const)),
    );
  } else {
    const message = `${stateDir} is not yours: what needs the token (stop, export, import) only ${
      user ?? "its user"
    } may`;
    findings.push({ check: "rights", level: "note", message });
  }
  if (user !== null && !isAdministrator(user)) {
    const message =
      `the daemon runs as ${user}: it cannot see the processes of other users, nor listen below port 1024`;
    findings.push({ check: "rights", level: "note", message });
  }
  if (findings.length > 0) return findings;
  return [{ check: "rights", level: "ok", message: `the daemon runs as ${user ?? "an unknown user"}` }];
}

function firewall({ firewall: found }: Symptoms): Finding[] {
  if (found === undefined) return [];
  if (found.error) return [{ check: "firewall", level: "problem", message: found.error }];
  const { add = [], change = [] } = found.difference ?? {};
  const missing = [...add, ...change];
  const remarks = found.remarks.map((message) => ({ check: "firewall", level: "warning", message }) as const);
  if (missing.length === 0) return [...remarks, { check: "firewall", level: "ok", message: "every rule is set" }];
  const message = `not set: ${missing.slice(0, MOST_NAMED).join(", ")}; portd firewall sync`;
  return [...remarks, { check: "firewall", level: "problem", message }];
}

function isAdministrator(user: string): boolean {
  return user === "root" || /(^|\\)SYSTEM$/i.test(user);
}
