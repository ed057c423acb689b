/**
 * The watch: looks at the leased ports again and again, remembers what it saw, and has the registry draw the
 * consequences. A socket's process is looked up once, when the socket is new.
 */
import type { Clock } from "../clock.ts";
import { identityOf, isHolders } from "../lease/holder.ts";
import type { Holder } from "../lease/lease.ts";
import type { LeaseSighting, Registry } from "../lease/registry.ts";
import type { Processes } from "../process/process.ts";
import { isoInstant, type LeaseRecord } from "../store/record.ts";
import type { SocketRow } from "./listener.ts";
import type { Endpoint, Scanner } from "./scan.ts";

/** Holders' processes asked after in one look: with more, each is asked after every few looks. */
const PROCESSES_A_LOOK = 500;

/** What a {@linkcode Watch} is made of. */
export interface WatchParts {
  readonly registry: Registry;
  readonly scanner: Scanner;
  readonly processes: Processes;
  readonly clock: Clock;
}

interface Seen extends SocketRow {
  readonly since: string;
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

  async #remember(rows: readonly SocketRow[]): Promise<void> {
    const { scanner, clock } = this.#parts;
    const fresh = rows.filter((row) => !this.#seen.has(keyOf(row)));
    const identified = new Map((await scanner.identify(fresh)).map((listener) => [keyOf(listener), listener]));
    const since = isoInstant(clock.now());
    const before = this.#seen;
    this.#seen = new Map(rows.map((row) => {
      const key = keyOf(row);
      return [key, before.get(key) ?? { ...identified.get(key)!, since }];
    }));
  }

  #sighting(record: LeaseRecord, byEndpoint: ReadonlyMap<string, Seen[]>, isTurn: boolean): LeaseSighting {
    const { processes } = this.#parts;
    const identity = identityOf(record.holder);
    const isProcessAlive = !isTurn || identity === undefined || processes.isAlive(identity);
    const listeners = record.protocols.flatMap((protocol) => byEndpoint.get(`${protocol}:${record.port}`) ?? []);
    const known = record.listener;
    if (listeners.length === 0) return { listener: "nobody", isProcessAlive, details: null };
    const shown = listeners.find((listener) => !this.#isHolders(record, listener));
    const { pid, localAddress: address, since } = shown ?? listeners[0]!;
    const details = known !== null && known.pid === pid && known.address === address
      ? known
      : { ...describe(processes, pid), pid, address, since };
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

function describe(processes: Processes, pid: number | null) {
  const { command = null, cwd = null, user = null } = (pid === null ? undefined : processes.find(pid)) ?? {};
  return { command, cwd, user };
}
