/**
 * Counting how large values are. The parts of the daemon keep plain numbers of their own; this is the one that is more
 * than a number. Nothing here knows how it is shown.
 */

/** What a {@linkcode Histogram} has counted. */
export interface HistogramReading {
  /** The upper bounds of the buckets, ascending and inclusive; above the last one comes one without a bound. */
  readonly bounds: readonly number[];
  /** How many values were at most as large as each bound; the last number counts all. */
  readonly cumulative: readonly number[];
  /** The sum of all values. */
  readonly sum: number;
}

/** Counts values in buckets. Nothing of it ever goes down, and it takes no more memory with more values. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  /** @param bounds are ascending and inclusive. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  /** Counts one value; what is not at least 0, as a clock that is set back may give, counts as 0. */
  observe(value: number): void {
    const counted = value > 0 ? value : 0;
    let bucket = 0;
    while (bucket < this.#bounds.length && counted > this.#bounds[bucket]!) bucket++;
    this.#counts[bucket]!++;
    this.#sum += counted;
  }

  /** How many values were counted. */
  get count(): number {
    return this.#counts.reduce((sum, count) => sum + count);
  }

  /** All that was counted, at this moment. */
  read(): HistogramReading {
    let below = 0;
    return { bounds: this.#bounds, cumulative: this.#counts.map((count) => below += count), sum: this.#sum };
  }
}
