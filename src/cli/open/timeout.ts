/** How long `portd open --router` and `portd close` may take. */
import { formatDuration, parseDuration } from "../../duration.ts";
import type { CliContext } from "../context.ts";
import { readOr } from "../parse.ts";

/** Where `--timeout` says nothing else. */
export const DEFAULT_TIMEOUT_MS = 15_000;

const SHORTEST_MS = 1000, LONGEST_MS = 600_000;

/** Reads `--timeout`. @throws {SyntaxError} that says what would work. */
export function parseTimeout(text: string): number {
  const ms = parseDuration(text), range = `from ${formatDuration(SHORTEST_MS)} to ${formatDuration(LONGEST_MS)}`;
  return readOr(ms >= SHORTEST_MS && ms <= LONGEST_MS ? ms : undefined, range);
}

/** The same context; the daemon has no longer for one answer than the whole command may take. */
export function withLimit(context: CliContext, timeoutMs: number): CliContext {
  return { ...context, answerMs: Math.min(context.answerMs ?? Infinity, timeoutMs) };
}
