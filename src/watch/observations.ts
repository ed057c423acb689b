/** What the watch sees on leased ports: each socket with its process and owner, remembered while the socket exists. */
import { type Clock, isoInstant } from "../clock.ts";
import { identityOf } from "../lease/holder.ts";
import type { Holder } from "../lease/lease.ts";
import type { LeaseTable } from "../lease/lease_table.ts";
import type { LeaseRecord } from "../lease/record.ts";
import type { Scanner } from "../listener/listener.ts";
import { sharersOf, type SocketRow } from "../os/socket.ts";
import type { Protocol } from "../port/port.ts";
import {
  findSame,
  isSameProcess,
  type Process,
  type Processes,
  type ProcessFinder,
  type ProcessIdentity,
  snapshotOf,
} from "../process/process.ts";
import { type Evidence, holderProcessesOf, type Ownership, ownershipOf } from "./ownership.ts";

/** How many sockets are checked in one update for whether their process still runs; of more, a part in each. */
const PROCESSES_AN_UPDATE = 50;
/** How many processes of the holder are remembered for one lease; of more, those that were seen last. */
const MOST_HOLDER_PROCESSES = 32;

/** What {@linkcode Observations} asks. */
export interface ObservationsParts {
  readonly scanner: Scanner;
  readonly processes: Processes;
  readonly table: LeaseTable;
  readonly clock: Clock;
}

/** A remembered socket. */
export interface SeenSocket {
  readonly row: SocketRow;
  readonly process: Process | undefined;
  /** ISO instant at which it was seen first. */
  readonly since: string;
}

/** Whose a socket is, with one process that has it open. */
export interface ListenerOwner extends Pick<Ownership, "ofHolder" | "reason"> {
  readonly pid: number | null;
  readonly process: Process | undefined;
}

/** A remembered owner. */
interface KnownOwner extends ListenerOwner {
  readonly holder: Holder;
  readonly ownership: Ownership;
}

/** The difference between two updates. */
export interface Changes {
  readonly opened: readonly SeenSocket[];
  readonly closed: readonly SeenSocket[];
}

/** Remembers sockets. The process of a socket is looked up when the socket is new, and again when that process has ended. */
export class Observations {
  readonly #parts: ObservationsParts;
  #seen = new Map<string, SeenSocket>();
  #byEndpoint = new Map<number, SeenSocket[]>();
  /** Whose each socket is, for which holder. */
  readonly #owners = new WeakMap<SeenSocket, KnownOwner>();
  /** Id of a lease → processes of its holder that listened, and those that started them. */
  readonly #holderProcesses = new Map<string, readonly ProcessIdentity[]>();
  #snapshot: ProcessFinder;
  #turn = 0;

  constructor(parts: ObservationsParts) {
    this.#parts = parts;
    this.#snapshot = snapshotOf(parts.processes);
  }

  /** Remembers the current sockets instead of the earlier ones. */
  async update(rows: readonly SocketRow[]): Promise<Changes> {
    const { scanner, clock, processes } = this.#parts;
    const before = this.#seen;
    const isStale = this.#staleCheck();
    const asked = rows.filter((row) => {
      const known = before.get(keyOf(row));
      return known === undefined || isStale(known);
    });
    const identified = new Map((await scanner.identify(asked)).map((row) => [keyOf(row), row]));
    this.#snapshot = snapshotOf(processes);
    this.#forgetEndedLeases();
    const since = isoInstant(clock.now());
    const opened: SeenSocket[] = [];
    this.#seen = new Map(rows.map((row) => {
      const key = keyOf(row);
      const known = before.get(key), fresh = identified.get(key);
      const seen = fresh === undefined ? known! : this.#see(fresh, known, since);
      if (known === undefined) opened.push(seen);
      return [key, seen];
    }));
    this.#byEndpoint = Map.groupBy(this.#seen.values(), ({ row }) => endpointKey(row.protocol, row.localPort));
    const closed = [...before].filter(([key]) => !this.#seen.has(key)).map(([, seen]) => seen);
    return { opened, closed };
  }

  /** The sockets on a port. */
  on(protocol: Protocol, port: number): readonly SeenSocket[] {
    return this.#byEndpoint.get(endpointKey(protocol, port)) ?? [];
  }

  /** Whose a remembered socket is. What was the holder's stays so when the process from which it descends has ended. */
  listenerOwner(record: LeaseRecord, seen: SeenSocket): ListenerOwner {
    const known = this.#owners.get(seen);
    if (known?.holder === record.holder) return known;
    const ownership = ownershipOf(record, seen.row, this.#evidence(record, this.#snapshot));
    if (ownership.ofHolder && record.holder.pid !== null) this.#rememberHolderProcesses(record, ownership.pids);
    return this.#own(seen, record.holder, ownership);
  }

  /** Whose a socket is, remembered or not, by the processes that have it open at this moment. */
  ownershipOf(record: LeaseRecord, row: SocketRow): Ownership {
    const seen = this.#seen.get(keyOf(row));
    const owner = seen && this.#owners.get(seen);
    const known = owner?.holder === record.holder ? owner.ownership : undefined;
    if (known !== undefined && haveSameSharers(seen!.row, row)) return known;
    const ownership = ownershipOf(record, row, this.#evidence(record, snapshotOf(this.#parts.processes)));
    if (ownership.ofHolder || known?.ofHolder !== true) return ownership;
    return { ofHolder: true, pids: sharersOf(row), reason: null };
  }

  #see(row: SocketRow, known: SeenSocket | undefined, since: string): SeenSocket {
    const process = row.pid === null ? undefined : this.#snapshot.find(row.pid);
    const seen = { row, process, since: known?.since ?? since };
    const owner = known && this.#owners.get(known);
    if (owner?.ofHolder) this.#own(seen, owner.holder, { ofHolder: true, pids: sharersOf(row), reason: null });
    return seen;
  }

  #own(seen: SeenSocket, holder: Holder, ownership: Ownership): ListenerOwner {
    const { ofHolder, pids: [pid = null], reason } = ownership;
    const process = pid === seen.row.pid || pid === null ? seen.process : this.#snapshot.find(pid);
    const owner = { holder, ownership, ofHolder, pid, process, reason };
    this.#owners.set(seen, owner);
    return owner;
  }

  /** The listener in the lease makes the same process the holder's after a restart of the daemon. */
  #evidence(record: LeaseRecord, processes: ProcessFinder): Evidence {
    const { id, state, listener } = record;
    const known = state === "listening" && listener !== null ? identityOf(listener) : undefined;
    const seen = this.#holderProcesses.get(id) ?? [];
    return { processes, table: this.#parts.table, holderProcesses: known === undefined ? seen : [...seen, known] };
  }

  /** Without those that have ended: no other process descends from them any more. */
  #rememberHolderProcesses(record: LeaseRecord, [pid]: readonly number[]): void {
    if (pid === undefined) return;
    const before = this.#holderProcesses.get(record.id) ?? [];
    const running = before.filter((known) => findSame(this.#snapshot, known) !== undefined);
    for (const { pid: number, startTime, bootId } of holderProcessesOf(record, pid, this.#snapshot)) {
      const identity = { pid: number, startTime, bootId };
      if (!running.some((known) => isSameProcess(known, identity))) running.push(identity);
    }
    this.#holderProcesses.set(record.id, running.slice(-MOST_HOLDER_PROCESSES));
  }

  #forgetEndedLeases(): void {
    const { table } = this.#parts;
    if (this.#holderProcesses.size <= table.size) return;
    for (const id of this.#holderProcesses.keys()) if (table.byId(id) === undefined) this.#holderProcesses.delete(id);
  }

  /** Makes the check whether the known process of a socket has ended: another one may still have the socket open. */
  #staleCheck(): (seen: SeenSocket) => boolean {
    const { processes } = this.#parts;
    const turns = Math.max(1, Math.ceil(this.#seen.size / PROCESSES_AN_UPDATE));
    const turn = this.#turn++ % turns;
    return (seen) => {
      const process = this.#owners.get(seen)?.process ?? seen.process;
      return seen.row.localPort % turns === turn && process !== undefined && !processes.isAlive(process);
    };
  }
}

/** A number: text would be made for every lease in every look. */
function endpointKey(protocol: Protocol, port: number): number {
  return protocol === "tcp" ? port : -port;
}

function haveSameSharers(a: SocketRow, b: SocketRow): boolean {
  const pids = sharersOf(a), others = sharersOf(b);
  return pids.length === others.length && pids.every((pid, i) => pid === others[i]);
}

function keyOf({ protocol, localAddress, localPort, inode, pid }: SocketRow): string {
  return `${protocol} ${localAddress} ${localPort} ${inode || pid}`;
}
