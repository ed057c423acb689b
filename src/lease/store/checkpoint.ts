/**
 * Copies committed pages from the write-ahead log into the file, without stopping the event loop for the disk. SQLite
 * would sync log and file within the checkpoint. Here the log is synced first, off the loop; then the pages are copied
 * with `synchronous = OFF`, which takes a millisecond or two; then the file is synced, off the loop. Until that is done
 * nothing is written: the next commit overwrites the log from its beginning, and by then its pages must be on the disk.
 */
import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../clock.ts";
import { reasonOf } from "../../errors.ts";
import type { Statements } from "./statements.ts";

/** What {@linkcode Checkpoints} are made of. */
export interface CheckpointParts {
  readonly path: string;
  readonly db: DatabaseSync;
  readonly statements: Statements;
  readonly log: Deno.FsFile;
  readonly clock: Clock;
  /** Called when the file cannot be written. */
  readonly report: (error: unknown) => void;
}

/** How long committed pages may be in the log only: if the log is lost, that is what is lost. */
const CHECKPOINT_MS = 2000;
/** A longer log is copied at once; SQLite cuts it to this length when it overwrites it. */
const LOG_BYTES = 8_000_000;
/** The length of the log is checked every so many changes. */
const LOOK_CHANGES = 64;

/** The checkpoints of an open file. */
export class Checkpoints {
  readonly #parts: CheckpointParts;
  readonly #file: Deno.FsFile;
  #running: Promise<void> | undefined;
  #failure: Error | undefined;
  /** Cancels the one that is due; `undefined` when the log has nothing that is not in the file. */
  #cancel: (() => void) | undefined;
  #changes = 0;

  constructor(parts: CheckpointParts) {
    this.#parts = parts;
    // Closed after the database: a process that closes any descriptor of the file loses its locks.
    this.#file = Deno.openSync(parts.path, { write: true });
    parts.db.exec(`PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${LOG_BYTES}`);
  }

  /** The one that runs; nothing may be written before it ends. */
  get running(): Promise<void> | undefined {
    return this.#running;
  }

  /** Why nothing can be written any more; after a restart everything is in the log. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** So many changes have been committed. */
  wrote(changes: number): void {
    this.#cancel ??= this.#parts.clock.after(CHECKPOINT_MS, () => this.#start());
    this.#changes += changes;
    if (this.#changes < LOOK_CHANGES) return;
    this.#changes = 0;
    if (this.#parts.log.statSync().size > LOG_BYTES) this.#start();
  }

  /**
   * Writes the log again and syncs it, after a sync of the log failed: Linux may have dropped what was not written, and
   * reports that only once, so a second sync alone would prove nothing. The file is not touched: without the log, a power
   * cut in the middle of a copy would leave half of it.
   *
   * @returns when everything that was committed is on the disk.
   * @throws {Error} when it is not; then {@linkcode Checkpoints.failure} is set.
   */
  async rescue(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
    this.#running = this.#writeAgain().finally(() => this.#running = undefined);
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Ends the checkpoints and closes log and file. After a failure they stay open: SQLite would remove the log. */
  async close(): Promise<void> {
    this.#cancel?.();
    await this.#running;
    if (this.#failure !== undefined) return;
    this.#parts.log.close();
    this.#parts.db.close();
    this.#file.close();
  }

  #start(): void {
    if (this.#running !== undefined) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#running = this.#run().finally(() => this.#running = undefined);
  }

  async #run(): Promise<void> {
    const { log, report } = this.#parts;
    await Promise.resolve(); // includes what is committed in the rest of this turn
    try {
      await log.syncData();
    } catch (error) {
      report(error);
      await this.#writeAgain();
      if (this.#failure !== undefined) return;
    }
    try {
      this.#copy();
    } catch (error) {
      return report(error); // the log has everything, and grows
    }
    try {
      await this.#file.syncData();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The log has at most some megabytes, and the same bytes are written to the same places. */
  async #writeAgain(): Promise<void> {
    const { log, path } = this.#parts;
    try {
      const bytes = Deno.readFileSync(`${path}-wal`);
      log.seekSync(0, Deno.SeekMode.Start);
      for (let written = 0; written < bytes.length;) written += log.writeSync(bytes.subarray(written));
      await log.syncData();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Copies the log into the file; that is not on the disk yet. */
  #copy(): void {
    const { db, statements } = this.#parts;
    db.exec("PRAGMA synchronous = OFF");
    try {
      statements.checkpoint.get();
    } finally {
      db.exec("PRAGMA synchronous = NORMAL");
    }
  }

  #fail(error: unknown): void {
    this.#failure = new Error(`the disk has failed (${reasonOf(error)}); restart portd`, { cause: error });
    this.#parts.report(this.#failure);
  }
}
