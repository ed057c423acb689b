/** What happens to leases, on their ports and to the rules that let others reach them, in order, with enough of the past to catch up after a break. */
import type { RuleEvent } from "../firewall/rule.ts";
import type { ListedSocket } from "../listener/listener.ts";
import type { LeaseRecord } from "./record.ts";

/** What can happen to a lease. */
export type LeaseEventType =
  | "lease.granted"
  | "lease.renewed"
  | "lease.changed"
  | "lease.listening"
  | "lease.idle"
  | "lease.conflict"
  | "lease.released"
  | "lease.revoked"
  | "lease.expired";

/** What can happen on a leased port: somebody begins to listen, or is seen no more. */
export type ListenerEventType =
  | "listener.opened"
  | "listener.closed";

/** Something that happened: to a lease, which is as it was right after, on its port, or to a rule of the firewall. */
export type Happening =
  | { readonly type: LeaseEventType; readonly record: LeaseRecord }
  | { readonly type: ListenerEventType; readonly listener: ListedSocket }
  | RuleEvent;

/** A happening in its place. */
export interface LoggedEvent {
  readonly happening: Happening;
  /** Counts up by one within one run of the daemon. */
  readonly number: number;
  /** Wall-clock milliseconds. */
  readonly at: number;
}

/** How much of the past is kept. */
export interface EventLogBounds {
  /** @default 10,000 */
  readonly events?: number;
  /** In bytes, of all events together, as they are in memory or on their way to a reader. @default 8 MiB */
  readonly bytes?: number;
}

/** An event as it is kept: until somebody reads it, as it happened, from then on as the bytes that were made of it. */
interface Kept {
  content: LoggedEvent | Uint8Array;
  bytes: number;
}

/** Keeps the last events and hands on new ones. */
export class EventLog {
  readonly #epoch: string;
  readonly #capacity: number;
  readonly #mostBytes: number;
  readonly #ring: (Kept | undefined)[] = [];
  readonly #subscribers = new Set<(happening: Happening) => void>();
  #bytes = 0;
  #first = 1;
  #last = 0;

  /** @param epoch tells one run of the daemon from another. */
  constructor(epoch: string, { events = 10_000, bytes = 8 * 1024 * 1024 }: EventLogBounds = {}) {
    this.#epoch = epoch;
    this.#capacity = events;
    this.#mostBytes = bytes;
  }

  /** Number of the newest event; 0 when there has been none. */
  get last(): number {
    return this.#last;
  }

  /** What is kept, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Records an event and calls every subscriber. What readers get is made when they read. */
  publish(happening: Happening, at: number): void {
    const number = ++this.#last;
    const bytes = weightOf(happening);
    this.#bytes += bytes;
    if (number - this.#first >= this.#capacity) this.#forgetFirst();
    this.#ring[number % this.#capacity] = { content: { happening, number, at }, bytes };
    this.#forget();
    for (const call of this.#subscribers) call(happening);
  }

  /** Calls `call` for each event from now on, until the returned function is called. */
  subscribe(call: (happening: Happening) => void): () => void {
    this.#subscribers.add(call);
    return () => this.#subscribers.delete(call);
  }

  /** What a client hands back to go on after the event of this number: the run of the daemon and the number. */
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
   * What `encode` makes of an event; it is called once an event, and the bytes are kept in the event's place.
   *
   * @returns `undefined` when the event is kept no longer, or has not happened yet.
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

/** What an event is about without its texts, in bytes. */
const PLAIN_EVENT = 700;

/** About as many bytes as the event takes, in memory as well as encoded; to encode it for that would cost too much. */
function weightOf(happening: Happening): number {
  if ("record" in happening) return PLAIN_EVENT + textOf(happening.record);
  if (!("listener" in happening)) return PLAIN_EVENT;
  const { process } = happening.listener;
  return PLAIN_EVENT + (process?.command?.length ?? 0) + (process?.cwd?.length ?? 0);
}

function textOf({ name, project, holder, labels, exposure, listener }: LeaseRecord): number {
  let length = (name?.length ?? 0) + (project?.length ?? 0) + holder.id.length + (holder.command?.length ?? 0) +
    (holder.cwd?.length ?? 0) + (listener?.command?.length ?? 0) + (listener?.cwd?.length ?? 0);
  for (const key in labels) length += key.length + labels[key]!.length;
  return length + 40 * (exposure?.firewall.remote.length ?? 0);
}
