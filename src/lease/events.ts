/** What happens to leases, on their ports, to firewall rules, mappings and the line, in order, with enough of the past. */
import type { RuleEvent } from "../firewall/rule.ts";
import type { MappingEvent } from "../gateway/mapping.ts";
import type { LineEvent } from "../line/line.ts";
import type { ListedSocket } from "../listener/listener.ts";
import { LEASE_STATES } from "./lease.ts";
import type { LeaseRecord } from "./record.ts";

const LEASE_CHANGES = [...LEASE_STATES, "renewed", "changed"] as const;

/** What can happen to a lease: it enters a state, is renewed, or changes otherwise. */
export type LeaseEventType = `lease.${(typeof LEASE_CHANGES)[number]}`;

/** All of them. */
export const LEASE_EVENT_TYPES: readonly LeaseEventType[] = LEASE_CHANGES.map((change) => `lease.${change}` as const);

/** What can happen on a leased port: a listener is seen for the first time, or is not seen any more. */
export const LISTENER_EVENT_TYPES = ["listener.opened", "listener.closed"] as const;

/** One of them. */
export type ListenerEventType = (typeof LISTENER_EVENT_TYPES)[number];

/** Something that happened: to a lease, with the lease right after; on its port; to a rule, a mapping, or the line. */
export type DomainEvent =
  | { readonly type: LeaseEventType; readonly record: LeaseRecord }
  | { readonly type: ListenerEventType; readonly listener: ListedSocket }
  | RuleEvent
  | MappingEvent
  | LineEvent;

/** An event with its number and time. */
export interface LoggedEvent {
  readonly event: DomainEvent;
  /** Counts up by one within one run of the daemon. */
  readonly number: number;
  /** Wall-clock milliseconds. */
  readonly at: number;
}

/** How much of the past is kept. */
export interface EventLogBounds {
  /** @default 10,000 */
  readonly events?: number;
  /** In bytes, of all events together. @default 8 MiB */
  readonly bytes?: number;
}

/** An event as it is kept: as an object until somebody reads it, then as encoded bytes. */
interface KeptEvent {
  content: LoggedEvent | Uint8Array;
  bytes: number;
}

/** Keeps the last events and passes on new ones. */
export class EventLog {
  readonly #epoch: string;
  readonly #capacity: number;
  readonly #mostBytes: number;
  readonly #ring: (KeptEvent | undefined)[] = [];
  readonly #subscribers = new Set<(event: DomainEvent) => void>();
  readonly #counts = new Map<DomainEvent["type"], number>();
  #bytes = 0;
  #first = 1;
  #last = 0;

  /** @param epoch differs for each run of the daemon. */
  constructor(epoch: string, { events = 10_000, bytes = 8 * 1024 * 1024 }: EventLogBounds = {}) {
    this.#epoch = epoch;
    this.#capacity = events;
    this.#mostBytes = bytes;
  }

  /** Number of the oldest event that is kept; one more than {@linkcode last} when none is. */
  get first(): number {
    return this.#first;
  }

  /** Number of the newest event; 0 when there has been none. */
  get last(): number {
    return this.#last;
  }

  /** The size of what is kept, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many events of each type there have been. */
  get counts(): ReadonlyMap<DomainEvent["type"], number> {
    return this.#counts;
  }

  /** Records an event and calls every subscriber. It is encoded when somebody reads it. */
  publish(event: DomainEvent, at: number): void {
    const number = ++this.#last;
    this.#counts.set(event.type, (this.#counts.get(event.type) ?? 0) + 1);
    const bytes = approximateSize(event);
    this.#bytes += bytes;
    if (number - this.#first >= this.#capacity) this.#forgetFirst();
    this.#ring[number % this.#capacity] = { content: { event, number, at }, bytes };
    this.#forget();
    for (const call of this.#subscribers) call(event);
  }

  /** Calls `call` for each event from now on, until the returned function is called. */
  subscribe(call: (event: DomainEvent) => void): () => void {
    this.#subscribers.add(call);
    return () => this.#subscribers.delete(call);
  }

  /** The id with which a client continues after the event of this number: the run of the daemon and the number. */
  idOf(number: number): string {
    return `${this.#epoch}-${number}`;
  }

  /** The number in an id. @returns `undefined` for an id of another run, or of an event that has not happened yet. */
  numberOf(id: string): number | undefined {
    const [epoch, digits] = id.split("-");
    const number = Number(digits);
    return epoch === this.#epoch && /^\d{1,15}$/.test(digits ?? "") && number <= this.#last ? number : undefined;
  }

  /** Whether every event after this number is kept. */
  hasAllAfter(number: number): boolean {
    return number + 1 >= this.#first;
  }

  /**
   * The bytes of an event. `encode` is called once for each event; its result is kept instead of the event.
   *
   * @returns `undefined` when the event is not kept any more, or has not happened yet.
   */
  encoded(number: number, encode: (event: LoggedEvent) => Uint8Array): Uint8Array | undefined {
    if (number < this.#first || number > this.#last) return undefined;
    const kept = this.#ring[number % this.#capacity]!;
    if (kept.content instanceof Uint8Array) return kept.content;
    const encoded = encode(kept.content);
    this.#bytes += encoded.length - kept.bytes;
    kept.content = encoded;
    kept.bytes = encoded.length;
    this.#forget();
    return encoded;
  }

  #forget(): void {
    while (this.#bytes > this.#mostBytes && this.#first <= this.#last) this.#forgetFirst();
  }

  #forgetFirst(): void {
    const place = this.#first++ % this.#capacity;
    this.#bytes -= this.#ring[place]!.bytes;
    this.#ring[place] = undefined;
  }
}

/** The size of an event without its texts, in bytes. */
const PLAIN_EVENT = 700;
/** The size of an event of the line, with its samples and ports. */
const LINE_EVENT = 8000;

/** About as many bytes as the event takes, in memory as well as encoded: encoding it to know would cost too much. */
function approximateSize(event: DomainEvent): number {
  if ("record" in event) return PLAIN_EVENT + textLength(event.record);
  if ("mapping" in event) return PLAIN_EVENT + event.mapping.lease.length + (event.mapping.reason?.length ?? 0);
  if ("line" in event) return LINE_EVENT;
  if (!("listener" in event)) return PLAIN_EVENT;
  const { process } = event.listener;
  return PLAIN_EVENT + (process?.command?.length ?? 0) + (process?.cwd?.length ?? 0);
}

function textLength({ name, project, holder, labels, exposure, listener }: LeaseRecord): number {
  let length = (name?.length ?? 0) + (project?.length ?? 0) + holder.id.length + (holder.command?.length ?? 0) +
    (holder.cwd?.length ?? 0) + (listener?.command?.length ?? 0) + (listener?.cwd?.length ?? 0);
  for (const key in labels) length += key.length + labels[key]!.length;
  return length + 40 * (exposure?.firewall.remote.length ?? 0);
}
