/**
 * The processes that `portd free` ends: pinned, looked at by ourselves, and ended together. What a daemon says of a
 * process only tells where to look.
 */
import type { PortSocket } from "../../client/client.ts";
import { forwarderOf } from "../../process/forwarder.ts";
import type { ProcessDescription } from "../../process/process.ts";
import type { EndSignal, ProcessHandle } from "../../terminate/handle.ts";
import { openProcessHandle } from "../../terminate/open.ts";
import { TimedOutError } from "../exit.ts";
import { neutralise, shorten } from "../terminal.ts";

/** How long the kernel may take to end a process after KILL. */
const KILL_LIMIT_MS = 2000;
const PAUSE_MS = 20;
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
  /** What is told of it, without control characters; a line each. */
  readonly lines: readonly string[];
}

/** Where the processes were said to listen. */
export interface Place {
  readonly port: number;
  /** Address of the daemon that said it. */
  readonly url: string;
}

/** A process is not, or not any more, what the daemon says. */
export class UnverifiedError extends Error {
  override readonly name = "UnverifiedError";
}

/**
 * Pins every process that listens, each once. The handles are the caller's to close.
 *
 * @throws {UnverifiedError} where one has ended or does not listen there.
 * @throws {Deno.errors.PermissionDenied} where one is not this user's to end, or not to see.
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
  const handle = openProcessHandle(first);
  if (handle === undefined) throw hasEnded(first, place);
  try {
    for (const { protocol } of sockets) {
      const listens = await handle.listensOn({ protocol, port: place.port });
      if (listens === undefined) throw cannotSee(first);
      if (!listens) throw isElsewhere(first, place);
    }
    const seen = handle.describe();
    if (seen === undefined) throw hasEnded(first, place);
    const lines = [`listens ${processText(first, seen)}`, ...forwarderLines(seen, sockets, place)];
    return { handle, startTime: first.startTime, command: seen.command, lines };
  } catch (error) {
    handle.close();
    throw error;
  }
}

function hasEnded(socket: KnownSocket, { port, url }: Place): Error {
  return new UnverifiedError(
    `Cannot verify ${processText(socket)}: it has ended, or the daemon at ${url} runs on another machine or in ` +
      `another container; look again with: portd inspect ${port}`,
  );
}

function isElsewhere(socket: KnownSocket, { port, url }: Place): Error {
  const what = `it has no socket on port ${port}/${socket.protocol}, though the daemon at ${url} says so`;
  return new UnverifiedError(`Cannot verify ${processText(socket)}: ${what}`);
}

function cannotSee(socket: KnownSocket): Error {
  return new Deno.errors.PermissionDenied(
    `Cannot verify ${
      processText(socket)
    }: its sockets are not for this user to see; run the command as an administrator`,
  );
}

function forwarderLines(
  seen: ProcessDescription,
  sockets: readonly KnownSocket[],
  { port }: Place,
): readonly string[] {
  const found = sockets.map(({ protocol, localAddress: address }) => forwarderOf(seen, { protocol, port, address }))
    .find((forwarder) => forwarder !== undefined);
  if (found === undefined) return [];
  const { program, target } = found;
  const host = target?.address.includes(":") ? `[${target.address}]` : target?.address;
  const where = target === null ? "" : ` (${host}:${target.port})`;
  return [neutralise(`note    ${program} stands in for a container${where}, which is not ended with it`)];
}

/**
 * `pid 4711 (node server.js, user me, in /home/me/shop)`, without control characters.
 *
 * @param seen is our own look; where that tells nothing, the daemon's words are told as his.
 */
export function processText({ pid, process }: PortSocket, seen?: ProcessDescription): string {
  if (pid === null) return "a process that the daemon cannot see";
  const isOwn = seen !== undefined && seen.command !== null;
  const { command = null, user = null, cwd = null } = (isOwn ? seen : process) ?? {};
  const details = [shorten(command ?? "unknown command", COMMAND_WIDTH)];
  if (user !== null) details.push(`user ${user}`);
  if (cwd !== null) details.push(`in ${cwd}`);
  if (!isOwn) details.push("as the daemon says");
  return neutralise(`pid ${pid} (${details.join(", ")})`);
}

/** Whether a socket is said to be of this very process. */
export function isOf({ handle, startTime }: Target, socket: PortSocket): boolean {
  return socket.pid === handle.pid && socket.startTime === startTime;
}

/** Gives the handles back. */
export function closeTargets(targets: readonly Target[]): void {
  for (const { handle } of targets) handle.close();
}

/** How a process ended. */
export interface End {
  readonly pid: number;
  readonly command: string | null;
  readonly signal: EndSignal;
  readonly tookMs: number;
}

/** Ends all of them at once. @throws {TimedOutError} when one cannot be ended; the others are, all the same. */
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
  let signal = handle.terminate();
  if (!await endsWithin(handle, timeoutMs)) {
    signal = "KILL";
    handle.kill();
    if (!await endsWithin(handle, KILL_LIMIT_MS)) {
      throw new TimedOutError(`Cannot end pid ${pid}: it still runs ${KILL_LIMIT_MS / 1000} s after KILL`);
    }
  }
  return { pid, command, signal, tookMs: performance.now() - start };
}

async function endsWithin(handle: ProcessHandle, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (!handle.hasEnded()) {
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return false;
    await new Promise((resolve) => setTimeout(resolve, Math.min(PAUSE_MS, leftMs)));
  }
  return true;
}

/** `pid 4711 ended on TERM after 0.2 s`. */
export function endText({ pid, signal, tookMs }: End): string {
  const seconds = `${(tookMs / 1000).toFixed(1)} s`;
  return signal === "TERM"
    ? `pid ${pid} ended on TERM after ${seconds}`
    : `pid ${pid} was ended by KILL after ${seconds}`;
}
