/**
 * `portd free`: ends the listener of a lease's holder and gives the lease back.
 *
 * The daemon tells who listens; we look for ourselves whether that is so, and end the process with the rights of the
 * user who called us. So nobody gets more ended through portd than he could end without it: neither by asking a daemon
 * that runs as root, nor by running a daemon of his own that root asks.
 */
import type { Lease, PortdClient, PortDescription, PortSocket, Protocol } from "../../client.ts";
import { PortdError } from "../../errors.ts";
import { type EndSignal, openProcessHandle, type ProcessHandle } from "../../process/handle.ts";
import { command, COMMON_FLAGS, parsedFlag, switchFlag } from "../command.ts";
import { confirm } from "../confirm.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { parseDuration } from "../duration.ts";
import { Ended, EXIT, TimedOutError } from "../exit.ts";
import { findDaemon } from "../find_daemon.ts";
import { titleOf } from "../naming.ts";
import { parsePort } from "../parse.ts";
import { neutralise, shorten, toJson } from "../terminal.ts";

type FreeFlags = CommonFlags & {
  readonly yes?: boolean;
  readonly tcp?: boolean;
  readonly udp?: boolean;
  readonly timeout?: number;
};

const TIMEOUT_MS = 5000;
/** How long the kernel may take to end a process after KILL. */
const KILL_LIMIT_MS = 2000;
const PAUSE_MS = 20;
const COMMAND_WIDTH = 200;
/** The system's first process listens for services that it starts at the first connection. */
const INIT_PID = 1;

export default command<FreeFlags, [port: number]>({
  parameters: {
    flags: {
      yes: switchFlag("Do not ask"),
      tcp: switchFlag("Only the lease of TCP"),
      udp: switchFlag("Only the lease of UDP"),
      timeout: parsedFlag("5s", "How long the listener may take to end by itself (5s)", parseDuration),
      ...COMMON_FLAGS,
    },
    positional: {
      kind: "tuple",
      parameters: [{ parse: (text) => parsePort(text), placeholder: "PORT", brief: "A leased port" }],
    },
  },
  docs: {
    brief: "End the holder's listener on a port, and give the lease back",
    fullDescription: `Ends the process of the lease's holder that listens on the port, and gives the lease back. Asks
first. The process gets TERM and has --timeout to end, then KILL. A stranger who listens there is never touched, and
neither is a client of the port: exit code 4 tells who is in the way. Exit code 6 when the process is another user's.`,
    customUsage: [
      "PORT [--yes] [--tcp|--udp] [--timeout 5s]",
      { input: "20417", brief: "shows who listens, and asks" },
      { input: "20417 --yes --timeout 30s", brief: "for a script, with a server that takes its time" },
    ],
  },
  async run(context, flags, port) {
    const client = await findDaemon(context, flags);
    const found = pick(await client.describePort(port), flags);
    if (found.leases.length === 0) return tellUnleased(context, flags, found);
    checkHolders(found);
    const targets = await openTargets(found, client.url);
    try {
      await ask(context, flags, found);
      const ends = await endAll(targets, flags.timeout ?? TIMEOUT_MS);
      if (!flags.json) context.process.stderr.write(ends.map((end) => `${endText(end)}\n`).join(""));
      if (ends.length > 0) await checkFreed(client, found);
      for (const { id } of found.leases) await client.release(id);
      tell(context, flags, found, ends);
    } finally {
      for (const { handle } of targets) handle.close();
    }
  },
});

/** What of a port is to be freed. */
interface Found {
  readonly port: number;
  readonly protocols: readonly Protocol[];
  readonly leases: readonly Lease[];
  /** Who listens there, whosever. */
  readonly listeners: readonly PortSocket[];
}

/** A lease of both protocols is freed as a whole, whichever of the two was asked for. */
function pick({ port, leases, listeners }: PortDescription, { tcp, udp }: FreeFlags): Found {
  const asked: Protocol[] = tcp === udp ? ["tcp", "udp"] : [tcp ? "tcp" : "udp"];
  const picked = leases.filter((lease) => lease.protocols.some((protocol) => asked.includes(protocol)));
  const protocols = picked.length === 0 ? asked : [...new Set(picked.flatMap((lease) => lease.protocols))];
  const there = listeners.filter(({ protocol }) => protocols.includes(protocol));
  return { port, protocols, leases: picked, listeners: there };
}

/** @throws {PortdError} `port_in_use` when somebody listens there all the same. */
function tellUnleased({ process }: CliContext, { json }: FreeFlags, { port, listeners }: Found): void {
  const [stranger] = listeners;
  if (stranger !== undefined) throw inTheWay(port, stranger, "without a lease");
  if (json) process.stdout.write(`${toJson({ port, ended: [], released: [] })}\n`);
  else process.stderr.write(`port ${port} is free already\n`);
}

/** @throws where somebody else listens there, or somebody of whom too little is known. */
function checkHolders({ port, leases, listeners }: Found): void {
  const titles = leases.map(titleOf).join(" and ");
  const stranger = listeners.find(({ ofHolder }) => ofHolder !== true);
  if (stranger !== undefined) throw inTheWay(port, stranger, `and is not of the holder of ${titles}`);
  if (listeners.some(({ pid, startTime, bootId }) => pid === null || !startTime || bootId === null)) {
    throw new Error(`Cannot free port ${port}: the daemon cannot see which process it is that listens for ${titles}`);
  }
  if (listeners.some(({ pid }) => pid === INIT_PID)) {
    throw new Error(
      `Cannot free port ${port}: pid ${INIT_PID} listens there for ${titles}; stop its socket unit or its container`,
    );
  }
}

function inTheWay(port: number, stranger: PortSocket, why: string): PortdError {
  const remedy = stranger.pid === null ? "" : `; to end it: ${killCommand(stranger.pid)}`;
  const message =
    `Cannot free port ${port}: ${processText(stranger)} listens there ${why}, and portd ends nothing but ` +
    `the listeners of leases${remedy}`;
  return new PortdError("port_in_use", message, { port, pid: stranger.pid });
}

function killCommand(pid: number): string {
  return Deno.build.os === "windows" ? `taskkill /F /PID ${pid}` : `kill ${pid}`;
}

/** `pid 4711 (node server.js, user me)`. */
function processText({ pid, process }: PortSocket): string {
  if (pid === null) return "a process that the daemon cannot see";
  const details = [shorten(process?.command ?? "unknown command", COMMAND_WIDTH)];
  if (process?.user) details.push(`user ${process.user}`);
  if (process?.cwd) details.push(`in ${process.cwd}`);
  return `pid ${pid} (${details.join(", ")})`;
}

/** A process that is to be ended. */
interface Target {
  readonly handle: ProcessHandle;
  readonly command: string | null;
}

/** Pins every process that listens, each once. @throws where one is not what the daemon says, or not ours to end. */
async function openTargets({ port, listeners }: Found, url: string): Promise<readonly Target[]> {
  const targets = new Map<number, Target>();
  try {
    for (const socket of listeners) {
      const { pid, startTime, bootId, process, protocol } = socket as PortSocket & Known;
      const handle = targets.get(pid)?.handle ?? openProcessHandle({ pid, startTime, bootId });
      if (handle === undefined) {
        throw new Error(
          `Cannot verify ${processText(socket)}: it has ended, or the daemon at ${url} runs on another machine or in ` +
            "another container; look again with: portd inspect " + port,
        );
      }
      targets.set(pid, { handle, command: process?.command ?? null });
      if (await handle.listensOn({ protocol, port }) === false) {
        throw new Error(
          `Cannot verify ${processText(socket)}: it has no socket on port ${port}, though the daemon at ${url} says so`,
        );
      }
    }
  } catch (error) {
    for (const { handle } of targets.values()) handle.close();
    throw error;
  }
  return [...targets.values()];
}

/** What {@linkcode checkHolders} has seen to. */
interface Known {
  readonly pid: number;
  readonly startTime: string;
  readonly bootId: string;
}

/** @throws {Ended} when the user does not want it. */
async function ask(context: CliContext, { yes = false }: FreeFlags, found: Found): Promise<void> {
  const { port, leases, listeners } = found;
  const names = leases.map(({ name, id }) => `"${neutralise(name ?? id)}"`).join(" and ");
  const processes = [...new Set(listeners.map(processText))];
  const holders = leases.map((lease) => `leased  ${titleOf(lease)}, by ${lease.holder.id}`);
  const lines = [...processes.map((text) => `listens ${text}`), ...holders];
  if (processes.length === 0) lines.unshift(`nobody listens on port ${port}`);
  const what = processes.length === 0 ? "Release" : `End ${processes.length === 1 ? "it" : "them"} and release`;
  const preface = lines.map((line) => `${neutralise(line)}\n`).join("");
  if (await confirm(context, `${what} ${names}?`, { preface, yes })) return;
  context.process.stderr.write("nothing was done\n");
  throw new Ended(EXIT.failure);
}

/** How a process ended. */
interface End {
  readonly pid: number;
  readonly command: string | null;
  readonly signal: EndSignal;
  readonly tookMs: number;
}

/** Ends all of them at once. @throws {TimedOutError} when one cannot be ended; the others are, all the same. */
async function endAll(targets: readonly Target[], timeoutMs: number): Promise<readonly End[]> {
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

function endText({ pid, signal, tookMs }: End): string {
  const seconds = `${(tookMs / 1000).toFixed(1)} s`;
  return signal === "TERM"
    ? `pid ${pid} ended on TERM after ${seconds}`
    : `pid ${pid} was ended by KILL after ${seconds}`;
}

/** @throws {Error} when somebody listens there again: the lease is kept then, as the port is in use. */
async function checkFreed(client: PortdClient, { port, protocols }: Found): Promise<void> {
  const { listeners } = await client.describePort(port);
  const again = listeners.find(({ protocol }) => protocols.includes(protocol));
  if (again === undefined) return;
  throw new Error(
    `Cannot free port ${port}: ${processText(again)} listens there now; if something starts it anew, end that first; ` +
      "the lease is kept",
  );
}

function tell({ process }: CliContext, { json }: FreeFlags, { port, leases }: Found, ends: readonly End[]): void {
  if (json) {
    const ended = ends.map(({ pid, command, signal }) => ({ pid, command, signal }));
    process.stdout.write(`${toJson({ port, ended, released: leases.map(({ id }) => id) })}\n`);
    return;
  }
  for (const lease of leases) process.stderr.write(`released ${neutralise(titleOf(lease))}\n`);
}
