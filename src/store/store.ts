/**
 * The file of leases. Changes are queued and committed in groups: all that came in one turn of the event loop become
 * one transaction, and each is answered after an fdatasync of the write-ahead log, which serves every transaction that
 * was committed before it.
 *
 * SQLite itself runs with `synchronous = NORMAL`, which leaves that fdatasync out, so the event loop goes on while the
 * disk works; what is answered is as durable as with FULL.
 */
import { setImmediate } from "node:timers";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Clock } from "../clock.ts";
import { PortdError } from "../errors.ts";
import { type OpenedFile, openFile } from "./open.ts";
import type { LeaseRecord } from "./record.ts";
import { type Row, toRecord, toValues } from "./rows.ts";
import { prepare, type Statements } from "./statements.ts";

/** An answer that was given to a request with an Idempotency-Key. */
export interface StoredAnswer {
  readonly key: string;
  /** Digest of the request. */
  readonly fingerprint: string;
  readonly status: number;
  readonly body: string;
}

/** One change of the file. */
export type Change =
  | { readonly kind: "insert"; readonly record: LeaseRecord }
  | { readonly kind: "update"; readonly record: LeaseRecord }
  | { readonly kind: "end"; readonly record: LeaseRecord }
  | { readonly kind: "name"; readonly name: string; readonly port: number }
  | { readonly kind: "forgetName"; readonly name: string }
  | { readonly kind: "answer"; readonly answer: StoredAnswer };

/** A live lease as it was left by the daemon before, with the wall-clock time of its end. */
export type StoredLease = LeaseRecord & { readonly expiresAt: number | null };

/** Which ended leases are wanted. */
export interface HistoryFilter {
  /** Whole name, or its last part. */
  readonly name?: string | undefined;
  readonly project?: string | undefined;
  readonly port?: number | undefined;
  readonly state?: string | undefined;
  readonly label?: readonly [key: string, value: string] | undefined;
  /** Only what ended before this place in the history. */
  readonly before?: { readonly endedAt: number; readonly id: string } | undefined;
  readonly limit: number;
}

interface Queued {
  readonly changes: readonly Change[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Changes did not reach the disk. */
export class WriteError extends PortdError {
  override readonly name = "WriteError";
  /**
   * Whether they stand in the file all the same, as far as this process can see: the disk has failed after the commit,
   * so nobody knows what a restart will find. Otherwise nothing of them is left.
   */
  readonly isCommitted: boolean;

  constructor(message: string, isCommitted: boolean, options?: ErrorOptions) {
    super("store_unavailable", message, { retryAfter: 5 }, options);
    this.isCommitted = isCommitted;
  }
}

/** How much is kept of what is over, however fast it comes: the file of a busy day stays below some 200 MB. */
const MOST_ENDED = 200_000, MOST_ANSWERS = 50_000;

/** Options of {@linkcode Store}. */
export interface StoreOptions {
  readonly clock: Clock;
  /** @default 200000 */
  readonly mostEnded?: number;
  /** @default 50000 */
  readonly mostAnswers?: number;
  /** Told of what an operator should know. */
  readonly log: (line: string) => void;
}

/** The open file. One per process and file; {@linkcode Store.close} ends it. */
export class Store {
  /** Where a damaged file was put when this one was opened; null when there was none. */
  readonly setAside: string | null;
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #log: Deno.FsFile;
  readonly #clock: Clock;
  readonly #warn: (line: string) => void;
  readonly #statements: Statements;
  #queue: Queued[] = [];
  /** Committed, and not on the disk yet. */
  #written: Queued[] = [];
  #flushing: Promise<void> | undefined;
  #lastFault = "";
  readonly #most: { readonly ended: number; readonly answers: number };
  /** How many ended leases and answers stand in the file. */
  #ended: number;
  #answers: number;

  /** Opens or makes the file. @throws as {@linkcode openFile} does. */
  static async open(path: string, options: StoreOptions): Promise<Store> {
    return new Store(path, await openFile(path, options.clock.now()), options);
  }

  private constructor(path: string, { db, setAside }: OpenedFile, options: StoreOptions) {
    const { clock, log, mostEnded = MOST_ENDED, mostAnswers = MOST_ANSWERS } = options;
    this.path = path;
    this.setAside = setAside;
    this.#db = db;
    this.#clock = clock;
    this.#warn = log;
    this.#statements = prepare(db);
    this.#most = { ended: mostEnded, answers: mostAnswers };
    this.#ended = count(this.#statements.countEnded);
    this.#answers = count(this.#statements.countAnswers);
    // The names of file and log in their folder reach the disk with this first commit under FULL.
    db.exec("BEGIN IMMEDIATE; PRAGMA user_version = " + userVersion(db) + "; COMMIT; PRAGMA synchronous = NORMAL");
    this.#log = Deno.openSync(`${path}-wal`, { write: true });
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
  async settled(): Promise<void> {
    while (this.#queue.length > 0) await new Promise((resolve) => setImmediate(resolve));
    await this.#flushing;
  }

  /** The live leases, as the daemon before left them. */
  liveLeases(): StoredLease[] {
    return this.#statements.live.all().map((row) => toRecord(row as Row));
  }

  /** Leases that ended at `since` or later. */
  endedSince(since: number): LeaseRecord[] {
    return this.#statements.endedSince.all(since).map((row) => toRecord(row as Row));
  }

  /** A lease, live or ended. */
  find(id: string): LeaseRecord | undefined {
    const row = this.#statements.byId.get(id);
    return row === undefined ? undefined : toRecord(row as Row);
  }

  /** Ended leases, newest first. */
  history(filter: HistoryFilter): LeaseRecord[] {
    const { name, project, port, state, label, before, limit } = filter;
    const conditions: string[] = ["ended_at IS NOT NULL"];
    const values: (string | number)[] = [];
    const where = (condition: string, ...of: (string | number)[]) => {
      conditions.push(condition);
      values.push(...of);
    };
    if (name !== undefined) where("(name = ? OR substr(name, -length(?) - 1) = '/' || ?)", name, name, name);
    if (project !== undefined) where("project = ?", project);
    if (port !== undefined) where("port = ?", port);
    if (state !== undefined) where("state = ?", state);
    if (label !== undefined) {
      where("EXISTS (SELECT 1 FROM json_each(labels) WHERE key = ? AND value = ?)", label[0], label[1]);
    }
    if (before !== undefined) where("(ended_at, id) < (?, ?)", before.endedAt, before.id);
    const order = `ORDER BY ended_at DESC, id DESC LIMIT ${Math.trunc(limit)}`;
    const sql = `SELECT * FROM leases WHERE ${conditions.join(" AND ")} ${order}`;
    return this.#db.prepare(sql).all(...values).map((row) => toRecord(row as Row));
  }

  /** The port that each name had last. */
  names(): Map<string, number> {
    return new Map(this.#statements.names.all().map((row) => [row.name as string, row.port as number]));
  }

  /** The answer given before to this key. */
  answer(key: string): StoredAnswer | undefined {
    return this.#statements.answer.get(key) as StoredAnswer | undefined;
  }

  /** Forgets ended leases and answers from before the given wall-clock times. */
  forget(endedBefore: number, answeredBefore: number): void {
    this.#ended -= Number(this.#statements.forgetLeases.run(endedBefore).changes);
    this.#answers -= Number(this.#statements.forgetAnswers.run(answeredBefore).changes);
  }

  /** Writes what is queued, then gives the file back. */
  async close(): Promise<void> {
    await this.settled();
    this.#log.close();
    this.#db.close();
  }

  /** Commits what the requests at hand in this turn of the event loop have queued; the disk is not waited for. */
  #commitQueue(): void {
    const group = this.#queue;
    this.#queue = [];
    this.#written.push(...this.#commit(group));
    if (this.#written.length > 0) this.#flushing ??= this.#flush();
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
    const { begin, commit, rollback } = this.#statements;
    begin.run();
    try {
      for (const { changes } of group) {
        for (const change of changes) this.#apply(change);
      }
      const counted = this.#forgetOldest(group);
      commit.run();
      [this.#ended, this.#answers] = counted;
    } catch (error) {
      try {
        rollback.run();
      } catch (second) {
        // A full disk makes SQLite roll back by itself.
        if (!/no transaction is active/.test((second as Error).message)) throw second;
      }
      throw error;
    }
  }

  /** Makes room for what the group adds to the history. @returns how many ended leases and answers there are then. */
  #forgetOldest(group: readonly Queued[]): readonly [ended: number, answers: number] {
    const { forgetOldestLeases, forgetOldestAnswers } = this.#statements;
    let ended = this.#ended, answers = this.#answers;
    for (const { changes } of group) {
      for (const { kind } of changes) {
        if (kind === "end") ended++;
        else if (kind === "answer") answers++;
      }
    }
    if (ended > this.#most.ended) ended -= Number(forgetOldestLeases.run(ended - this.#most.ended).changes);
    if (answers > this.#most.answers) answers -= Number(forgetOldestAnswers.run(answers - this.#most.answers).changes);
    return [ended, answers];
  }

  #apply(change: Change): void {
    const statements = this.#statements;
    switch (change.kind) {
      case "insert":
        statements.insert.run(...toValues(change.record, this.#wallClockEnd(change.record)));
        break;
      case "update": {
        const [id, ...values] = toValues(change.record, this.#wallClockEnd(change.record));
        expectOne(statements.update.run(...values, id!, change.record.version));
        break;
      }
      case "end":
        expectOne(statements.end.run(change.record.state, change.record.endedAt, change.record.id));
        break;
      case "name":
        statements.name.run(change.name, change.port);
        break;
      case "forgetName":
        statements.forgetName.run(change.name);
        break;
      case "answer": {
        const { key, fingerprint, status, body } = change.answer;
        statements.keepAnswer.run(key, fingerprint, status, body, this.#clock.now());
      }
    }
  }

  #wallClockEnd({ deadline }: LeaseRecord): number | null {
    return deadline === null ? null : Math.round(this.#clock.now() + deadline - this.#clock.monotonic());
  }

  #unavailable(cause: unknown, { isCommitted = false } = {}): WriteError {
    const reason = (cause as Error).message;
    if (reason !== this.#lastFault) this.#warn(`cannot write ${this.path}: ${reason}`);
    this.#lastFault = reason;
    return new WriteError(`Cannot write ${this.path}: ${reason}`, isCommitted, { cause });
  }
}

/** A change of a lease that has ended, or on top of an insertion or a change that failed, must fail too. */
function expectOne({ changes }: { readonly changes: number | bigint }): void {
  if (Number(changes) !== 1) throw new Error("the lease is not in it, or not in the version that was changed");
}

function count(statement: StatementSync): number {
  return (statement.get() as { count: number }).count;
}

function userVersion(db: DatabaseSync): number {
  return (db.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;
}
