/**
 * The watch: looks at the leased ports again and again, and has the registry draw the consequences. sightings.ts
 * remembers what was seen.
 */
import type { Clock } from "../clock.ts";
import type { EventLog, ListenerEventType } from "../lease/events.ts";
import { identityOf } from "../lease/holder.ts";
import type { LeaseListener } from "../lease/lease.ts";
import type { LeaseRecord } from "../lease/record.ts";
import type { LeaseSighting, Registry } from "../lease/registry.ts";
import type { Scanner } from "../listener/listener.ts";
import type { Endpoint } from "../port/port.ts";
import type { Processes } from "../process/process.ts";
import { joinSocket } from "./listing.ts";
import type { Changes, Seen, Sightings } from "./observations.ts";

/** Holders' processes asked after in one look: with more, each is asked after every few looks. */
const PROCESSES_A_LOOK = 500;
/** Sockets of one look that are told as events: a server that opens thousands must not crowd out what else happens. */
const EVENTS_A_LOOK = 200;

/** What a {@linkcode Watch} is made of. */
export interface WatchParts {
  readonly registry: Registry;
  readonly scanner: Scanner;
  readonly sightings: Sightings;
  readonly processes: Processes;
  readonly clock: Clock;
  /** Told of listeners that open and close. */
  readonly events: EventLog;
}

/** One watch a daemon. {@linkcode Watch.look} is called by the daemon's timer, never twice at once. */
export class Watch {
  readonly #parts: WatchParts;
  #turn = 0;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /** Looks once and carries all leases on. @throws when a change did not reach the disk; the next look tries again. */
  async look(): Promise<void> {
    const { registry, scanner, sightings } = this.#parts;
    const changes = await sightings.update(await scanner.listening(endpointsOf(registry.table.all())));
    this.#publish(changes);
    this.#turn++;
    const turns = Math.max(1, Math.ceil(registry.table.size / PROCESSES_A_LOOK));
    let place = 0;
    await registry.tick((record) => this.#sighting(record, place++ % turns === this.#turn % turns));
  }

  #publish({ opened, closed }: Changes): void {
    const told: (readonly [ListenerEventType, Seen])[] = [
      ...closed.map((seen) => ["listener.closed", seen] as const),
      ...opened.map((seen) => ["listener.opened", seen] as const),
    ];
    for (const [type, seen] of told.slice(0, EVENTS_A_LOOK)) this.#tell(type, seen);
  }

  /** Of a port whose lease has ended nothing is known any more: it is no longer looked at. */
  #tell(type: ListenerEventType, seen: Seen): void {
    const { registry, sightings, events, clock } = this.#parts;
    const lease = registry.table.byPort(seen.row.localPort, [seen.row.protocol]);
    if (lease === undefined) return;
    const { isHolders, pid, process } = sightings.ownerOf(lease, seen);
    const listener = joinSocket({ ...seen.row, pid }, { process, lease, ofHolder: isHolders });
    events.publish({ type, listener }, clock.now());
  }

  #sighting(record: LeaseRecord, isTurn: boolean): LeaseSighting {
    const { processes, sightings } = this.#parts;
    const identity = identityOf(record.holder);
    const isProcessAlive = !isTurn || identity === undefined || processes.isAlive(identity);
    const listeners = record.protocols.flatMap((protocol) => sightings.on(protocol, record.port));
    if (listeners.length === 0) return { listener: "nobody", isProcessAlive, isTcpUsed: false, details: null };
    const isTcpUsed = listeners.some(({ row }) => row.protocol === "tcp");
    const isHolders = (seen: Seen) => sightings.ownerOf(record, seen).isHolders;
    const stranger = listeners.find((seen) => !isHolders(seen));
    const who = stranger === undefined ? "holder" : listeners.some(isHolders) ? "both" : "stranger";
    return { listener: who, isProcessAlive, isTcpUsed, details: this.#details(record, stranger ?? listeners[0]!) };
  }

  /** What is told of a listener; the same object as long as nothing of it has changed. */
  #details(record: LeaseRecord, seen: Seen): LeaseListener {
    const { pid, process, reason } = this.#parts.sightings.ownerOf(record, seen);
    const { row: { localAddress: address }, since } = seen;
    const { startTime = null, bootId = null, command = null, cwd = null, user = null } = process ?? {};
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
