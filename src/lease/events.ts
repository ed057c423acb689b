/** What happens to leases, on their ports and to the rules that let others reach them, in order, with enough of the past to catch up after a break. */
import type { RuleEvent } from "../firewall/sync.ts";
import type { ListedSocket } from "../listener/listing.ts";
import type { LeaseRecord } from "../store/record.ts";

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

/** The same in its place. */
export type LoggedEvent = Happening & {
  /** Counts up by one within one run of the daemon. */
  readonly number: number;
  /** Wall-clock milliseconds. */
  readonly at: number;
};

/** Keeps the last events and hands on new ones. */
export class EventLog {
  readonly #epoch: string;
  readonly #capacity: number;
  readonly #ring: LoggedEvent[] = [];
  readonly #subscribers = new Set<(event: LoggedEvent) => void>();
  #count = 0;

  /**
   * @param epoch tells one run of the daemon from another.
   * @param capacity is how many events can be replayed.
   */
  constructor(epoch: string, capacity = 10_000) {
    this.#epoch = epoch;
    this.#capacity = capacity;
  }

  /** Records an event and tells every subscriber. */
  publish(happening: Happening, at: number): void {
    const event = { ...happening, number: ++this.#count, at };
    this.#ring[(this.#count - 1) % this.#capacity] = event;
    for (const tell of this.#subscribers) tell(event);
  }

  /** Calls `tell` for each event from now on, until the returned function is called. */
  subscribe(tell: (event: LoggedEvent) => void): () => void {
    this.#subscribers.add(tell);
    return () => this.#subscribers.delete(tell);
  }

  /** What a client hands back to go on after this event: the run of the daemon and the number. */
  idOf({ number }: LoggedEvent): string {
    return `${this.#epoch}-${number}`;
  }

  /** Events after the one with this id. @returns `undefined` when some of them are kept no longer. */
  since(id: string): readonly LoggedEvent[] | undefined {
    const [epoch, digits] = id.split("-");
    const number = Number(digits);
    if (epoch !== this.#epoch || !/^\d{1,15}$/.test(digits ?? "") || number > this.#count) return undefined;
    if (number < this.#count - this.#capacity) return undefined;
    return Array.from({ length: this.#count - number }, (_, i) => this.#ring[(number + i) % this.#capacity]!);
  }
}
