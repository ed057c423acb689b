/** What the watch has seen on leased ports: each socket with its process and whose it is, remembered while it is there. */
import { type Clock, isoInstant } from "../clock.ts";
import { identityOf } from "../lease/holder.ts";
import type { Holder } from "../lease/lease.ts";
import type { LeaseTable } from "../lease/lease_table.ts";
import type { LeaseRecord } from "../lease/record.ts";
import type { Scanner } from "../listener/listener.ts";
import { sharersOf, type SocketRow } from "../os/socket.ts";
import type { Protocol } from "../port/port.ts";
import {
  isSameProcess,
  type Process,
  type Processes,
  type ProcessFinder,
  type ProcessIdentity,
} from "../process/process.ts";
import { Glance } from "./glance.ts";
import { type Evidence, kinOf, type Ownership, ownershipOf } from "./ownership.ts";

/** Sockets whose processes are asked after in one update; with more, each is asked after every few updates. */
const PROCESSES_AN_UPDATE = 50;
/** Processes remembered as the holder's for one lease; of more, those that were seen last. */
const MOST_KIN = 32;

/** What {@linkcode Sightings} asks. */
export interface SightingsParts {
  readonly scanner: Scanner;
  readonly processes: Processes;
  readonly table: LeaseTable;
  readonly clock: Clock;
}

/** A socket that is remembered. */
export interface Seen {
  readonly row: SocketRow;
  readonly process: Process | undefined;
  /** ISO instant at which it was seen first. */
  readonly since: string;
}

/** Whose a socket is, with the process that stands for it. */
export interface Owner {
  readonly isHolders: boolean;
  readonly pid: number | null;
  readonly process: Process | undefined;
  /** Why it is not the holder's, in words; null when it is. */
  readonly reason: string | null;
}

/** An owner as it was found. */
interface KnownOwner extends Owner {
  readonly holder: Holder;
  readonly ownership: Ownership;
}

/** What an update has changed. */
export interface Changes {
  readonly opened: readonly Seen[];
  readonly closed: readonly Seen[];
}

/** A socket's process is looked up when the socket is new, and again when that process has ended. */
export class Sightings {
  readonly #parts: SightingsParts;
  #seen = new Map<string, Seen>();
  #byEndpoint = new Map<string, Seen[]>();
  /** Whose a socket was found to be, and for which holder. */
  readonly #owners = new WeakMap<Seen, KnownOwner>();
  /** Id of a lease → the processes of its holder that were seen to listen, and what started them. */
  readonly #kin = new Map<string, readonly ProcessIdentity[]>();
  #glance: Glance;
  #turn = 0;

  constructor(parts: SightingsParts) {
    this.#parts = parts;
    this.#glance = new Glance(parts.processes);
  }

  /** Takes in the sockets that there are now. */
  async update(rows: readonly SocketRow[]): Promise<Changes> {
    const { scanner, clock, processes } = this.#parts;
    const before = this.#seen;
    const isStale = this.#staleness();
    const asked = rows.filter((row) => {
      const known = before.get(keyOf(row));
      return known === undefined || isStale(known);
    });
    const identified = new Map((await scanner.identify(asked)).map((row) => [keyOf(row), row]));
    this.#glance = new Glance(processes);
    this.#forgetKin();
    const since = isoInstant(clock.now());
    const opened: Seen[] = [];
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
  on(protocol: Protocol, port: number): readonly Seen[] {
    return this.#byEndpoint.get(endpointKey(protocol, port)) ?? [];
  }

  /** Whose a remembered socket is. What was the holder's stays so when the process that it descends from is gone. */
  ownerOf(record: LeaseRecord, seen: Seen): Owner {
    const known = this.#owners.get(seen);
    if (known?.holder === record.holder) return known;
    const ownership = ownershipOf(record, seen.row, this.#evidence(record, this.#glance));
    if (ownership.isHolders && record.holder.pid !== null) this.#rememberKin(record, ownership.pids);
    return this.#own(seen, record.holder, ownership);
  }

  /** Whose a socket is that may be remembered or not, by the processes that have it open at this moment. */
  ownershipOf(record: LeaseRecord, row: SocketRow): Ownership {
    const seen = this.#seen.get(keyOf(row));
    const owner = seen && this.#owners.get(seen);
    const known = owner?.holder === record.holder ? owner.ownership : undefined;
    if (known !== undefined && haveSameSharers(seen!.row, row)) return known;
    const ownership = ownershipOf(record, row, this.#evidence(record, new Glance(this.#parts.processes)));
    if (ownership.isHolders || known?.isHolders !== true) return ownership;
    return { isHolders: true, pids: sharersOf(row), reason: null };
  }

  #see(row: SocketRow, known: Seen | undefined, since: string): Seen {
    const process = row.pid === null ? undefined : this.#glance.find(row.pid);
    const seen = { row, process, since: known?.since ?? since };
    const owner = known && this.#owners.get(known);
    if (owner?.isHolders) this.#own(seen, owner.holder, { isHolders: true, pids: sharersOf(row), reason: null });
    return seen;
  }

  #own(seen: Seen, holder: Holder, ownership: Ownership): Owner {
    const { isHolders, pids: [pid = null], reason } = ownership;
    const process = pid === seen.row.pid || pid === null ? seen.process : this.#glance.find(pid);
    const owner = { holder, ownership, isHolders, pid, process, reason };
    this.#owners.set(seen, owner);
    return owner;
  }

  /** The listener in the file makes the same process the holder's after a restart of the daemon. */
  #evidence(record: LeaseRecord, processes: ProcessFinder): Evidence {
    const { id, state, listener } = record;
    const known = state === "listening" && listener !== null ? identityOf(listener) : undefined;
    const kin = this.#kin.get(id) ?? [];
    return { processes, table: this.#parts.table, kin: known === undefined ? kin : [...kin, known] };
  }

  /** Those that have ended are of no use: a process descends from living ones. */
  #rememberKin(record: LeaseRecord, [pid]: readonly number[]): void {
    if (pid === undefined) return;
    const isSeen = (known: ProcessIdentity) => {
      const found = this.#glance.find(known.pid);
      return found !== undefined && isSameProcess(found, known);
    };
    const kin = (this.#kin.get(record.id) ?? []).filter(isSeen);
    for (const { pid: number, startTime, bootId } of kinOf(record, pid, this.#glance)) {
      const identity = { pid: number, startTime, bootId };
      if (!kin.some((known) => isSameProcess(known, identity))) kin.push(identity);
    }
    this.#kin.set(record.id, kin.slice(-MOST_KIN));
  }

  #forgetKin(): void {
    const { table } = this.#parts;
    if (this.#kin.size <= table.size) return;
    for (const id of this.#kin.keys()) if (table.byId(id) === undefined) this.#kin.delete(id);
  }

  /** Whether the process that is told for a socket has ended: another one that shares it may go on. */
  #staleness(): (seen: Seen) => boolean {
    const { processes } = this.#parts;
    const turns = Math.max(1, Math.ceil(this.#seen.size / PROCESSES_AN_UPDATE));
    const turn = this.#turn++ % turns;
    return (seen) => {
      const process = this.#owners.get(seen)?.process ?? seen.process;
      return seen.row.localPort % turns === turn && process !== undefined && !processes.isAlive(process);
    };
  }
}

function endpointKey(protocol: Protocol, port: number): string {
  return `${protocol}:${port}`;
}

function haveSameSharers(a: SocketRow, b: SocketRow): boolean {
  const pids = sharersOf(a), others = sharersOf(b);
  return pids.length === others.length && pids.every((pid, i) => pid === others[i]);
}

function keyOf({ protocol, localAddress, localPort, inode, pid }: SocketRow): string {
  return `${protocol} ${localAddress} ${localPort} ${inode || pid}`;
}
