/** Medians, spreads and ratios. Pure. */

/** A median with the least and the greatest of the values behind it. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** The middle value; the mean of the two middle ones of an even number. @throws {RangeError} without values. */
export function median(values: readonly number[]): number {
  const sorted = sortedCopy(values);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The value that a share of all values does not exceed, by nearest rank: `percentile(values, 0.99)` is p99.
 *
 * @throws {RangeError} without values.
 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = sortedCopy(values);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/** Median, least and greatest. @throws {RangeError} without values. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = sortedCopy(values);
  return { median: median(sorted), least: sorted[0]!, most: sorted.at(-1)! };
}

/**
 * Ratios round by round, so that a machine whose speed drifts slows both sides of each.
 *
 * @throws {RangeError} when the rounds do not pair up.
 */
export function ratiosOf(portd: readonly number[], other: readonly number[]): number[] {
  if (portd.length !== other.length) {
    throw new RangeError(`Cannot pair rounds: ${portd.length} of portd, ${other.length} of the other`);
  }
  return portd.map((value, round) => value / other[round]!);
}

function sortedCopy(values: readonly number[]): number[] {
  if (values.length === 0) throw new RangeError("Cannot tell a median: there are no values");
  return values.toSorted((a, b) => a - b);
}
