/** Lists sockets with their processes and the leases of their ports. */
import type { LeaseTable } from "../lease/lease_table.ts";
import type { LeaseRecord } from "../lease/record.ts";
import { isListener, type ListedSocket, type Scanner, type SocketQuery, socketUser } from "../listener/listener.ts";
import { sharersOf, type SocketRow } from "../os/socket.ts";
import type { Turns } from "../os/turns.ts";
import type { Protocol } from "../port/port.ts";
import { forwarderOf, isForwarder } from "../process/forwarder.ts";
import { type Process, type Processes, strangersOf } from "../process/process.ts";
import type { Observations } from "./observations.ts";

/** What is joined with a socket. */
interface SocketContext {
  readonly process: Process | undefined;
  /** False when the process is known to listen for itself. @default true */
  readonly isForwarder?: boolean;
  readonly lease: LeaseRecord | undefined;
  /** @default null */
  readonly ofHolder?: boolean | null;
  /** Whose socket it is, where the process is not known. @default null */
  readonly user?: string | null;
}

/** Joins a socket with its process and the lease of its port; member by member, as a spread is several times slower. */
export function joinSocket(
  row: SocketRow,
  { process, isForwarder = true, lease, ofHolder = null, user = null }: SocketContext,
): ListedSocket {
  const { protocol, family, localAddress, localPort, remoteAddress, remotePort, state, pid } = row;
  const endpoint = { protocol, port: localPort, address: localAddress };
  return {
    protocol,
    family,
    localAddress,
    localPort,
    remoteAddress,
    remotePort,
    state,
    pid,
    user: process?.user ?? user,
    process: process === undefined ? null : { command: process.command, cwd: process.cwd, user: process.user },
    forwarder: process !== undefined && isForwarder ? forwarderOf(process, endpoint) ?? null : null,
    ofHolder,
    lease: lease === undefined ? null : { id: lease.id, name: lease.name, state: lease.state },
  };
}

/** How many sockets are yielded together. */
const SOCKETS_A_PART = 100;

/** What a {@linkcode Listing} asks. */
export interface ListingParts {
  readonly scanner: Scanner;
  readonly processes: Processes;
  readonly table: LeaseTable;
  readonly observations: Pick<Observations, "ownershipOf">;
  readonly turns: () => Turns;
}

/** Lists sockets; remembers nothing. */
export class Listing {
  readonly #parts: ListingParts;
  /** Resolves when the list before is complete: many at once would take much memory, and none would be quicker. */
  #before: Promise<void> = Promise.resolve();

  constructor(parts: ListingParts) {
    this.#parts = parts;
  }

  /**
   * The wanted sockets, sorted by port, protocol, address and remote port; a part at a time, as there may be tens of
   * thousands, with turns of the event loop in between.
   */
  async *list(filter: SocketQuery): AsyncGenerator<readonly ListedSocket[]> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#before;
    this.#before = promise;
    try {
      await before;
      yield* this.#list(filter);
    } finally {
      resolve();
    }
  }

  async *#list(filter: SocketQuery): AsyncGenerator<readonly ListedSocket[]> {
    const { scanner, turns: newTurns } = this.#parts;
    const rows = (await scanner.sockets({ connections: filter.connections === true })).filter((row) =>
      this.#isWanted(row, filter)
    );
    const listeners = await scanner.identify(rows); // processes are looked up only for what is shown
    const turns = newTurns();
    const byPort = Map.groupBy(listeners, ({ localPort }) => localPort);
    if (turns.isOver) await turns.next();
    const known = new Map<number, KnownProcess>(), users = new Map<number, string | null>();
    for (const port of Uint16Array.from(byPort.keys()).sort()) {
      const isAsked = (row: SocketRow) => filter.pid === undefined || sharersOf(row).includes(filter.pid);
      const onPort = byPort.get(port)!.filter(isAsked).sort(byPlace);
      for (let at = 0; at < onPort.length; at += SOCKETS_A_PART) {
        yield onPort.slice(at, at + SOCKETS_A_PART).map((row) => this.#join(row, { known, users, asked: filter.pid }));
        if (turns.isOver) await turns.next();
      }
    }
  }

  #isWanted({ protocol, localPort, state }: SocketRow, filter: SocketQuery): boolean {
    return (filter.port === undefined || localPort === filter.port) &&
      (filter.protocol === undefined || protocol === filter.protocol) &&
      (filter.state === undefined || state === filter.state) &&
      (filter.name === undefined || this.#hasName(localPort, protocol, filter.name));
  }

  #hasName(port: number, protocol: Protocol, name: string): boolean {
    const lease = this.#parts.table.byPort(port, [protocol]);
    return lease?.name === name || lease?.name?.endsWith(`/${name}`) === true;
  }

  /** Of the processes that share a socket it names the one that was asked for, or the holder's, or that of the lowest pid. */
  #join(row: SocketRow, { known, users, asked }: Joining): ListedSocket {
    const { processes, table, observations } = this.#parts;
    const lease = table.byPort(row.localPort, [row.protocol]);
    const ownership = lease !== undefined && isListener(row) ? observations.ownershipOf(lease, row) : undefined;
    const ofHolder = ownership?.ofHolder ?? null;
    const pid = asked ?? ownership?.pids[0] ?? row.pid;
    if (pid === null) {
      return joinSocket(row, { process: undefined, lease, ofHolder, user: this.#userOf(row, users) });
    }
    const finder = lease === undefined ? strangersOf(processes) : processes;
    const { process, isForwarder } = known.get(pid) ?? remember(known, pid, finder.find(pid));
    return joinSocket(pid === row.pid ? row : { ...row, pid }, { process, isForwarder, lease, ofHolder });
  }

  #userOf(row: SocketRow, users: Map<number, string | null>): string | null {
    if (row.uid === null) return null;
    const known = users.get(row.uid);
    if (known !== undefined && row.inode !== 0) return known;
    const user = socketUser(row, this.#parts.processes);
    if (row.inode !== 0) users.set(row.uid, user);
    return user;
  }
}

interface Joining {
  readonly known: Map<number, KnownProcess>;
  /** The names of users by their numbers: a user with many sockets is looked up once. */
  readonly users: Map<number, string | null>;
  /** The process to which the sockets must belong. */
  readonly asked: number | undefined;
}

/** A process with many sockets is looked up once. */
interface KnownProcess {
  readonly process: Process | undefined;
  readonly isForwarder: boolean;
}

function remember(known: Map<number, KnownProcess>, pid: number, process: Process | undefined): KnownProcess {
  const found = { process, isForwarder: process !== undefined && isForwarder(process) };
  known.set(pid, found);
  return found;
}

function byPlace(a: SocketRow, b: SocketRow): number {
  return compare(a.protocol, b.protocol) || a.family - b.family ||
    compare(a.localAddress, b.localAddress) || a.remotePort - b.remotePort || compare(a.remoteAddress, b.remoteAddress);
}

/** By code units: quicker than a locale's order, and the same everywhere. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
