/** What the watch has seen on leased ports: each socket with its process and whose it is, remembered while it is there. */
import type { Clock } from "../clock.ts";
import { type Ownership, ownershipOf } from "../lease/holder.ts";
import type { Holder, Protocol } from "../lease/lease.ts";
import type { Process, Processes } from "../process/process.ts";
import { isoInstant, type LeaseRecord } from "../store/record.ts";
import { sharersOf, type SocketRow } from "./listener.ts";
import type { Scanner } from "./scan.ts";

/** Sockets whose processes are asked after in one update; with more, each is asked after every few updates. */
const PROCESSES_AN_UPDATE = 50;

/** What {@linkcode Sightings} asks. */
export interface SightingsParts {
  readonly scanner: Scanner;
  readonly processes: Processes;
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
  readonly #owners = new WeakMap<Seen, Owner & { readonly holder: Holder }>();
  #turn = 0;

  constructor(parts: SightingsParts) {
    this.#parts = parts;
  }

  /** Takes in the sockets that there are now. */
  async update(rows: readonly SocketRow[]): Promise<Changes> {
    const { scanner, clock } = this.#parts;
    const before = this.#seen;
    const isStale = this.#staleness();
    const asked = rows.filter((row) => {
      const known = before.get(keyOf(row));
      return known === undefined || isStale(known);
    });
    const identified = new Map((await scanner.identify(asked)).map((row) => [keyOf(row), row]));
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
    const { isHolders, pids } = ownershipOf(record, seen.row, this.#parts.processes);
    return this.#own(seen, record.holder, isHolders, pids[0] ?? null);
  }

  /** Whose a socket is that may be remembered or not, by the processes that have it open at this moment. */
  ownershipOf(record: LeaseRecord, row: SocketRow): Ownership {
    const ownership = ownershipOf(record, row, this.#parts.processes);
    const seen = this.#seen.get(keyOf(row));
    const known = seen && this.#owners.get(seen);
    if (ownership.isHolders || known?.holder !== record.holder || !known.isHolders) return ownership;
    return { isHolders: true, pids: sharersOf(row) };
  }

  #see(row: SocketRow, known: Seen | undefined, since: string): Seen {
    const process = row.pid === null ? undefined : this.#parts.processes.find(row.pid);
    const seen = { row, process, since: known?.since ?? since };
    const owner = known && this.#owners.get(known);
    if (owner?.isHolders) this.#own(seen, owner.holder, true, row.pid);
    return seen;
  }

  #own(seen: Seen, holder: Holder, isHolders: boolean, pid: number | null): Owner {
    const process = pid === seen.row.pid || pid === null ? seen.process : this.#parts.processes.find(pid);
    const owner = { holder, isHolders, pid, process };
    this.#owners.set(seen, owner);
    return owner;
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

function keyOf({ protocol, localAddress, localPort, inode, pid }: SocketRow): string {
  return `${protocol} ${localAddress} ${localPort} ${inode || pid}`;
}
