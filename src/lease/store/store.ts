/**
 * The file of leases: the live ones, the history, the ports of names and the answers to requests that may be repeated.
 * journal.ts writes it, history.ts searches it, retention.ts keeps it small.
 */
import type { Clock } from "../../clock.ts";
import { PortdError } from "../../errors.ts";
import type { MappingRecord } from "../../gateway/record.ts";
import type { WriteLine } from "../../log_line.ts";
import { Turns } from "../../os/turns.ts";
import type { EndedPort, LeaseRecord } from "../record.ts";
import { type Change, splitIds, type StoredAnswer } from "./changes.ts";
import { History, type HistoryFilter, type HistoryPage } from "./history.ts";
import { type CommitCounts, Journal } from "./journal.ts";
import { type OpenedFile, openFile } from "./open.ts";
import { Retention, type RetentionLimits } from "./retention.ts";
import { toMapping } from "./mapping_rows.ts";
import { protocolsOf, type Row, toRecord } from "./rows.ts";
import { prepare, type Statements } from "./statements.ts";

export { type Change, type StoredAnswer, WriteError } from "./changes.ts";
export type { HistoryFilter, HistoryPage, HistoryPlace } from "./history.ts";

/** A live lease as an earlier run of the daemon left it, with its end by the wall clock. */
export type StoredLease = LeaseRecord & { readonly expiresAt: number | null };

/** With these, live leases, names and the log included, the file stays below 250 MB. */
const DEFAULT_LIMITS: RetentionLimits = {
  mostEnded: 200_000,
  mostEndedBytes: 64_000_000,
  mostAnswers: 10_000,
  mostAnswerBytes: 24_000_000,
};
/** A search through the longest history takes about four pages. */
const MOST_HISTORY_ROWS = 50_000;

/** How much is kept, and how much of the history one page reads. */
export interface StoreLimits extends Partial<RetentionLimits> {
  /** How many rows are read for one page of the history at most. @default 50000 */
  readonly mostHistoryRows?: number;
}

/** Options of {@linkcode Store}. */
export interface StoreOptions extends StoreLimits {
  readonly clock: Clock;
  /** How long work is cut into turns. @default with timers */
  readonly turns?: () => Turns;
  /** Logs a line for the operator. */
  readonly log: WriteLine;
}

/** The open file. One per process and file; {@linkcode Store.close} ends it. */
export class Store {
  /** The new name of a damaged file that was found at the opening; null when there was none. */
  readonly setAside: string | null;
  readonly path: string;
  readonly #statements: Statements;
  readonly #journal: Journal;
  readonly #history: History;
  readonly #retention: Retention;
  readonly #closing = new AbortController();

  /** Opens or makes the file. @throws as {@linkcode openFile} does. */
  static async open(path: string, options: StoreOptions): Promise<Store> {
    return new Store(path, await openFile(path, options.clock.now()), options);
  }

  private constructor(path: string, { db, setAside }: OpenedFile, options: StoreOptions) {
    const { clock, log, turns = () => new Turns(), mostHistoryRows = MOST_HISTORY_ROWS, ...limits } = options;
    this.path = path;
    this.setAside = setAside;
    const statements = prepare(db);
    this.#statements = statements;
    this.#retention = new Retention(statements, {
      ...DEFAULT_LIMITS,
      ...limits,
      turns,
      run: (work) => this.#journal.run(work),
      fail: (error) => this.#journal.report(error),
    });
    this.#history = new History(db, { turns, mostRows: mostHistoryRows });
    this.#journal = new Journal({ path, db, statements, retention: this.#retention, clock, log });
  }

  /**
   * Queues changes that belong together.
   *
   * @returns when they are on the disk.
   * @throws {WriteError} when they are not.
   */
  write(changes: readonly Change[]): Promise<void> {
    return this.#journal.write(changes);
  }

  /** Resolves when everything that is in the queue now has been answered. */
  settled(): Promise<void> {
    return this.#journal.settled();
  }

  /** What was written. */
  get commits(): Readonly<CommitCounts> {
    return this.#journal.counts;
  }

  /** Whether it is unknown what of the file is on the disk: then nothing of it may be promised any more. */
  get hasFailed(): boolean {
    return this.#journal.hasFailed;
  }

  /** Why the last write failed; null when it succeeded. */
  get fault(): string | null {
    return this.#journal.fault;
  }

  /** The live leases, as an earlier run of the daemon left them. */
  liveLeases(): StoredLease[] {
    return this.#statements.live.all().map((row) => toRecord(row as Row));
  }

  /** The ports of leases that ended at `since` or later, each with its last end, in the order of their ends. */
  endedSince(since: number): EndedPort[] {
    return (this.#statements.endedSince.all(since) as Row[]).map(({ port, protocols, name, ended_at }) => ({
      port: port as number,
      protocols: protocolsOf(protocols as number),
      name: name as string | null,
      endedAt: ended_at as number,
    }));
  }

  /** A lease, live or ended. */
  find(id: string): LeaseRecord | undefined {
    const row = this.#statements.byId.get(id);
    return row === undefined ? undefined : toRecord(row as Row);
  }

  /** One page of ended leases, newest first; it may be short or empty even if more follow. @throws as the search does. */
  async history(filter: HistoryFilter, signal?: AbortSignal): Promise<HistoryPage> {
    const closing = this.#closing.signal;
    return await this.#history.page(filter, signal === undefined ? closing : AbortSignal.any([signal, closing]));
  }

  /** The port that each name had last. */
  names(): Map<string, number> {
    return new Map(this.#statements.names.all().map((row) => [row.name as string, row.port as number]));
  }

  /** The mappings that an earlier run of the daemon has left at routers, or has asked for. */
  mappings(): MappingRecord[] {
    return this.#statements.mappings.all().map((row) => toMapping(row as Row));
  }

  /** The text of the last change `lineLook`; `undefined` where there was none. */
  lineLook(): string | undefined {
    return this.#statements.lineLook.get()?.look as string | undefined;
  }

  /** The earlier answer to this key of a caller. */
  answer({ caller, key }: Pick<StoredAnswer, "caller" | "key">): StoredAnswer | undefined {
    const row = this.#statements.answer.get(key, caller) as Row | undefined;
    if (row === undefined) return undefined;
    return {
      caller,
      key,
      fingerprint: row.fingerprint as string,
      status: row.status as number,
      leaseIds: splitIds(row.lease_ids as string),
    };
  }

  /**
   * Deletes ended leases and answers from before the given wall-clock times, and what is too much, oldest first.
   *
   * @returns when that is done; an error of the file is logged, not thrown.
   */
  async forget(endedBefore: number, answeredBefore: number): Promise<void> {
    await this.#retention.forget(endedBefore, answeredBefore);
  }

  /** Writes what is in the queue, then closes the file. Searches of the history are refused. */
  async close(): Promise<void> {
    const message = "Cannot read the history: portd stops";
    this.#closing.abort(new PortdError("shutting_down", message, { retryAfter: 5 }));
    await this.#history.idle;
    await this.#retention.close();
    await this.#journal.close();
  }
}
