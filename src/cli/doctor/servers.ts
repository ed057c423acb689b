/** Servers that are not where their leases are, and servers whose `portd run` has ended. Pure. */
import type { DaemonStatus, Lease, ListedSocket, PortSocket } from "../../client/client.ts";
import { contains } from "../../port/port.ts";
import { processText } from "../../process/command_line.ts";
import { folderKey, upwardKeys } from "../../process/folder.ts";
import { portWords } from "../run/placeholders.ts";

/** A server on a port that nobody leases, while nobody listens on the port of a lease that it seems to belong to. */
export interface Stray {
  readonly socket: PortSocket;
  readonly leases: readonly Lease[];
  /** Whether a holder's process has started it; otherwise it runs in the folder of the holder, or below it. */
  readonly isStarted: boolean;
}

/** A server that still listens after the `portd run` that started it. */
export interface Orphan {
  readonly pid: number | null;
  readonly command: string | null;
  /** The lease of its port; it may have ended too. */
  readonly lease: Lease;
}

/** How many ports are looked at one by one. */
const MOST_LOOKED_AT = 50;
const RUN = "portd run ";

/** Whether a lease has what `portd run` says of itself as its command. */
export function isOfRun({ holder }: Lease): boolean {
  return holder.command?.startsWith(RUN) === true;
}

/** The command that a `portd run` was called with; `undefined` where that is not known. */
export function commandOfRun(lease: Lease): string | undefined {
  const dashes = isOfRun(lease) ? lease.holder.command!.indexOf(" -- ") : -1;
  return dashes === -1 ? undefined : lease.holder.command!.slice(dashes + " -- ".length);
}

/**
 * The ports on which a server may be stray, or an orphan: leased to nobody and listened on by a process that the daemon
 * sees, that has no leased port, and that is not the daemon itself.
 *
 * @param ended are leases that have ended.
 */
export function portsToLookAt(
  sockets: readonly ListedSocket[],
  { leases, ended, status }: {
    readonly leases: readonly Lease[];
    readonly ended: readonly Lease[];
    readonly status: Pick<DaemonStatus, "ephemeral" | "pid">;
  },
): readonly number[] {
  const formerPorts = new Set(ended.filter(isOfRun).map(({ port }) => port));
  const placed = new Set(sockets.flatMap(({ pid, lease }) => lease === null ? [] : [pid]));
  const hasWaiting = leases.some(isWaiting);
  const ports = sockets.flatMap((socket) => {
    const { localPort: port, lease, pid, state } = socket;
    if (state !== "LISTEN" || lease !== null || pid === null || pid === status.pid) return [];
    // A port of the ephemeral range was chosen by the system: it is that of a debugger or the like.
    const maybeStray = hasWaiting && !placed.has(pid) && !contains(status.ephemeral, port);
    return maybeStray || formerPorts.has(port) ? [port] : [];
  });
  return [...new Set(ports)].slice(0, MOST_LOOKED_AT);
}

/** Whether a lease waits for its server. */
export function isWaiting({ state, protocols, holder }: Lease): boolean {
  return state !== "listening" && protocols.includes("tcp") && (holder.pid !== null || holder.cwd !== null);
}

/** The strays among the listeners of ports without a lease. */
export function findStrays(listeners: readonly PortSocket[], leases: readonly Lease[]): readonly Stray[] {
  const folders = new Set(leases.flatMap((lease) => folderOf(lease) ?? []));
  const distinct = new Map(listeners.map((socket) => [`${socket.pid}:${socket.localPort}`, socket]));
  return [...distinct.values()].flatMap((socket): readonly Stray[] => {
    const pids = [socket.pid, ...socket.ancestors.map(({ pid }) => pid)];
    const waiting = leases.filter(isWaiting);
    const started = waiting.filter(({ holder }) => holder.pid !== null && pids.includes(holder.pid));
    if (started.length > 0) return [{ socket, leases: started, isStarted: true }];
    const folder = socket.process?.cwd && upwardKeys(socket.process.cwd).find((key) => folders.has(key));
    // A lease whose server has left may wait for that server and no other.
    const near = folder ? waiting.filter((lease) => folderOf(lease) === folder && lease.state !== "idle") : [];
    return near.length > 0 ? [{ socket, leases: near, isStarted: false }] : [];
  });
}

/** Where the server listens, and what to do, in a sentence. */
export function strayText({ socket: { pid, process, localPort }, leases, isStarted }: Stray): string {
  const names = leases.map(({ name, id }) => name ?? id).join(" or "),
    ports = leases.map(({ port }) => port).join(" or ");
  const who = processText(pid, process?.command);
  if (!isStarted) {
    const { cwd } = leases[0]!.holder, folder = process!.cwd!;
    const where = folderKey(folder) === folderKey(cwd!) ? "in the same folder" : `in ${folder}, below ${cwd},`;
    const place = `nobody listens on ${ports} (${names}), and ${who} ${where} listens on ${localPort}`;
    return `${place}: if it is that server, start it with the port of its lease`;
  }
  const command = commandOfRun(leases[0]!);
  const what = `${names} listens on ${localPort}, not on ${ports}: ${who}`;
  if (command === undefined) return `${what}; start it with the port of its lease`;
  return `${what}; add what sets its port to the command, like: ${portWords(command)}`;
}

/** The folder of a holder without a process. */
function folderOf({ holder: { pid, cwd } }: Lease): string | undefined {
  return pid === null && cwd !== null ? folderKey(cwd) : undefined;
}

/** Processes on ports without a lease that were the holder's server when the lease of a `portd run` ended there last. */
export function findLeftOver(listeners: readonly PortSocket[], ended: readonly Lease[]): readonly Orphan[] {
  return listeners.flatMap(({ localPort, pid, process, startTime, bootId }) => {
    const lease = ended.find(({ port }) => port === localPort), server = lease?.listener ?? null;
    if (lease === undefined || server === null || !isOfRun(lease) || startTime === null) return [];
    const isServer = pid === server.pid && startTime === server.startTime && bootId === server.bootId;
    return isServer ? [{ pid, command: process?.command ?? null, lease }] : [];
  });
}
