/**
 * Writing into the file. Changes are queued and committed in groups: all that came in one turn of the event loop become
 * one transaction, and each is answered after an fdatasync of the write-ahead log, which serves every transaction that
 * was committed before it.
 *
 * SQLite itself runs with `synchronous = NORMAL`, which leaves that fdatasync out, so the event loop goes on while the
 * disk works; what is answered is as durable as with FULL.
 */
import { setImmediate } from "node:timers";
import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "../clock.ts";
import { apply, type Change, WriteError } from "./changes.ts";
import type { Added, Retention } from "./retention.ts";
import type { Statements } from "./statements.ts";

/** What a {@linkcode Journal} is made of. */
export interface JournalParts {
  readonly path: string;
  readonly db: DatabaseSync;
  readonly statements: Statements;
  readonly retention: Retention;
  readonly clock: Clock;
  /** Told of what an operator should know. */
  readonly log: (line: string) => void;
}

interface Queued {
  readonly changes: readonly Change[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Changes of one transaction, about: some milliseconds of the event loop. */
const MOST_CHANGES = 512;
/** So long after a commit its pages go from the log into the file: who loses the log loses little. */
const CHECKPOINT_MS = 2000;

/** Commits what is queued, and answers once it is on the disk. */
export class Journal {
  readonly #parts: JournalParts;
  readonly #log: Deno.FsFile;
  #queue: Queued[] = [];
  /** Committed, and not on the disk yet. */
  #written: Queued[] = [];
  #flushing: Promise<void> | undefined;
  #fault: string | null = null;
  #hasCommitted = false;
  /** Calls off the checkpoint that is due; `undefined` when the log has nothing that the file has not. */
  #callOff: (() => void) | undefined;

  /** The file is open, and its log there. */
  constructor(parts: JournalParts) {
    this.#parts = parts;
    this.#log = Deno.openSync(`${parts.path}-wal`, { write: true });
  }

  /**
   * Queues changes that belong together.
   *
   * @returns when they are on the disk.
   * @throws {WriteError} when they are not.
   */
  write(changes: readonly Change[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#queue.push({ changes, resolve, reject }) === 1) setImmediate(() => this.#commitQueue());
    });
  }

  /** Resolves when everything that was queued until now has been answered. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      const mark = { changes: [], resolve, reject: () => resolve() };
      if (this.#queue.length > 0) this.#queue.push(mark);
      else if (this.#flushing !== undefined) this.#written.push(mark);
      else resolve();
    });
  }

  /** Writes what is queued. */
  async close(): Promise<void> {
    await this.settled();
    await this.#flushing;
    this.#callOff?.();
    this.#log.close();
  }

  /** Why the file could not be written the last time; null when it could. */
  get fault(): string | null {
    return this.#fault;
  }

  /** Says why the file cannot be written, once for each reason. */
  report(cause: unknown): void {
    const fault = `cannot write ${this.#parts.path}: ${(cause as Error).message}`;
    if (fault !== this.#fault) this.#parts.log(fault);
    this.#fault = fault;
  }

  /** Commits what the requests at hand in this turn of the event loop have queued; the disk is not waited for. */
  #commitQueue(): void {
    const { overdue } = this.#parts.retention;
    if (overdue !== undefined) return void overdue.then(() => this.#commitQueue());
    const group = this.#takeGroup();
    if (this.#queue.length > 0) setTimeout(() => this.#commitQueue(), 0); // lets requests in, as setImmediate does not
    this.#written.push(...this.#commit(group));
    if (this.#written.length > 0) this.#flushing ??= this.#flush();
  }

  #takeGroup(): readonly Queued[] {
    let changes = 0;
    const end = this.#queue.findIndex((queued) => (changes += queued.changes.length) > MOST_CHANGES);
    return this.#queue.splice(0, end === -1 ? this.#queue.length : Math.max(end, 1));
  }

  /** Answers what is committed, once it is on the disk; what is committed meanwhile goes with the next flush. */
  async #flush(): Promise<void> {
    while (this.#written.length > 0) {
      const group = this.#written;
      this.#written = [];
      try {
        await this.#log.syncData();
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(this.#unavailable(error, { isCommitted: true }));
      }
    }
    this.#flushing = undefined;
  }

  /** @returns those of the group that stand in the log now; the others are rejected. */
  #commit(group: readonly Queued[]): readonly Queued[] {
    try {
      this.#transaction(group);
      return group;
    } catch (error) {
      if (group.length === 1) {
        group[0]!.reject(this.#unavailable(error));
        return [];
      }
    }
    // One of them is at fault: each for itself, so that it alone is refused.
    return group.filter((queued) => this.#commit([queued]).length > 0);
  }

  #transaction(group: readonly Queued[]): void {
    const { statements, clock, retention } = this.#parts;
    const added: Added[] = [];
    statements.begin.run();
    try {
      for (const { changes } of group) {
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
    this.#afterCommit();
  }

  #rollBack(): void {
    try {
      this.#parts.statements.rollback.run();
    } catch (error) {
      // A full disk makes SQLite roll back by itself.
      if (!/no transaction is active/.test((error as Error).message)) throw error;
    }
  }

  #afterCommit(): void {
    const { db, clock } = this.#parts;
    // The first commit runs under FULL: with it the names of file and log in their folder reach the disk.
    if (!this.#hasCommitted) db.exec("PRAGMA synchronous = NORMAL");
    this.#hasCommitted = true;
    this.#fault = null;
    this.#callOff ??= clock.after(CHECKPOINT_MS, () => this.#checkpoint());
  }

  #checkpoint(): void {
    this.#callOff = undefined;
    try {
      this.#parts.statements.checkpoint.get();
    } catch (error) {
      this.report(error); // the log has it all the same
    }
  }

  #unavailable(cause: unknown, { isCommitted = false } = {}): WriteError {
    this.report(cause);
    return new WriteError(`Cannot write ${this.#parts.path}: ${(cause as Error).message}`, isCommitted, { cause });
  }
}
