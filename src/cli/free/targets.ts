/**
 * The processes that `portd free` ends. It pins each, checks it itself, and ends all of them together. What a daemon
 * says about a process is only used to find it.
 */
import type { PortSocket } from "../../client/client.ts";
import { forwarderOf } from "../../process/forwarder.ts";
import type { ProcessDescription } from "../../process/process.ts";
import { endProcess, KILL_LIMIT_MS } from "../../terminate/end.ts";
import type { EndSignal, ProcessHandle } from "../../terminate/handle.ts";
import { openProcessHandle } from "../../terminate/open.ts";
import { TimedOutError } from "../exit.ts";
import { addressText, escapeControls, shorten } from "../terminal.ts";

const COMMAND_WIDTH = 200;

/** A socket whose process the daemon knows. */
export interface KnownSocket extends PortSocket {
  readonly pid: number;
  readonly startTime: string;
  readonly bootId: string;
}

/** A pinned process that listens on the port. */
export interface Target {
  readonly handle: ProcessHandle;
  readonly startTime: string;
  readonly command: string | null;
  /** What the user is shown about it. */
  readonly lines: readonly string[];
}

/** Where the processes listen. */
export interface Place {
  readonly port: number;
  /** Address of the daemon that says so; `undefined` where this process has seen it itself. */
  readonly url: string | undefined;
}

/** A process is not what the daemon says, or not any more. */
export class UnverifiedError extends Error {
  override readonly name = "UnverifiedError";
}

/**
 * Pins every process that listens, each once. The caller closes the handles.
 *
 * @throws {UnverifiedError} where one has ended or does not listen there.
 * @throws {Deno.errors.PermissionDenied} where this user may not end one, or not see its sockets.
 */
export async function openTargets(sockets: readonly KnownSocket[], place: Place): Promise<readonly Target[]> {
  const targets: Target[] = [];
  try {
    for (const ofProcess of Map.groupBy(sockets, ({ pid }) => pid).values()) {
      targets.push(await openTarget(ofProcess, place));
    }
    return targets;
  } catch (error) {
    closeTargets(targets);
    throw error;
  }
}

async function openTarget(sockets: readonly KnownSocket[], place: Place): Promise<Target> {
  const [first] = sockets as readonly [KnownSocket];
  const { port, url } = place;
  const handle = openProcessHandle(first);
  const cannot = `Cannot verify ${processText(first)}`;
  const elsewhere = url && `, or the daemon at ${url} runs on another machine or in another container`;
  const ended = `it has ended${elsewhere ?? ""}; look again with: portd inspect ${port}`;
  if (handle === undefined) throw new UnverifiedError(`${cannot}: ${ended}`);
  try {
    for (const { protocol } of sockets) {
      const listens = await handle.listensOn({ protocol, port });
      if (listens === undefined) {
        const why = "this user may not see its sockets; run the command as an administrator";
        throw new Deno.errors.PermissionDenied(`${cannot}: ${why}`);
      }
      const saying = url && `, though the daemon at ${url} says so`;
      const why = `it has no socket on port ${port}/${first.protocol}${saying ?? ""}`;
      if (!listens) throw new UnverifiedError(`${cannot}: ${why}`);
    }
    const seen = handle.describe();
    if (seen === undefined) throw new UnverifiedError(`${cannot}: ${ended}`);
    const lines = [`listens ${processText(first, seen)}`, ...forwarderLines(seen, sockets, port)];
    return { handle, startTime: first.startTime, command: seen.command, lines };
  } catch (error) {
    handle.close();
    throw error;
  }
}

function forwarderLines(seen: ProcessDescription, sockets: readonly KnownSocket[], port: number): string[] {
  const found = sockets.map(({ protocol, localAddress: address }) => forwarderOf(seen, { protocol, port, address }))
    .find((forwarder) => forwarder !== undefined);
  if (found === undefined) return [];
  const { program, target } = found;
  const where = target === null ? "" : ` (${addressText(target.address, target.port)})`;
  return [`note    ${program} listens for a container${where}, which keeps running`];
}

/**
 * `pid 4711 (node server.js, user me, in /home/me/shop)`, without control characters.
 *
 * @param seen is what we see ourselves; without a command in it, what the daemon says is marked as such.
 */
export function processText({ pid, user: owner, process }: PortSocket, seen?: ProcessDescription): string {
  if (pid === null) return escapeControls(`a process${owner ? ` of user ${owner}` : ""} that the daemon cannot see`);
  const isOwn = seen !== undefined && seen.command !== null;
  const { command = null, user = null, cwd = null } = (isOwn ? seen : process) ?? {};
  const details = [shorten(command ?? "unknown command", COMMAND_WIDTH)];
  if (user !== null) details.push(`user ${user}`);
  if (cwd !== null) details.push(`in ${cwd}`);
  if (!isOwn) details.push("as the daemon says");
  return escapeControls(`pid ${pid} (${details.join(", ")})`);
}

/** Whether the daemon knows the process of a socket, so that it can be looked for. */
export function isKnown(socket: PortSocket): socket is KnownSocket {
  return socket.pid !== null && Boolean(socket.startTime) && socket.bootId !== null;
}

/** Whether a socket belongs to this very process, as the daemon says. */
export function isOf({ handle, startTime }: Target, socket: PortSocket): boolean {
  return socket.pid === handle.pid && socket.startTime === startTime;
}

/** Closes the handles. */
export function closeTargets(targets: readonly Target[]): void {
  for (const { handle } of targets) handle.close();
}

/** The processes that still listen, by our own look, and a note about each of the others. */
export async function splitByListening(
  targets: readonly Target[],
  { port, listeners }: { readonly port: number; readonly listeners: readonly PortSocket[] },
): Promise<{ readonly listening: readonly Target[]; readonly notes: readonly string[] }> {
  const listening: Target[] = [], notes: string[] = [];
  for (const target of targets) {
    const { handle } = target;
    const protocols = listeners.filter((socket) => isOf(target, socket)).map(({ protocol }) => protocol);
    const answers = await Promise.all(protocols.map((protocol) => handle.listensOn({ protocol, port })));
    if (handle.hasEnded()) notes.push(`pid ${handle.pid} has ended by itself`);
    else if (answers.includes(true)) listening.push(target);
    else notes.push(`pid ${handle.pid} does not listen there any more`);
  }
  return { listening, notes };
}

/** How a process ended. */
export interface End {
  readonly pid: number;
  readonly command: string | null;
  readonly signal: EndSignal;
  readonly tookMs: number;
}

/** Ends all of them at once. @throws {TimedOutError} when one cannot be ended; the others are ended all the same. */
export async function endAll(targets: readonly Target[], timeoutMs: number): Promise<readonly End[]> {
  const results = await Promise.allSettled(targets.map((target) => endOne(target, timeoutMs)));
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

async function endOne({ handle, command }: Target, timeoutMs: number): Promise<End> {
  const { pid } = handle;
  const start = performance.now();
  const signal = await endProcess(handle, timeoutMs);
  if (signal === undefined) {
    throw new TimedOutError(`Cannot end pid ${pid}: it still runs ${KILL_LIMIT_MS / 1000}s after KILL`);
  }
  return { pid, command, signal, tookMs: performance.now() - start };
}

/** `pid 4711 ended on TERM after 0.2 s`. */
export function endText({ pid, signal, tookMs }: End): string {
  return `pid ${pid} ${signal === "TERM" ? "ended on TERM" : "was ended by KILL"} after ${
    (tookMs / 1000).toFixed(1)
  } s`;
}
