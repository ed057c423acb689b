/** Why the file could not be read or written, and what to do about it. */
import { reasonOf } from "../../errors.ts";

/** By SQLite's texts for its result codes (sqlite3ErrStr), and by ours for the system's error numbers. */
const REASONS: readonly (readonly [text: RegExp, reason: string])[] = [
  [/disk is full|disk quota is used up/, "the disk is full; make room on it, and try again"],
  [
    /readonly database|unable to open database file|read-only/,
    "it cannot be written: this user may not, or its disk is read-only",
  ],
  [/disk I\/O error|disk reports an error/, "the disk reports an error; the system's log has more about it"],
];

/** The reason as half a sentence; the error's own words where it is none of these. */
export function faultText(error: unknown): string {
  const text = reasonOf(error);
  return REASONS.find(([pattern]) => pattern.test(text))?.[1] ?? text;
}
