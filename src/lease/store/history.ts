/**
 * Reads the history. A search reads the index `history`, which has the columns of the filter, in slices of a few
 * milliseconds with pauses between them. It stops after a number of rows: then the page is short, and has the place where
 * the next one begins. One search runs at a time, and a bounded number may wait.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { PortdError } from "../../errors.ts";
import type { Turns } from "../../os/turns.ts";
import type { LeaseCriteria } from "../lease.ts";
import type { LeaseRecord } from "../record.ts";
import { type Row, toRecord } from "./rows.ts";

/** A place in the history. */
export interface HistoryPlace {
  /** Wall-clock milliseconds. */
  readonly endedAt: number;
  readonly id: string;
}

/** Which ended leases are wanted. */
export interface HistoryFilter extends LeaseCriteria {
  readonly label?: readonly [key: string, value: string] | undefined;
  /** Only what ended before this place in the history. */
  readonly before?: HistoryPlace | undefined;
  /** How many leases the page has at most. */
  readonly limit: number;
}

/** A part of the history. */
export interface HistoryPage {
  /** Newest first; may be fewer than the limit, or none, even if there are more. */
  readonly records: readonly LeaseRecord[];
  /** Where the next page begins; null on the last page. */
  readonly next: HistoryPlace | null;
}

/** Options of {@linkcode History}. */
export interface HistoryOptions {
  readonly turns: () => Turns;
  /** How many rows of the index are read for one page at most. */
  readonly mostRows: number;
}

/** How many searches may wait while one runs: a client that waits is idle, one that is refused asks again at once. */
const MOST_WAITING = 1000;
/** A page ends once its rows take so many bytes of the file. */
const MOST_BYTES = 1_000_000;
/** A slice reads as many rows as take about this time, within bounds: a cold disk is slower than a cache. */
const SLICE_MS = { least: 1, most: 3 }, SLICE_ROWS = { first: 512, least: 64, most: 4096 };
const NEWEST: HistoryPlace = { endedAt: Number.MAX_SAFE_INTEGER, id: "" };

/** The ended leases of an open file. */
export class History {
  readonly #db: DatabaseSync;
  readonly #options: HistoryOptions;
  readonly #byId: StatementSync;
  readonly #placeAfter: StatementSync;
  /** Resolves when the last search in the queue has ended. */
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(db: DatabaseSync, options: HistoryOptions) {
    this.#db = db;
    this.#options = options;
    this.#byId = db.prepare("SELECT * FROM leases WHERE id = ?");
    this.#placeAfter = db.prepare(
      `SELECT ended_at, id FROM leases WHERE ended_at IS NOT NULL AND (ended_at, id) < (?, ?)
        ORDER BY ended_at DESC, id DESC LIMIT 1 OFFSET ?`,
    );
  }

  /** Resolves when no search runs. */
  get idle(): Promise<void> {
    return this.#last;
  }

  /**
   * One page.
   *
   * @throws {PortdError} `store_unavailable` when too many searches wait already; the signal's reason.
   */
  async page(filter: HistoryFilter, signal: AbortSignal): Promise<HistoryPage> {
    if (this.#waiting > MOST_WAITING) {
      const message = `Cannot search the history: ${MOST_WAITING} other searches wait already`;
      throw new PortdError("store_unavailable", message, { retryAfter: 1 });
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.#last;
    this.#last = promise;
    this.#waiting++;
    try {
      await before;
      return await this.#search(filter, signal);
    } finally {
      this.#waiting--;
      resolve();
    }
  }

  async #search(filter: HistoryFilter, signal: AbortSignal): Promise<HistoryPage> {
    const matchesIn = this.#matcher(filter);
    const turns = this.#options.turns();
    const records: LeaseRecord[] = [];
    let place = filter.before ?? NEWEST, bytes = 0, left = this.#options.mostRows, sliceRows = SLICE_ROWS.first;
    while (left > 0) {
      signal.throwIfAborted();
      const rows = Math.min(sliceRows, left);
      const startedAt = performance.now();
      const end = this.#placeAfter.get(place.endedAt, place.id, rows - 1) as PlaceRow | undefined;
      const matches = matchesIn(place, end, filter.limit - records.length + 1);
      sliceRows = fitSlice(sliceRows, performance.now() - startedAt);
      for (const { ended_at, id } of matches) {
        if (records.length === filter.limit || bytes > MOST_BYTES) return { records, next: place };
        place = { endedAt: ended_at, id };
        const row = this.#byId.get(id) as Row | undefined;
        if (row === undefined) continue; // deleted during a pause
        records.push(toRecord(row));
        bytes += row.bytes as number;
        if (turns.isOver) await turns.next();
      }
      if (end === undefined) return { records, next: null };
      place = { endedAt: end.ended_at, id: end.id };
      left -= rows;
      if (turns.isOver) await turns.next();
    }
    return { records, next: place };
  }

  /** Makes the function that finds the matching leases after one place and up to another. */
  #matcher({ name, project, port, state, label }: HistoryFilter) {
    const conditions: string[] = [], values: (string | number)[] = [];
    const where = (condition: string, ...of: (string | number)[]) => {
      conditions.push(` AND ${condition}`);
      values.push(...of);
    };
    if (name !== undefined) where("(name = ? OR substr(name, -length(?) - 1) = '/' || ?)", name, name, name);
    if (project !== undefined) where("project = ?", project);
    if (port !== undefined) where("port = ?", port);
    if (state !== undefined) where("state = ?", state);
    if (label !== undefined) {
      // As JSON.stringify writes it; inside a text the quotes would be escaped.
      where("instr(labels, ?)", `${JSON.stringify(label[0])}:${JSON.stringify(label[1])}`);
    }
    const search = this.#db.prepare(
      `SELECT ended_at, id FROM leases WHERE ended_at IS NOT NULL
        AND (ended_at, id) < (?, ?) AND (ended_at, id) >= (?, ?)${conditions.join("")}
        ORDER BY ended_at DESC, id DESC LIMIT ?`,
    );
    return (from: HistoryPlace, end: PlaceRow | undefined, most: number) => {
      const last = [end?.ended_at ?? Number.MIN_SAFE_INTEGER, end?.id ?? ""];
      return search.all(from.endedAt, from.id, ...last, ...values, most) as unknown as PlaceRow[];
    };
  }
}

/** How many rows the next slice reads, after a slice of so many rows took so long. */
function fitSlice(rows: number, elapsedMs: number): number {
  const factor = elapsedMs > SLICE_MS.most ? 0.5 : elapsedMs < SLICE_MS.least ? 2 : 1;
  return Math.min(Math.max(rows * factor, SLICE_ROWS.least), SLICE_ROWS.most);
}

interface PlaceRow {
  readonly ended_at: number;
  readonly id: string;
}
