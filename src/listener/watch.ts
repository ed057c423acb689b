/**
 * The watch: looks at the leased ports again and again, remembers what it saw, and has the registry draw the
 * consequences. A socket's process is looked up once, when the socket is new.
 */
import type { Clock } from "../clock.ts";
import type { EventLog, ListenerEventType } from "../lease/events.ts";
import { identityOf, isHolders } from "../lease/holder.ts";
import type { Holder } from "../lease/lease.ts";
import type { LeaseSighting, Registry } from "../lease/registry.ts";
import type { Process, Processes } from "../process/process.ts";
import { isoInstant, type LeaseRecord } from "../store/record.ts";
import type { SocketRow } from "./listener.ts";
import { joinSocket } from "./listing.ts";
import type { Endpoint, Scanner } from "./scan.ts";

/** Holders' processes asked after in one look: with more, each is asked after every few looks. */
const PROCESSES_A_LOOK = 500;

/** What a {@linkcode Watch} is made of. */
export interface WatchParts {
  readonly registry: Registry;
  readonly scanner: Scanner;
  readonly processes: Processes;
  readonly clock: Clock;
  /** Told of listeners that open and close. */
  readonly events: EventLog;
}

interface Seen extends SocketRow {
  readonly since: string;
  readonly process: Process | undefined;
  /** Whether it is the holder's, once that has been found out for this holder. */
  verdict?: { readonly holder: Holder; readonly isHolders: boolean };
}

/** One watch a daemon. {@linkcode Watch.look} is called by the daemon's timer, never twice at once. */
export class Watch {
  readonly #parts: WatchParts;
  #seen = new Map<string, Seen>();
  #turn = 0;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /** Looks once and carries all leases on. @throws when a change did not reach the disk; the next look tries again. */
  async look(): Promise<void> {
    const { registry, scanner } = this.#parts;
    const rows = await scanner.listening(endpointsOf(registry.table.all()));
    await this.#remember(rows);
    const byEndpoint = new Map<string, Seen[]>();
    for (const seen of this.#seen.values()) {
      const key = `${seen.protocol}:${seen.localPort}`;
      byEndpoint.set(key, [...byEndpoint.get(key) ?? [], seen]);
    }
    this.#turn++;
    const turns = Math.max(1, Math.ceil(registry.table.size / PROCESSES_A_LOOK));
    let place = 0;
    await registry.tick((record) => this.#sighting(record, byEndpoint, place++ % turns === this.#turn % turns));
  }

  /** Whether a socket is the holder's, as far as the watch has seen both; `undefined` where it has not. */
  verdictOn(row: SocketRow, holder: Holder): boolean | undefined {
    const verdict = this.#seen.get(keyOf(row))?.verdict;
    return verdict?.holder === holder ? verdict.isHolders : undefined;
  }

  async #remember(rows: readonly SocketRow[]): Promise<void> {
    const { scanner, processes, clock } = this.#parts;
    const before = this.#seen;
    const identified = await scanner.identify(rows.filter((row) => !before.has(keyOf(row))));
    const since = isoInstant(clock.now());
    const fresh = new Map(identified.map((row) => {
      const process = row.pid === null ? undefined : processes.find(row.pid);
      return [keyOf(row), { ...row, process, since }];
    }));
    this.#seen = new Map(rows.map(keyOf).map((key) => [key, before.get(key) ?? fresh.get(key)!]));
    for (const seen of fresh.values()) this.#publish("listener.opened", seen);
    for (const [key, seen] of before) if (!this.#seen.has(key)) this.#publish("listener.closed", seen);
  }

  /** Of a port whose lease has ended nothing is known any more: it is no longer looked at. */
  #publish(type: ListenerEventType, { since: _since, verdict: _verdict, process, ...row }: Seen): void {
    const { registry, events, clock } = this.#parts;
    const lease = registry.table.byPort(row.localPort, [row.protocol]);
    if (lease !== undefined) events.publish({ type, listener: joinSocket(row, { process, lease }) }, clock.now());
  }

  #sighting(record: LeaseRecord, byEndpoint: ReadonlyMap<string, Seen[]>, isTurn: boolean): LeaseSighting {
    const { processes } = this.#parts;
    const identity = identityOf(record.holder);
    const isProcessAlive = !isTurn || identity === undefined || processes.isAlive(identity);
    const listeners = record.protocols.flatMap((protocol) => byEndpoint.get(`${protocol}:${record.port}`) ?? []);
    const known = record.listener;
    if (listeners.length === 0) return { listener: "nobody", isProcessAlive, details: null };
    const shown = listeners.find((listener) => !this.#isHolders(record, listener));
    const { pid, localAddress: address, since, process } = shown ?? listeners[0]!;
    const { command = null, cwd = null, user = null } = process ?? {};
    const details = known !== null && known.pid === pid && known.address === address
      ? known
      : { command, cwd, user, pid, address, since };
    return { listener: shown === undefined ? "holder" : "stranger", isProcessAlive, details };
  }

  /** Asked once a socket and holder: what was the holder's stays so when the process it descends from is gone. */
  #isHolders(record: LeaseRecord, seen: Seen): boolean {
    if (seen.verdict?.holder !== record.holder) {
      seen.verdict = { holder: record.holder, isHolders: isHolders(record, seen, this.#parts.processes) };
    }
    return seen.verdict.isHolders;
  }
}

function* endpointsOf(records: Iterable<LeaseRecord>): Generator<Endpoint> {
  for (const { port, protocols } of records) {
    for (const protocol of protocols) yield { protocol, port };
  }
}

function keyOf({ protocol, localAddress, localPort, inode, pid }: SocketRow): string {
  return `${protocol} ${localAddress} ${localPort} ${inode || pid}`;
}
