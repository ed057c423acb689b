/** Durations as people write them. */

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * Reads `500ms`, `30s`, `30m`, `2h`, `7d`, sums of them, the greatest unit first (`1h30m`), and `0`.
 *
 * @returns milliseconds; `undefined` when the text is no such duration.
 */
export function readDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const [, ...digits] = /^(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?(?:(\d{1,9})ms)?$/.exec(text) ??
    [];
  if (digits.every((number) => number === undefined)) return undefined;
  const units = [UNIT_MS.d, UNIT_MS.h, UNIT_MS.m, UNIT_MS.s, UNIT_MS.ms];
  return units.reduce((sum, unit, i) => sum + unit * Number(digits[i] ?? 0), 0);
}

/** The same for a flag. @throws {SyntaxError} that says what would work. */
export function parseDuration(text: string): number {
  const ms = readDuration(text);
  if (ms !== undefined) return ms;
  throw new SyntaxError("must be a duration like 500ms, 30s, 30m, 2h or 7d");
}

/** A duration in its two greatest units, rounded down: `1h 30m`, `45s`; below a second in milliseconds. */
export function formatDuration(ms: number): string {
  if (ms < UNIT_MS.s) return `${Math.max(0, Math.floor(ms))}ms`;
  const parts: string[] = [];
  let rest = ms;
  for (const unit of ["d", "h", "m", "s"] as const) {
    const count = Math.floor(rest / UNIT_MS[unit]);
    rest -= count * UNIT_MS[unit];
    if (count > 0) parts.push(`${count}${unit}`);
  }
  return parts.slice(0, 2).join(" ");
}
