/**
 * Writes into the file. Changes are queued and written in groups, one after the other: a group is one transaction and one
 * fdatasync of the write-ahead log, after which it is answered. What comes meanwhile is the next group.
 *
 * SQLite itself runs with `synchronous = NORMAL`, without that fdatasync, so the event loop goes on while the disk
 * works; what is answered is as durable as with FULL.
 */
import type { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers";
import type { Clock } from "../../clock.ts";
import type { WriteLine } from "../../log_line.ts";
import { Histogram } from "../../metrics/histogram.ts";
import { apply, type Change, WriteError } from "./changes.ts";
import { Checkpoints } from "./checkpoint.ts";
import { faultText } from "./fault.ts";
import type { Added, Retention } from "./retention.ts";
import type { Statements } from "./statements.ts";

/** What a {@linkcode Journal} is made of. */
export interface JournalParts {
  readonly path: string;
  readonly db: DatabaseSync;
  readonly statements: Statements;
  readonly retention: Retention;
  readonly clock: Clock;
  /** Logs a line for the operator. */
  readonly log: WriteLine;
}

interface Queued {
  readonly changes: readonly Change[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** What a {@linkcode Journal} counts. An entry is the changes that belong together: those of one request, for instance. */
export interface CommitCounts {
  /** The entries of each transaction that has reached the disk. */
  readonly entries: Histogram;
  /** From the begin of each of these transactions until it is on the disk, in seconds. */
  readonly seconds: Histogram;
  /** Entries that could not be written, or perhaps not. */
  failed: number;
}

const ENTRIES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** How long one transaction takes changes from the queue, in milliseconds. */
const TURN_MS = 10;
/** How often the clock is looked at meanwhile; a change takes some microseconds. */
const CHANGES_A_LOOK = 16;

/** Commits the queue, and answers when it is on the disk. */
export class Journal {
  readonly counts: CommitCounts = { entries: new Histogram(ENTRIES), seconds: new Histogram(SECONDS), failed: 0 };
  readonly #parts: JournalParts;
  readonly #log: Deno.FsFile;
  #queue: Queued[] = [];
  /** The group that is committed, and not on the disk yet. */
  #group: Queued[] | undefined;
  #flushing: Promise<void> | undefined;
  #fault: string | null = null;
  #hasCommitted = false;
  readonly #checkpoints: Checkpoints;

  /** The file must be open, and have a log. */
  constructor(parts: JournalParts) {
    this.#parts = parts;
    this.#log = Deno.openSync(`${parts.path}-wal`, { write: true });
    this.#checkpoints = new Checkpoints({
      ...parts,
      log: this.#log,
      report: (error) => this.report(error),
    });
  }

  /**
   * Queues changes that belong together.
   *
   * @returns when they are on the disk.
   * @throws {WriteError} when they are not.
   */
  write(changes: readonly Change[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ changes, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /** Resolves when everything that is in the queue now has been answered. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      const mark = { changes: [], resolve, reject: () => resolve() };
      if (this.#queue.length > 0) this.#queue.push(mark);
      else if (this.#group !== undefined) this.#group.push(mark);
      else resolve();
    });
  }

  /**
   * Writes at once, without the queue, what nobody waits for.
   *
   * @param work writes, and returns how many rows it changed.
   */
  async run(work: () => number): Promise<number> {
    while (this.#checkpoints.running !== undefined) await this.#checkpoints.running;
    if (this.#checkpoints.failure !== undefined) throw this.#checkpoints.failure;
    const changes = work();
    if (changes > 0) this.#afterCommit(changes);
    return changes;
  }

  /** Writes what is queued, and closes the file. */
  async close(): Promise<void> {
    await this.settled();
    await this.#flushing;
    await this.#checkpoints.close();
  }

  /** Whether it is unknown what of the file is on the disk: then nothing of it may be promised any more. */
  get hasFailed(): boolean {
    return this.#checkpoints.failure !== undefined;
  }

  /** Why the last write failed; null when it succeeded. */
  get fault(): string | null {
    return this.#fault;
  }

  /** Logs why the file cannot be written, once for each reason. */
  report(cause: unknown): void {
    const fault = `cannot write ${this.#parts.path}: ${faultText(cause)}`;
    if (fault !== this.#fault) this.#parts.log(fault, "error");
    this.#fault = fault;
  }

  /** Writes the queue, group by group, until it is empty. */
  async #flush(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve)); // what this turn of the event loop queues is one group
    while (this.#queue.length > 0) {
      const busy = this.#checkpoints.running ?? this.#parts.retention.overdue;
      if (busy === undefined) await this.#writeGroup();
      else await busy;
    }
    this.#flushing = undefined;
  }

  async #writeGroup(): Promise<void> {
    const startedAt = performance.now();
    const group = this.#commitTurn();
    if (group.length === 0) return;
    const entries = countEntries(group); // marks that are added meanwhile are none
    this.#group = group;
    const failure = await this.#sync().then(
      () => undefined,
      (error) => this.#unavailable(error, { isCommitted: true }),
    );
    this.#group = undefined;
    if (entries > 0) this.#count(entries, performance.now() - startedAt, failure === undefined);
    for (const { resolve, reject } of group) failure === undefined ? resolve() : reject(failure);
  }

  #count(entries: number, ms: number, isOnDisk: boolean): void {
    if (!isOnDisk) {
      this.counts.failed += entries;
      return;
    }
    this.counts.entries.observe(entries);
    this.counts.seconds.observe(ms / 1000);
  }

  /** Puts on the disk what is committed. @throws {Error} when that is uncertain; then nothing is written any more. */
  async #sync(): Promise<void> {
    if (this.#checkpoints.failure !== undefined) throw this.#checkpoints.failure;
    try {
      await this.#log.syncData();
    } catch (error) {
      this.report(error);
      await this.#checkpoints.rescue();
    }
  }

  /** Commits the head of the queue. @returns what is in the log now; the rest is rejected. */
  #commitTurn(): Queued[] {
    const tried: Queued[] = [];
    try {
      this.#transaction(this.#headOfQueue(tried));
      return tried;
    } catch (error) {
      if (tried.length === 0) tried.push(...this.#queue); // BEGIN failed
      else if (tried.length > 1) return tried.filter((queued) => this.#commitAlone(queued)); // one of them is the cause
      for (const { reject } of tried) reject(this.#unavailable(error));
      this.counts.failed += countEntries(tried);
      return [];
    } finally {
      this.#queue.splice(0, tried.length);
    }
  }

  #commitAlone(queued: Queued): boolean {
    try {
      this.#transaction([queued]);
      return true;
    } catch (error) {
      queued.reject(this.#unavailable(error));
      this.counts.failed += countEntries([queued]);
      return false;
    }
  }

  /** As many as there is time for in a turn. @param taken gets them too. */
  *#headOfQueue(taken: Queued[]): Generator<Queued> {
    const startedAt = performance.now();
    let changes = 0;
    for (const queued of this.#queue) {
      taken.push(queued);
      yield queued;
      if ((changes += queued.changes.length) < CHANGES_A_LOOK) continue;
      changes = 0;
      if (performance.now() - startedAt > TURN_MS) break;
    }
  }

  #transaction(group: Iterable<Queued>): void {
    const { statements, clock, retention } = this.#parts;
    const added: Added[] = [];
    let count = 0;
    statements.begin.run();
    try {
      if (this.#checkpoints.failure !== undefined) throw this.#checkpoints.failure;
      for (const { changes } of group) {
        count += changes.length;
        for (const change of changes) {
          const more = apply(change, statements, clock);
          if (more !== undefined) added.push(more);
        }
      }
      statements.commit.run();
    } catch (error) {
      this.#rollBack();
      throw error;
    }
    retention.add(added);
    if (count > 0) this.#afterCommit(count);
  }

  #rollBack(): void {
    try {
      this.#parts.statements.rollback.run();
    } catch (error) {
      // A full disk makes SQLite roll back by itself.
      if (!/no transaction is active/.test((error as Error).message)) throw error;
    }
  }

  #afterCommit(changes: number): void {
    // The first commit runs under FULL: it puts the directory entries of file and log on the disk.
    if (!this.#hasCommitted) this.#parts.db.exec("PRAGMA synchronous = NORMAL");
    this.#hasCommitted = true;
    this.#fault = null;
    this.#checkpoints.wrote(changes);
  }

  #unavailable(cause: unknown, { isCommitted = false } = {}): WriteError {
    this.report(cause);
    return new WriteError(`Cannot write ${this.#parts.path}: ${faultText(cause)}`, isCommitted, { cause });
  }
}

/** Without the marks of those who only wait for what is in the queue before them. */
function countEntries(group: readonly Queued[]): number {
  let count = 0;
  for (const { changes } of group) if (changes.length > 0) count++;
  return count;
}
