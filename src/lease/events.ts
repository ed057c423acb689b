/** What happens to leases, in order, with enough of the past to catch up after a break. */
import type { LeaseRecord } from "../store/record.ts";

/** What can happen. */
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

/** Something that happened; the lease is as it was right after. */
export interface LeaseEvent {
  /** Counts up by one within one run of the daemon. */
  readonly number: number;
  readonly type: LeaseEventType;
  /** Wall-clock milliseconds. */
  readonly at: number;
  readonly record: LeaseRecord;
}

/** Keeps the last events and hands on new ones. */
export class EventLog {
  readonly #epoch: string;
  readonly #capacity: number;
  readonly #ring: LeaseEvent[] = [];
  readonly #subscribers = new Set<(event: LeaseEvent) => void>();
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
  publish(type: LeaseEventType, at: number, record: LeaseRecord): void {
    const event = { number: ++this.#count, type, at, record };
    this.#ring[(this.#count - 1) % this.#capacity] = event;
    for (const tell of this.#subscribers) tell(event);
  }

  /** Calls `tell` for each event from now on, until the returned function is called. */
  subscribe(tell: (event: LeaseEvent) => void): () => void {
    this.#subscribers.add(tell);
    return () => this.#subscribers.delete(tell);
  }

  /** What a client hands back to go on after this event: the run of the daemon and the number. */
  idOf({ number }: LeaseEvent): string {
    return `${this.#epoch}-${number}`;
  }

  /** Events after the one with this id. @returns `undefined` when some of them are kept no longer. */
  since(id: string): readonly LeaseEvent[] | undefined {
    const [epoch, digits] = id.split("-");
    const number = Number(digits);
    if (epoch !== this.#epoch || !/^\d{1,15}$/.test(digits ?? "") || number > this.#count) return undefined;
    if (number < this.#count - this.#capacity) return undefined;
    return Array.from({ length: this.#count - number }, (_, i) => this.#ring[(number + i) % this.#capacity]!);
  }
}
