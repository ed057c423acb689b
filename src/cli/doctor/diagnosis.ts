/** The problems of a daemon, from what it says and from its state folder. Pure. */
import type { ListedSocket } from "../../client/client.ts";
import { formatDuration } from "../../duration.ts";
import { processText } from "../../process/command_line.ts";
import { titleOf } from "../naming.ts";
import { addressText } from "../terminal.ts";
import { judgeAddress } from "./address.ts";
import { checkGateway } from "./gateway.ts";
import { checkLine } from "./line.ts";
import { commandOfRun, isOfRun, type Orphan, type Stray, strayText } from "./servers.ts";
import type { Symptoms } from "./symptoms.ts";

/** How bad a finding is: a `problem` is one now, a `warning` may become one, a `note` is good to know. */
export type Level = "ok" | "note" | "warning" | "problem";

/** A level with one sentence, which says what to do where there is something to do. */
type Result = readonly [Level, message: string];

/** One finding. */
export interface Finding {
  readonly check: string;
  readonly level: Level;
  readonly message: string;
}

/** Clocks that differ by less are the same clock. */
const CLOCK_TOLERANCE_MS = 5000;
/** A lease without a server for longer was probably forgotten. */
const FORGOTTEN_MS = 3_600_000;
/** From this share of the possible holds on there is a warning. */
const NEARLY_ALL = 0.9;
/** So many leases or rules are named; more are counted. */
const MOST_NAMED = 3;
const MB = 1 << 20, GB = 1 << 30;
/** With less room the file cannot grow by a transaction, and with less than this soon so. */
const FULL_BYTES = MB, NEARLY_FULL_BYTES = 100 * MB;

/** The findings of all checks; a check that finds nothing has a finding that says so. */
export function diagnose(symptoms: Symptoms): readonly Finding[] {
  const checks = {
    daemon,
    pool,
    conflicts,
    servers,
    holds,
    claims,
    clock,
    disk,
    rights,
    firewall,
    gateway,
    line,
    address,
  };
  return Object.entries(checks).flatMap(([check, run]) =>
    run(symptoms).map(([level, message]) => ({ check, level, message }))
  );
}

function gateway({ gateway: found }: Symptoms): Result[] {
  return checkGateway(found);
}

function address(symptoms: Symptoms): Result[] {
  return judgeAddress(symptoms);
}

function line({ line, leases }: Symptoms): Result[] {
  return checkLine(line, leases);
}

/** The daemon has warnings of its own, about its addresses, its pool and its file. */
function daemon(symptoms: Symptoms): Result[] {
  const { url, status, version, changedAt } = symptoms;
  const warnings = status.warnings.map((message): Result => ["warning", message]);
  const running = `portd ${status.version} (pid ${status.pid}) at ${url}, up ${formatDuration(status.uptimeMs)}`;
  const advice = "restart the daemon with portd stop, or a service with portd service restart";
  const isOlder = changedAt !== null && changedAt > Date.parse(status.startedAt);
  const older = status.version !== version
    ? `but this command is portd ${version}: ${advice}`
    : isOlder
    ? `but this portd has been changed since, at ${new Date(changedAt).toISOString()}: ${advice}`
    : undefined;
  const state: Result = older === undefined ? ["ok", running] : ["warning", `${running}, ${older}`];
  return [state, ...warnings, ...intruders(symptoms)];
}

/** Other programs on the port of the API; the daemon itself warns of one that was there when it started. */
function intruders({ url, status: { pid, warnings }, sockets }: Symptoms): Result[] {
  const port = Number(new URL(url).port);
  const isIntruder = (socket: ListedSocket) =>
    socket.state === "LISTEN" && socket.localPort === port && socket.pid !== pid;
  return (sockets ?? []).filter(isIntruder).flatMap((socket): Result[] => {
    const address = addressText(socket.localAddress, port);
    if (warnings.some((warning) => warning.includes(address))) return [];
    const who = socket.pid === null ? "a program of another user" : processText(socket.pid, socket.process?.command);
    return [["warning", `${who} listens on ${address}, where "localhost" may lead: end it, or use only ${url}`]];
  });
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
    const who = pid === null ? "a process that the daemon cannot see" : processText(pid, command);
    return [
      "problem",
      `${titleOf(lease)}: a stranger listens there: ${reason ?? who}; see portd inspect ${lease.port}`,
    ];
  });
}

/** Servers on other ports than their leases, and those whose `portd run` has ended. */
function servers({ sockets, strays, orphans }: Symptoms): Result[] {
  if (sockets === null) return [["note", "this system does not list sockets: who listens where is not known"]];
  const results = [...strays.map(strayResult), ...orphans.map(orphanResult)];
  return results.length > 0 ? results : [["ok", "no server listens on another port than its lease"]];
}

function strayResult(stray: Stray): Result {
  const isSure = stray.isStarted && commandOfRun(stray.leases[0]!) !== undefined;
  return [isSure ? "problem" : "warning", strayText(stray)];
}

function orphanResult({ pid, command, lease }: Orphan): Result {
  const listener = processText(pid, command);
  if (lease.endedAt !== null) {
    const what = `${listener} still listens on ${lease.port}, and its lease ${lease.name ?? lease.id} has ended`;
    return ["warning", `${what} with its portd run; end process ${pid} yourself`];
  }
  const { holder } = lease;
  const starter = isOfRun(lease) ? "its portd run" : "the process of its lease";
  const what = `${listener} still listens on ${titleOf(lease)}, and ${starter} (pid ${holder.pid}) has ended`;
  return ["warning", `${what}; portd free ${lease.port} ends it`];
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

function disk({ status: { stateDir }, freeBytes }: Symptoms): Result[] {
  if (freeBytes === null) return [["note", `how much room there is for ${stateDir} is not known`]];
  const room = freeBytes < GB ? `${Math.floor(freeBytes / MB)} MB` : `${Math.floor(freeBytes / GB)} GB`;
  if (freeBytes < FULL_BYTES) return [["problem", `the disk of ${stateDir} is full: no port can be leased; make room`]];
  return [[freeBytes < NEARLY_FULL_BYTES ? "warning" : "ok", `${room} are free for ${stateDir}`]];
}

function rights({ status: { user, stateDir }, openFiles, folderFaults }: Symptoms): Result[] {
  const who = user ?? "its user";
  const results = folderFaults.map((message): Result => ["problem", message]);
  if (openFiles === null) {
    results.push([
      "note",
      `${stateDir} is not yours: only ${who} can do what needs the token (stop, export, import, open)`,
    ]);
  }
  for (const path of openFiles ?? []) {
    results.push(["problem", `${path} can be read by other users; stop that with: chmod go= ${path}`]);
  }
  if (user !== null && user !== "root" && !/(^|\\)SYSTEM$/i.test(user)) {
    const limits = "it cannot see the processes of other users, nor listen below port 1024";
    results.push(["note", `the daemon runs as ${user}: ${limits}`]);
  }
  return results.length > 0 ? results : [["ok", `the daemon runs as ${user ?? "an unknown user"}`]];
}

function firewall({ firewall: found, status }: Symptoms): Result[] {
  if (found === undefined) return [];
  if (found.error) return [["problem", found.error]];
  const { add = [], change = [] } = found.difference ?? {};
  const missing = [...add, ...change];
  const news = found.remarks.filter((remark) => !status.warnings.includes(remark)); // the others stand under "daemon"
  const remarks = news.map((message): Result => ["warning", message]);
  if (missing.length === 0) return [...remarks, ["ok", "every rule is set"]];
  const named = missing.slice(0, MOST_NAMED).join(", ");
  return [...remarks, ["problem", `not set: ${named}; set them with: portd firewall sync`]];
}
