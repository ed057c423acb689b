/**
 * Bounds the ended leases and the kept answers in number, bytes and age. What is too much or too old is deleted oldest
 * first, in slices of the event loop, after the writes that added it.
 */
import type { Turns } from "../../os/turns.ts";
import type { Statements } from "./statements.ts";

/** How much is kept. */
export interface RetentionLimits {
  /** Ended leases, and the bytes that they take in the file. */
  readonly mostEnded: number;
  readonly mostEndedBytes: number;
  /** Answers to requests with an Idempotency-Key: the number for one caller, the bytes for all callers. */
  readonly mostAnswers: number;
  readonly mostAnswerBytes: number;
}

/** Options of {@linkcode Retention}. */
export interface RetentionOptions extends RetentionLimits {
  readonly turns: () => Turns;
  /** Runs `work` when it may write. @returns what `work` returns: how many rows it changed. */
  readonly run: (work: () => number) => Promise<number>;
  /** Called when the file cannot be written. */
  readonly fail: (error: unknown) => void;
}

/** What one transaction has added. */
export type Added =
  | { readonly kind: "ended"; readonly bytes: number }
  | { readonly kind: "answer"; readonly caller: string; readonly bytes: number };

interface Tally {
  count: number;
  bytes: number;
}

/** How many rows and bytes are deleted at once: about a millisecond. */
const SLICE_ROWS = 256, SLICE_BYTES = 500_000;
/** A sixteenth too much begins a deletion, so that it happens in runs; a quarter too much makes writes wait for it. */
const SLACK = 17 / 16, FAR = 5 / 4;

/** Counts what is kept, and deletes what is too much. */
export class Retention {
  readonly #statements: Statements;
  readonly #options: RetentionOptions;
  readonly #ended: Tally;
  readonly #answers = new Map<string, Tally>();
  #answerBytes = 0;
  #endedBefore = -Infinity;
  #answeredBefore = -Infinity;
  #sweeping: Promise<void> | undefined;
  #isClosed = false;

  constructor(statements: Statements, options: RetentionOptions) {
    this.#statements = statements;
    this.#options = options;
    this.#ended = { ...statements.countEnded.get() as unknown as Tally };
    for (const row of statements.countAnswers.all()) {
      const { caller, count, bytes } = row as unknown as Tally & { caller: string };
      this.#answers.set(caller, { count, bytes });
      this.#answerBytes += bytes;
    }
  }

  /** The deletion for which writes must wait; `undefined` when there is room. */
  get overdue(): Promise<void> | undefined {
    return this.#isBeyond(FAR) ? this.#sweeping : undefined;
  }

  /** Counts what was added to the file, and begins to delete when it is too much. */
  add(added: readonly Added[]): void {
    for (const each of added) {
      if (each.kind === "ended") {
        this.#ended.count++;
        this.#ended.bytes += each.bytes;
      } else this.#countAnswer(each.caller, each.bytes);
    }
    if (added.length > 0 && this.#sweeping === undefined && this.#isBeyond(SLACK)) this.#start();
  }

  /**
   * Deletes what ended and was answered before these wall-clock times, and what is too much.
   *
   * @returns when that is done; an error of the file is reported, not thrown.
   */
  async forget(endedBefore: number, answeredBefore: number): Promise<void> {
    this.#endedBefore = endedBefore;
    this.#answeredBefore = answeredBefore;
    await this.#sweeping;
    await this.#start();
  }

  /** Ends a deletion between two slices. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#sweeping;
  }

  #start(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  async #sweep(): Promise<void> {
    const turns = this.#options.turns();
    const callers = [...this.#answers.keys()].map((caller) => () => this.#forgetAnswersOf(caller));
    try {
      for (const slice of [() => this.#forgetEnded(), ...callers, () => this.#forgetAnswersOfLargest()]) {
        do await turns.next(); // not in the turn of the write
         while (!this.#isClosed && await this.#options.run(slice) > 0);
      }
    } catch (error) {
      this.#options.fail(error);
    }
  }

  #isBeyond(factor: number): boolean {
    const { mostEnded, mostEndedBytes, mostAnswers, mostAnswerBytes } = this.#options;
    if (this.#ended.count > mostEnded * factor || this.#ended.bytes > mostEndedBytes * factor) return true;
    if (this.#answerBytes > mostAnswerBytes * factor) return true;
    for (const { count } of this.#answers.values()) if (count > mostAnswers * factor) return true;
    return false;
  }

  /** Each of these deletes a slice. @returns how many rows were deleted: after 0 there are no more. */
  #forgetEnded(): number {
    const { oldestEnded, forgetEnded } = this.#statements;
    const { mostEnded, mostEndedBytes } = this.#options;
    const isOver = (at: number, { count, bytes }: Tally) =>
      at < this.#endedBefore || count > mostEnded || bytes > mostEndedBytes;
    const over = tallyOver(oldestEnded.all(SLICE_ROWS) as unknown as Entry[], this.#ended, isOver);
    if (over.count === 0) return 0;
    forgetEnded.run(over.count);
    subtract(this.#ended, over);
    return over.count;
  }

  #forgetAnswersOf(caller: string): number {
    const { mostAnswers } = this.#options;
    return this.#forgetAnswers(caller, (at, { count }) => at < this.#answeredBefore || count > mostAnswers);
  }

  /** When all callers together have too much, the one with the most loses some: nobody can push out what others keep. */
  #forgetAnswersOfLargest(): number {
    const excess = this.#answerBytes - this.#options.mostAnswerBytes;
    const [largest] = [...this.#answers].sort(([, a], [, b]) => b.bytes - a.bytes);
    if (excess <= 0 || largest === undefined) return 0;
    const [caller, { bytes }] = largest;
    return this.#forgetAnswers(caller, (_, rest) => bytes - rest.bytes < excess);
  }

  #forgetAnswers(caller: string, isOver: IsOver): number {
    const { oldestAnswers, forgetAnswers } = this.#statements;
    const kept = this.#answers.get(caller);
    if (kept === undefined) return 0; // none is left
    const over = tallyOver(oldestAnswers.all(caller, SLICE_ROWS) as unknown as Entry[], kept, isOver);
    if (over.count === 0) return 0;
    forgetAnswers.run(caller, caller, over.count);
    subtract(kept, over);
    this.#answerBytes -= over.bytes;
    if (kept.count === 0) this.#answers.delete(caller);
    return over.count;
  }

  #countAnswer(caller: string, bytes: number): void {
    const kept = this.#answers.get(caller) ?? { count: 0, bytes: 0 };
    kept.count++;
    kept.bytes += bytes;
    this.#answers.set(caller, kept);
    this.#answerBytes += bytes;
  }
}

/** One row: when it ended or was answered, and its size. */
interface Entry {
  readonly at: number;
  readonly bytes: number;
}

/** Whether an entry must be deleted. @param left are the entries that are left, with it. */
type IsOver = (at: number, left: Tally) => boolean;

/** How many of the oldest entries must be deleted, and their bytes. */
function tallyOver(oldest: readonly Entry[], kept: Tally, isOver: IsOver): Tally {
  const over = { count: 0, bytes: 0 };
  for (const { at, bytes } of oldest) {
    if (over.bytes > SLICE_BYTES) break;
    if (!isOver(at, { count: kept.count - over.count, bytes: kept.bytes - over.bytes })) break;
    over.count++;
    over.bytes += bytes;
  }
  return over;
}

function subtract(from: Tally, { count, bytes }: Tally): void {
  from.count -= count;
  from.bytes -= bytes;
}
