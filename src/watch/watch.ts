/**
 * The watch: looks at the leased ports again and again, and the registry updates the leases. observations.ts remembers
 * what was seen.
 */
import type { Clock } from "../clock.ts";
import type { EventLog, ListenerEventType } from "../lease/events.ts";
import { identityOf } from "../lease/holder.ts";
import type { LeaseListener } from "../lease/lease.ts";
import type { LeaseRecord } from "../lease/record.ts";
import type { LeaseObservation, Registry } from "../lease/registry.ts";
import type { Scanner } from "../listener/listener.ts";
import type { Endpoint } from "../port/port.ts";
import { Histogram } from "../metrics/histogram.ts";
import { NO_EVIDENCE, type Processes } from "../process/process.ts";
import { joinSocket } from "./listing.ts";
import type { Changes, Observations, SeenSocket } from "./observations.ts";

/** How many holders' processes are checked in one look; of more, a part in each look. */
const PROCESSES_A_LOOK = 500;
/** How many sockets of one look become events: a server that opens thousands must not push out all other events. */
const EVENTS_A_LOOK = 200;

/** Nobody listens, and nothing is known against the holder's process: most leases in most looks. */
const NOBODY: LeaseObservation = { listener: "nobody", isProcessAlive: true, isTcpUsed: false, details: null };

/** What a {@linkcode Watch} is made of. */
export interface WatchParts {
  readonly registry: Registry;
  readonly scanner: Scanner;
  readonly observations: Observations;
  readonly processes: Processes;
  readonly clock: Clock;
  /** Gets the listeners that open and close. */
  readonly events: EventLog;
}

/** What a {@linkcode Watch} counts. */
export interface ScanCounts {
  /** How long each look at the sockets and their processes took, in seconds. */
  readonly seconds: Histogram;
  failed: number;
  /** How many listening sockets on leased ports the last one has seen. */
  sockets: number;
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** One watch a daemon. {@linkcode Watch.look} is called by the daemon's timer, never twice at once. */
export class Watch {
  readonly scans: ScanCounts = { seconds: new Histogram(SECONDS), failed: 0, sockets: 0 };
  readonly #parts: WatchParts;
  #turn = 0;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /** Looks once and updates all leases. @throws when a change did not reach the disk; the next look tries again. */
  async look(): Promise<void> {
    const { registry } = this.#parts;
    this.#publish(await this.#scan());
    this.#turn++;
    const turns = Math.max(1, Math.ceil(registry.table.size / PROCESSES_A_LOOK));
    let place = 0;
    await registry.tick((record) => this.#observe(record, place++ % turns === this.#turn % turns));
  }

  async #scan(): Promise<Changes> {
    const { registry, scanner, observations, clock } = this.#parts;
    const startedAt = clock.monotonic();
    try {
      const sockets = await scanner.listening(endpointsOf(registry.table.all()));
      const changes = await observations.update(sockets);
      this.scans.seconds.observe((clock.monotonic() - startedAt) / 1000);
      this.scans.sockets = sockets.length;
      return changes;
    } catch (error) {
      this.scans.failed++;
      throw error;
    }
  }

  #publish({ opened, closed }: Changes): void {
    const events: (readonly [ListenerEventType, SeenSocket])[] = [
      ...closed.map((seen) => ["listener.closed", seen] as const),
      ...opened.map((seen) => ["listener.opened", seen] as const),
    ];
    for (const [type, seen] of events.slice(0, EVENTS_A_LOOK)) this.#publishListener(type, seen);
  }

  /** A port whose lease has ended is not watched any more: nothing is known about it. */
  #publishListener(type: ListenerEventType, seen: SeenSocket): void {
    const { registry, observations, events, clock } = this.#parts;
    const lease = registry.table.byPort(seen.row.localPort, [seen.row.protocol]);
    if (lease === undefined) return;
    const { ofHolder, pid, process } = observations.listenerOwner(lease, seen);
    const listener = joinSocket({ ...seen.row, pid }, { process, lease, ofHolder: ofHolder });
    events.publish({ type, listener }, clock.now());
  }

  #observe(record: LeaseRecord, isTurn: boolean): LeaseObservation {
    const { processes, observations } = this.#parts;
    const identity = identityOf(record.holder);
    const isProcessAlive = !isTurn || identity === undefined || processes.isAlive(identity);
    const listeners = record.protocols.flatMap((protocol) => observations.on(protocol, record.port));
    if (listeners.length === 0) return isProcessAlive ? NOBODY : { ...NOBODY, isProcessAlive };
    const isTcpUsed = listeners.some(({ row }) => row.protocol === "tcp");
    const ofHolder = (seen: SeenSocket) => observations.listenerOwner(record, seen).ofHolder;
    const stranger = listeners.find((seen) => !ofHolder(seen));
    const who = stranger === undefined ? "holder" : listeners.some(ofHolder) ? "both" : "stranger";
    return { listener: who, isProcessAlive, isTcpUsed, details: this.#details(record, stranger ?? listeners[0]!) };
  }

  /** The listener for the lease; the same object as long as nothing in it has changed. */
  #details(record: LeaseRecord, seen: SeenSocket): LeaseListener {
    const { pid, process, reason } = this.#parts.observations.listenerOwner(record, seen);
    const { row: { localAddress: address }, since } = seen;
    const { startTime, bootId, command, cwd, user } = process ?? NO_EVIDENCE;
    const known = record.listener;
    const isSame = known !== null && known.pid === pid && known.startTime === startTime && known.address === address &&
      known.reason === reason;
    return isSame ? known : { pid, startTime, bootId, command, cwd, user, address, since, reason };
  }
}

function* endpointsOf(records: Iterable<LeaseRecord>): Generator<Endpoint> {
  for (const { port, protocols } of records) {
    for (const protocol of protocols) yield { protocol, port };
  }
}
