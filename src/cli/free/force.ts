/**
 * `portd free --force`: ends what listens on a port and does not belong to the holder of its lease. The leases stay.
 *
 * Nothing that the daemon says is used to find the processes: this process looks itself, with the rights of its user. The
 * daemon only says who listens for a lease, and these are left alone.
 */
import type { PortdClient, PortSocket } from "../../client/client.ts";
import { PortdError } from "../../errors.ts";
import { type LocalLook, openLocalLook } from "../../inspect/local.ts";
import { pause, retryUntil } from "../../wait.ts";
import { confirmInFull } from "../confirm.ts";
import type { CliContext } from "../context.ts";
import { titleOf } from "../naming.ts";
import { escapeControls } from "../terminal.ts";
import { INIT_PID } from "./caller.ts";
import { type Found, refuseDaemon, strangers } from "./found.ts";
import {
  closeTargets,
  type End,
  endAll,
  isKnown,
  isOf,
  type KnownSocket,
  openTargets,
  processText,
  splitByListening,
  type Target,
} from "./targets.ts";

/** A daemon looks at leased ports every second, unless `watchMs` says otherwise. */
const SEEN_LIMIT_MS = 5000, SEEN_PAUSE_MS = 50;

/** Options of {@linkcode endStrangers}. */
export interface ForceOptions {
  /** Whether the command line answers the question, which it does only together with {@linkcode ForceOptions.pids}. */
  readonly yes: boolean;
  /** The processes that may be ended; without any all that do not belong to the holder. */
  readonly pids: readonly number[];
  /** How long a process may take to end by itself. */
  readonly timeoutMs: number;
  /** After this time the port is looked at again, in milliseconds. */
  readonly supervisorMs: number;
}

/** How the strangers ended, with a note about each that ended by itself. */
export interface ForceOutcome {
  readonly ends: readonly End[];
  readonly notes: readonly string[];
}

/** Ends the strangers on a port after its own question. @throws where it may not, and where others are there afterwards. */
export async function endStrangers(context: CliContext, found: Found, options: ForceOptions): Promise<ForceOutcome> {
  const { port } = found.wanted;
  refuseDaemon(found);
  using local = openLocalLook();
  const sockets = await look(local, found);
  checkPids(port, sockets, options.pids);
  const targets = await openTargets(sockets, { port, url: undefined });
  try {
    await ask(context, found, { targets, options });
    const again = await look(local, found);
    const newcomer = again.find((socket) => !targets.some((target) => isOf(target, socket)));
    if (newcomer !== undefined) throw changed(port, newcomer);
    const { listening, notes } = await splitByListening(targets, { port, listeners: again });
    const ends = await endAll(listening, options.timeoutMs);
    await checkEnded(local, found, options.supervisorMs);
    return { ends, notes };
  } finally {
    closeTargets(targets);
  }
}

/**
 * Waits until the daemon has seen that the strangers have ended, so that `portd ls` shows none of them.
 *
 * @returns what has become of the leases, a line each.
 */
export async function awaitSeen(client: PortdClient, { leases }: Found, ends: readonly End[]): Promise<string[]> {
  const pids = ends.map(({ pid }) => pid);
  const lines: string[] = [];
  for (const lease of leases) {
    const isSeen = async () => {
      const { listener } = await client.get(lease.id);
      return listener === null || !pids.includes(listener.pid ?? 0);
    };
    const hasSeen = await retryUntil(isSeen, { pauseMs: SEEN_PAUSE_MS, limitMs: SEEN_LIMIT_MS });
    const until = hasSeen ? "" : "; portd shows the conflict until it looks at the port again";
    lines.push(`${titleOf(lease)} stays leased${until}`);
  }
  return lines;
}

/** The sockets of strangers, by our own look. @throws where this user does not see a process, or it is the system's first. */
async function look(local: LocalLook, found: Found): Promise<readonly KnownSocket[]> {
  const { wanted: { port } } = found;
  const foreign = new Set(strangers(found)), protocols = new Set([...foreign].map(({ protocol }) => protocol));
  const own = found.listeners.filter((socket) => !foreign.has(socket));
  const sockets = (await local.listenersOn(port)).filter((socket) =>
    protocols.has(socket.protocol) &&
    !own.some(({ pid, startTime }) => pid === socket.pid && startTime === socket.startTime)
  );
  const unseen = sockets.find((socket) => !isKnown(socket));
  if (unseen !== undefined) {
    const whose = unseen.user ? ` of user ${unseen.user}` : "";
    const what = escapeControls(`a process${whose} that this user may not see listens there`);
    throw new Deno.errors.PermissionDenied(`Cannot free port ${port}: ${what}; run the command as an administrator`);
  }
  if (sockets.some(({ pid }) => pid === INIT_PID)) {
    throw new Error(`Cannot free port ${port}: pid ${INIT_PID} listens there; stop its socket unit or its container`);
  }
  return sockets.filter(isKnown);
}

/** @throws {PortdError} when others listen than the processes that were named. */
function checkPids(port: number, sockets: readonly KnownSocket[], pids: readonly number[]): void {
  if (pids.length === 0) return;
  const other = sockets.find(({ pid }) => !pids.includes(pid));
  const missing = pids.find((pid) => !sockets.some((socket) => socket.pid === pid));
  if (other === undefined && missing === undefined) return;
  const who = other === undefined ? `pid ${missing} does not listen there` : `${ownText(other)} listens there too`;
  const message = `Cannot free port ${port}: ${who}; nothing was ended`;
  throw new PortdError("port_in_use", message, { port, pid: other?.pid ?? missing });
}

async function ask(
  context: CliContext,
  { wanted: { port }, leases }: Found,
  { targets, options: { yes, pids } }: { readonly targets: readonly Target[]; readonly options: ForceOptions },
): Promise<void> {
  if (targets.length === 0 || (yes && pids.length > 0)) return;
  const numbers = targets.map(({ handle }) => handle.pid).join(",");
  const staying = leases.map((lease) => `leased  ${titleOf(lease)}, by ${lease.holder.id}; the lease stays`);
  const lines = [...targets.flatMap((target) => target.lines), ...staying];
  const what = targets.length === 1 ? "it, though it does" : "them, though they do";
  await confirmInFull(context, `End ${what} not listen for a lease?`, {
    preface: lines.map((line) => `${escapeControls(line)}\n`).join(""),
    withoutTerminal: `name what is to be ended: portd free ${port} --force --yes --pid ${numbers}`,
  });
}

/** @throws when somebody listens on the port again. */
async function checkEnded(local: LocalLook, found: Found, supervisorMs: number): Promise<void> {
  for (const pauseMs of [0, supervisorMs]) {
    await pause(pauseMs);
    const [socket] = await look(local, found);
    if (socket === undefined) continue;
    const who = `${ownText(socket)} listens there now`;
    const advice = "if a supervisor starts the server again, stop the supervisor first";
    throw new Error(`Cannot free port ${found.wanted.port}: ${who}; ${advice}`);
  }
}

function changed(port: number, newcomer: PortSocket): Error {
  return new Error(
    `Cannot free port ${port}: meanwhile ${ownText(newcomer)} has started to listen there; nothing was ended`,
  );
}

/** A process by our own look. */
function ownText(socket: PortSocket): string {
  return processText(socket, socket.process ?? undefined);
}
