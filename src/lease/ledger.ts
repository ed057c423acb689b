/**
 * Keeps the live leases in memory and in the file equal. A change is made in memory at once, so that nobody else is
 * granted the same, and then written; if it does not reach the disk, it is taken back.
 */
import type { Clock } from "../clock.ts";
import type { Protocol } from "../port/port.ts";
import type { Allocated, Allocator } from "./allocator.ts";
import type { LedgerCounts } from "./counts.ts";
import type { EventLog, LeaseEventType } from "./events.ts";
import type { EndedState } from "./lease.ts";
import { LeaseTable } from "./lease_table.ts";
import { holderListener, type LeaseRecord } from "./record.ts";
import { type Change, type Store, WriteError } from "./store/store.ts";

/** How many names keep their port; with one more, the name that was granted longest ago is forgotten. */
export const MOST_NAMES = 50_000;

/** How many leases end in one entry, when many are to end. */
const MOST_ENDS = 32;

/** The parts in which many leases end. */
export function* inEntries(ids: readonly string[]): Generator<readonly string[]> {
  for (let first = 0; first < ids.length; first += MOST_ENDS) yield ids.slice(first, first + MOST_ENDS);
}

/** What a {@linkcode Ledger} is made of. */
export interface LedgerParts {
  readonly store: Store;
  readonly allocator: Allocator;
  readonly clock: Clock;
  readonly events: EventLog;
  /** The port that each name had last; shared with the allocator. */
  readonly names: Map<string, number>;
}

/** A new lease with the port that was taken for it. */
export interface NewLease {
  readonly record: LeaseRecord;
  readonly allocated: Allocated;
}

/** A change of a live lease: `after` is the version that follows `before`. */
export interface LeaseChange {
  readonly before: LeaseRecord;
  readonly after: LeaseRecord;
  readonly event: LeaseEventType;
}

/** Changes that are made together, all or none. */
export interface Entry {
  readonly added?: readonly NewLease[];
  readonly changed?: readonly LeaseChange[];
  /** Other changes of the file in the same transaction. */
  readonly more?: readonly Change[];
}

/** Versions of a live lease that are being written. */
interface Pending {
  /** The version that is on the disk; `undefined` while the lease is new. */
  written: LeaseRecord | undefined;
  /** In the order in which they were made. */
  readonly versions: LeaseRecord[];
}

/** Adds, changes and ends leases; each promise resolves when that is on disk. */
export class Ledger {
  readonly table = new LeaseTable();
  readonly counts: LedgerCounts = { granted: 0, released: 0, revoked: 0, expired: 0 };
  readonly #parts: LedgerParts;
  readonly #freed: (port: number, protocols: readonly Protocol[]) => void;
  readonly #pending = new Map<string, Pending>();
  /** Leases whose end is being written. */
  readonly #ending = new Map<string, Promise<void>>();

  /** @param freed is called when a port may be granted again, and when the end of a lease has failed. */
  constructor(parts: LedgerParts, freed: (port: number, protocols: readonly Protocol[]) => void) {
    this.#parts = parts;
    this.#freed = freed;
  }

  /**
   * Resolves when the end of a lease that is being written has succeeded or failed; `undefined` when there is none.
   * Another one may have begun since: ask again right before you rely on it.
   */
  endingOf(id: string): Promise<unknown> | undefined {
    const ending = this.#ending.get(id);
    return ending && Promise.allSettled([ending]);
  }

  /** A live lease as it is on the disk; `undefined` while it is new and being written. */
  writtenOf(record: LeaseRecord): LeaseRecord | undefined {
    const pending = this.#pending.get(record.id);
    return pending === undefined ? record : pending.written;
  }

  /**
   * Adds and changes leases. All of it is in memory when this returns its promise. If it does not reach the disk, all of
   * it is taken back, with every later change of the same leases, which was based on it.
   *
   * @throws {Error} when a lease to be changed is not live in the version `before`, because the caller awaited something
   * between reading it and this call. Then nothing is done.
   */
  async commit({ added = [], changed = [], more = [] }: Entry): Promise<void> {
    for (const { before } of changed) {
      const isCurrent = this.table.byId(before.id) === before && !this.#ending.has(before.id);
      if (!isCurrent) throw new Error(`Cannot change lease ${before.id}: it is not live as it was read`);
    }
    for (const { record } of added) this.#add(record);
    for (const change of changed) this.#advance(change);
    const names = this.#rememberNames(added);
    const changes: Change[] = [
      ...added.map(({ record }) => ({ kind: "insert", record }) as const),
      ...changed.map(({ after }) => ({ kind: "update", record: after }) as const),
      ...names.changes,
      ...more,
    ];
    try {
      await this.#parts.store.write(changes);
    } catch (error) {
      // A lease that is in the file keeps its port, though no client was answered: better a leak than a double grant.
      if (isCommitted(error)) this.#confirm(added, changed);
      else {
        for (const lease of added) this.#takeBack(lease);
        for (const change of changed) this.#goBack(change);
        names.undo();
        for (const { record } of added) this.#freed(record.port, record.protocols);
      }
      throw error;
    } finally {
      this.#keepHolds(changed);
    }
    this.#confirm(added, changed);
    for (const { record } of added) this.#publish("lease.granted", record);
    for (const { after, event } of changed) this.#publish(event, after);
  }

  /**
   * Ends those leases that are live, all or none. Waits first for ends that are being written. Where one of these ends all
   * that is asked for, its outcome counts; otherwise a lease whose end fails is then ended with the others. A lease keeps
   * its port until its end is on disk.
   *
   * @throws {WriteError} also when an end that it waited for is in the file, and perhaps not on the disk.
   */
  async end(ids: readonly string[], state: EndedState): Promise<void> {
    while (this.#ending.size > 0) {
      const underWay = new Set(ids.flatMap((id) => this.#ending.get(id) ?? []));
      if (underWay.size === 0) break;
      const isAll = ids.every((id) => this.#ending.has(id) || this.table.byId(id) === undefined);
      if (underWay.size === 1 && isAll) return await [...underWay][0];
      const outcomes = await Promise.allSettled(underWay);
      const uncertain = outcomes.find((each) => each.status === "rejected" && isCommitted(each.reason));
      if (uncertain?.status === "rejected") throw uncertain.reason;
    }
    const records = ids.flatMap((id) => this.table.byId(id) ?? []);
    if (records.length === 0) return;
    const ending = this.#end(records, state);
    for (const { id } of records) this.#ending.set(id, ending);
    await ending;
  }

  async #end(records: readonly LeaseRecord[], state: EndedState): Promise<void> {
    const { clock, store } = this.#parts;
    const endedAt = clock.now();
    const endOf = (record: LeaseRecord) => ({ ...record, state, endedAt, listener: holderListener(record) });
    const ended = records.map(endOf);
    try {
      await store.write(ended.map((record) => ({ kind: "end", record })));
      // A change that has failed meanwhile was taken back: the lease ended as it was before.
      const versions = records.map((record) => this.table.byId(record.id)!);
      for (const record of ended) this.#forget(record);
      for (const [i, record] of versions.entries()) {
        this.#publish(`lease.${state}`, record === records[i] ? ended[i]! : endOf(record));
      }
    } catch (error) {
      if (isCommitted(error)) { for (const record of ended) this.#forget(record); }
      throw error;
    } finally {
      // First none of them is ending any more: whoever waits for one of the names is asked again by what follows.
      for (const { id } of ended) this.#ending.delete(id);
      for (const { port, protocols } of ended) this.#freed(port, protocols);
    }
  }

  #forget(ended: LeaseRecord & { readonly state: EndedState }): void {
    const { allocator, clock } = this.#parts;
    this.counts[ended.state]++;
    this.table.remove(ended.id);
    this.#pending.delete(ended.id);
    allocator.free(ended, ended.name, clock.monotonic());
  }

  #add(record: LeaseRecord): void {
    this.table.add(record);
    this.#pending.set(record.id, { written: undefined, versions: [record] });
  }

  #advance({ before, after }: LeaseChange): void {
    const pending = this.#pending.get(before.id) ?? { written: before, versions: [] };
    pending.versions.push(after);
    this.#pending.set(before.id, pending);
    this.table.replace(after);
  }

  /** Where the kind of hold was changed, or that was taken back, the kernel's hold becomes what the lease now says. */
  #keepHolds(changes: readonly LeaseChange[]): void {
    for (const { before, after } of changes) {
      const current = before.hold === after.hold ? undefined : this.table.byId(after.id);
      if (current !== undefined) this.#parts.allocator.keepHold(current);
    }
  }

  /** These leases and changes are in the file. */
  #confirm(added: readonly NewLease[], changed: readonly LeaseChange[]): void {
    this.counts.granted += added.length;
    for (const { record } of added) this.#confirmVersion(record);
    for (const { after } of changed) this.#confirmVersion(after);
  }

  #confirmVersion(record: LeaseRecord): void {
    const pending = this.#pending.get(record.id);
    if (pending?.versions[0] !== record) return;
    pending.written = record;
    pending.versions.shift();
    if (pending.versions.length === 0) this.#pending.delete(record.id);
  }

  /** Goes back to the version before a failed change; the file refuses the versions after it too. */
  #goBack({ after }: LeaseChange): void {
    const pending = this.#pending.get(after.id);
    const place = pending?.versions.indexOf(after) ?? -1;
    if (pending === undefined || place === -1) return; // taken back already, with an earlier version
    pending.versions.length = place;
    this.table.replace(pending.versions.at(-1) ?? pending.written!);
    if (place === 0) this.#pending.delete(after.id);
  }

  #takeBack({ record, allocated }: NewLease): void {
    this.table.remove(record.id);
    this.#pending.delete(record.id);
    this.#parts.allocator.undo(allocated);
  }

  /** Remembers the ports of the names of new leases. */
  #rememberNames(added: readonly NewLease[]): { readonly changes: readonly Change[]; readonly undo: () => void } {
    const { names } = this.#parts;
    const changes: Change[] = [];
    const undos: (() => void)[] = [];
    for (const { record: { name, port } } of added) {
      const before = name === null ? undefined : names.get(name);
      if (name === null || before === port) continue;
      names.set(name, port);
      changes.push({ kind: "name", name, port });
      undos.push(() => before === undefined ? names.delete(name) : names.set(name, before));
      if (names.size <= MOST_NAMES) continue;
      const [oldest, portOfOldest] = names.entries().next().value!;
      names.delete(oldest);
      changes.push({ kind: "forgetName", name: oldest });
      undos.push(() => names.has(oldest) || names.set(oldest, portOfOldest));
    }
    return { changes, undo: () => undos.forEach((undo) => undo()) };
  }

  #publish(type: LeaseEventType, record: LeaseRecord): void {
    this.#parts.events.publish({ type, record }, this.#parts.clock.now());
  }
}

function isCommitted(error: unknown): boolean {
  return error instanceof WriteError && error.isCommitted;
}
