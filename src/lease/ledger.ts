/**
 * The live leases in memory and in the file, kept equal: a change is made in memory at once, so that nobody is granted
 * the same, then written; what does not reach the disk is taken back.
 */
import type { Clock } from "../clock.ts";
import type { LeaseRecord } from "../store/record.ts";
import { type Change, type Store, WriteError } from "../store/store.ts";
import type { Allocator } from "./allocator.ts";
import type { EventLog, LeaseEventType } from "./events.ts";
import type { EndedState } from "./lease.ts";
import { LeaseTable } from "./lease_table.ts";
import { MOST_NAMES } from "./names.ts";

/** What a {@linkcode Ledger} is made of. */
export interface LedgerParts {
  readonly store: Store;
  readonly allocator: Allocator;
  readonly clock: Clock;
  readonly events: EventLog;
  /** The port that each name had last; shared with the allocator. */
  readonly names: Map<string, number>;
}

/** Puts leases in, changes them and takes them out; each promise resolves when that is on disk. */
export class Ledger {
  readonly table = new LeaseTable();
  readonly #parts: LedgerParts;
  /** Leases whose end is on its way to the disk. */
  readonly #ending = new Map<string, Promise<void>>();

  constructor(parts: LedgerParts) {
    this.#parts = parts;
  }

  /** The end of a lease that is on its way to the disk; `undefined` when there is none. */
  endingOf(id: string): Promise<void> | undefined {
    return this.#ending.get(id);
  }

  /**
   * Adds leases whose ports are allocated; they are in memory when this returns its promise. Where they do not reach the
   * disk their ports are free again.
   */
  async insert(records: readonly LeaseRecord[], more: readonly Change[] = []): Promise<void> {
    const { names, store } = this.#parts;
    const namesBefore = records.map(({ name }) => name === null ? undefined : names.get(name));
    const changes: Change[] = [...more];
    for (const record of records) {
      this.table.add(record);
      changes.push({ kind: "insert", record });
      if (record.name === null || names.get(record.name) === record.port) continue;
      names.set(record.name, record.port);
      changes.push({ kind: "name", name: record.name, port: record.port });
      if (names.size > MOST_NAMES) changes.push(this.#forgetOldestName());
    }
    try {
      await store.write(changes);
    } catch (error) {
      // A lease that stands in the file keeps its port, though nobody has been told: a leak, and no double grant.
      if (!isCommitted(error)) { for (const [i, record] of records.entries()) this.#takeBack(record, namesBefore[i]); }
      throw error;
    }
    for (const record of records) this.#publish("lease.granted", record);
  }

  /** Puts the next form of a live lease in the place of the one before. */
  async update(record: LeaseRecord, next: LeaseRecord, event: LeaseEventType): Promise<void> {
    this.table.replace(next);
    try {
      await this.#parts.store.write([{ kind: "update", record: next }]);
    } catch (error) {
      if (!isCommitted(error) && this.table.byId(record.id) === next) this.table.replace(record);
      throw error;
    }
    this.#publish(event, next);
  }

  /** Ends a live lease; a second end joins the first. Until it is on disk the lease keeps its port. */
  end(record: LeaseRecord, state: EndedState): Promise<void> {
    const { id } = record;
    const ending = this.#ending.get(id) ?? this.#end(record, state).finally(() => this.#ending.delete(id));
    this.#ending.set(id, ending);
    return ending;
  }

  async #end(record: LeaseRecord, state: EndedState): Promise<void> {
    const { clock, store } = this.#parts;
    const ended = { ...record, state, endedAt: clock.now(), listener: null };
    try {
      await store.write([{ kind: "end", record: ended }]);
    } catch (error) {
      if (isCommitted(error)) this.#forget(ended);
      throw error;
    }
    this.#forget(ended);
    this.#publish(`lease.${state}`, ended);
  }

  #forget(ended: LeaseRecord): void {
    const { allocator, clock } = this.#parts;
    this.table.remove(ended.id);
    allocator.free(ended, ended.name, clock.monotonic());
  }

  #forgetOldestName(): Change {
    const { names } = this.#parts;
    const name: string = names.keys().next().value!;
    names.delete(name);
    return { kind: "forgetName", name };
  }

  #takeBack(record: LeaseRecord, portOfName: number | undefined): void {
    const { allocator, names } = this.#parts;
    this.table.remove(record.id);
    allocator.undo(record);
    if (record.name === null) return;
    if (portOfName === undefined) names.delete(record.name);
    else names.set(record.name, portOfName);
  }

  #publish(type: LeaseEventType, record: LeaseRecord): void {
    this.#parts.events.publish({ type, record }, this.#parts.clock.now());
  }
}

function isCommitted(error: unknown): boolean {
  return error instanceof WriteError && error.isCommitted;
}
