/**
 * `portd free`: ends the listener of a lease's holder and gives the lease back.
 *
 * The daemon tells who listens; we look for ourselves whether that is so, show what we see, and end the process with
 * the rights of the user who called us. So nobody gets more ended through portd than he could end without it: neither
 * by asking a daemon that runs as root, nor by running a daemon of his own that root asks. ../targets.ts ends the
 * processes; the client refuses what is no answer about this very port.
 */
import type { Lease, PortDescription, PortSocket, Protocol } from "../../client/client.ts";
import { PortdError } from "../../errors.ts";
import { command, COMMON_FLAGS, parsedFlag, switchFlag } from "../command.ts";
import { confirm } from "../confirm.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { findDaemon } from "../daemon/find.ts";
import { parseDuration } from "../duration.ts";
import { Ended, EXIT } from "../exit.ts";
import {
  closeTargets,
  type End,
  endAll,
  endText,
  isOf,
  type KnownSocket,
  openTargets,
  type Place,
  processText,
  type Target,
  UnverifiedError,
} from "../free/targets.ts";
import { titleOf } from "../naming.ts";
import { parsePort } from "../parse.ts";
import { neutralise, toJson } from "../terminal.ts";

type FreeFlags = CommonFlags & {
  readonly yes?: boolean;
  readonly tcp?: boolean;
  readonly udp?: boolean;
  readonly timeout?: number;
};

const TIMEOUT_MS = 5000;
/** Looks at processes that end while they are looked at, as when somebody else frees the port at the same time. */
const MOST_LOOKS = 3;
/** A supervisor that starts its server anew takes a moment to. */
const SUPERVISOR_MS = 300;
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
    const place = { port, url: client.url };
    const look = settled(async () => pick(await client.describePort(port), port, flags));
    const { found, targets } = await pinAll(look, place);
    try {
      if (found.leases.length === 0) return tellUnleased(context, flags, found);
      await ask(context, flags, found, targets);
      const again = await look();
      if (again.leases.length === 0) return tellUnleased(context, flags, again);
      checkUnchanged(found, again, targets);
      const { staying, notes } = await sift(targets, again);
      const ends = await endAll(staying, flags.timeout ?? TIMEOUT_MS);
      if (!flags.json) {
        context.process.stderr.write([...notes, ...ends.map(endText)].map((line) => `${line}\n`).join(""));
      }
      if (targets.length > 0) await checkFreed(look);
      for (const { id } of found.leases) await client.release(id);
      tell(context, flags, found, ends);
    } finally {
      closeTargets(targets);
    }
  },
});

/** What of a port is to be freed. */
interface Found {
  readonly port: number;
  /** Those that the flags name. */
  readonly asked: readonly Protocol[];
  readonly leases: readonly Lease[];
  /** Who listens there, whosever. */
  readonly listeners: readonly PortSocket[];
}

type Look = () => Promise<Found>;

/** A lease of both protocols is freed as a whole, whichever of the two was asked for. */
function pick({ leases, listeners }: PortDescription, port: number, { tcp, udp }: FreeFlags): Found {
  const asked: Protocol[] = tcp === udp ? ["tcp", "udp"] : [tcp ? "tcp" : "udp"];
  const picked = leases.filter((lease) => lease.protocols.some((protocol) => asked.includes(protocol)));
  const protocols = [...asked, ...picked.flatMap((lease) => lease.protocols)];
  return { port, asked, leases: picked, listeners: listeners.filter(({ protocol }) => protocols.includes(protocol)) };
}

/** Of a process that was just ending the daemon may have seen the socket and nothing else: then it is looked again. */
function settled(look: Look): Look {
  return async () => {
    for (let looks = 1;; looks++) {
      const found = await look();
      if (looks === MOST_LOOKS || found.listeners.every(isKnown)) return found;
    }
  };
}

/**
 * Looks, and pins who listens. One that ends in between was no listener any more: then it is looked again.
 *
 * @throws where somebody else listens, or somebody who is not what the daemon says or not ours to end.
 */
async function pinAll(
  look: Look,
  place: Place,
): Promise<{ readonly found: Found; readonly targets: readonly Target[] }> {
  for (let looks = 1;; looks++) {
    const found = await look();
    if (found.leases.length === 0) return { found, targets: [] };
    try {
      return { found, targets: await openTargets(knownSockets(found), place) };
    } catch (error) {
      if (!(error instanceof UnverifiedError) || looks === MOST_LOOKS) throw error;
    }
  }
}

/** @throws {PortdError} `port_in_use` when somebody listens there all the same. */
function tellUnleased({ process }: CliContext, { json }: FreeFlags, { port, asked, listeners }: Found): void {
  const [stranger] = listeners;
  if (stranger !== undefined) throw inTheWay(port, stranger, "without a lease");
  const [only, ...others] = asked;
  if (json) process.stdout.write(`${toJson({ port, ended: [], released: [] })}\n`);
  else process.stderr.write(`port ${port}${others.length === 0 ? `/${only}` : ""} is free already\n`);
}

/** @throws where somebody else listens there, or somebody of whom too little is known. */
function knownSockets({ port, leases, listeners }: Found): readonly KnownSocket[] {
  const titles = titlesOf(leases);
  const stranger = listeners.find((socket) => !isHolders(socket, listeners));
  if (stranger !== undefined) {
    const hint = leases.some(({ protocols }) => protocols.includes(stranger.protocol))
      ? undefined
      : `to free ${titles} alone: portd free ${port} --${stranger.protocol === "tcp" ? "udp" : "tcp"}`;
    const reason = stranger.reason === null ? "" : ` (${neutralise(stranger.reason)})`;
    throw inTheWay(port, stranger, `on ${stranger.protocol} and is not of the holder of ${titles}${reason}`, hint);
  }
  if (!listeners.every(isKnown)) {
    throw new Error(`Cannot free port ${port}: the daemon cannot see which process it is that listens for ${titles}`);
  }
  if (listeners.some(({ pid }) => pid === INIT_PID)) {
    throw new Error(
      `Cannot free port ${port}: pid ${INIT_PID} listens there for ${titles}; stop its socket unit or its container`,
    );
  }
  return listeners;
}

/** The holder's process may also listen with a protocol that he has not leased. */
function isHolders(socket: PortSocket, listeners: readonly PortSocket[]): boolean {
  const { ofHolder, pid, startTime } = socket;
  return ofHolder === true ||
    (ofHolder === null && pid !== null &&
      listeners.some((other) => other.ofHolder === true && other.pid === pid && other.startTime === startTime));
}

function isKnown(socket: PortSocket): socket is KnownSocket {
  return socket.pid !== null && Boolean(socket.startTime) && socket.bootId !== null;
}

function titlesOf(leases: readonly Lease[]): string {
  return leases.map((lease) => neutralise(titleOf(lease))).join(" and ");
}

function inTheWay(port: number, stranger: PortSocket, why: string, hint?: string): PortdError {
  const remedies = [
    ...(stranger.pid === null ? [] : [`to end it: ${killCommand(stranger.pid)}`]),
    ...(hint ? [hint] : []),
  ];
  const message =
    `Cannot free port ${port}: ${processText(stranger)} listens there ${why}, and portd ends nothing but ` +
    ["the listeners of leases", ...remedies].join("; ");
  return new PortdError("port_in_use", message, { port, pid: stranger.pid });
}

function killCommand(pid: number): string {
  return Deno.build.os === "windows" ? `taskkill /F /PID ${pid}` : `kill ${pid}`;
}

/** @throws {Ended} when the user does not want it. */
async function ask(
  context: CliContext,
  { yes = false }: FreeFlags,
  { port, leases }: Found,
  targets: readonly Target[],
): Promise<void> {
  const names = leases.map(({ name, id }) => `"${neutralise(name ?? id)}"`).join(" and ");
  const holders = leases.map((lease) => neutralise(`leased  ${titleOf(lease)}, by ${lease.holder.id}`));
  const lines = [...targets.flatMap((target) => target.lines), ...holders];
  if (targets.length === 0) lines.unshift(`nobody listens on port ${port}`);
  const what = targets.length === 0 ? "Release" : `End ${targets.length === 1 ? "it" : "them"} and release`;
  const preface = lines.map((line) => `${line}\n`).join("");
  if (await confirm(context, `${what} ${names}?`, { preface, yes })) return;
  context.process.stderr.write("nothing was done\n");
  throw new Ended(EXIT.failure);
}

/** @throws when what is there is not what the user was asked about: he has said yes to nothing else. */
function checkUnchanged(found: Found, again: Found, targets: readonly Target[]): void {
  const { port, leases } = again;
  const isSame = leases.length === found.leases.length &&
    leases.every(({ id }) => found.leases.some((lease) => lease.id === id));
  if (!isSame) {
    const now = `${titlesOf(leases)}, and no more as it was: nothing was ended`;
    throw new PortdError("port_leased", `Cannot free port ${port}: it is leased now to ${now}`, { port });
  }
  const newcomer = knownSockets(again).find((socket) => !targets.some((target) => isOf(target, socket)));
  if (newcomer === undefined) return;
  throw new Error(`Cannot free port ${port}: ${processText(newcomer)} has begun to listen there: nothing was ended`);
}

/** Of the processes those that still listen there, and a note on each of the others. */
async function sift(
  targets: readonly Target[],
  { port, listeners }: Found,
): Promise<{ readonly staying: readonly Target[]; readonly notes: readonly string[] }> {
  const staying: Target[] = [], notes: string[] = [];
  for (const target of targets) {
    const { handle } = target;
    const protocols = listeners.filter((socket) => isOf(target, socket)).map(({ protocol }) => protocol);
    const listens = await Promise.all(protocols.map((protocol) => handle.listensOn({ protocol, port })));
    if (handle.hasEnded()) notes.push(`pid ${handle.pid} has ended by itself`);
    else if (listens.includes(true)) staying.push(target);
    else notes.push(`pid ${handle.pid} listens there no more`);
  }
  return { staying, notes };
}

/** @throws {Error} when somebody listens there again: the lease is kept then, as the port is in use. */
async function checkFreed(look: Look): Promise<void> {
  for (const pauseMs of [0, SUPERVISOR_MS]) {
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const { port, listeners: [again] } = await look();
    if (again === undefined) continue;
    throw new Error(
      `Cannot free port ${port}: ${processText(again)} listens there now; if something starts it anew, end that ` +
        "first; the lease is kept",
    );
  }
}

function tell({ process }: CliContext, { json }: FreeFlags, { port, leases }: Found, ends: readonly End[]): void {
  if (json) {
    const ended = ends.map(({ pid, command, signal }) => ({ pid, command, signal }));
    process.stdout.write(`${toJson({ port, ended, released: leases.map(({ id }) => id) })}\n`);
    return;
  }
  for (const lease of leases) process.stderr.write(`released ${neutralise(titleOf(lease))}\n`);
}
