/** Text on its way to a terminal. What comes from a daemon, a file or a process list is not trusted with one. */

import { escapeControls as neutralise, escapeControlsOfJson } from "../escape.ts";

export { neutralise };

/** A value as JSON on one line, or indented; control characters are written as escapes, the C1 ones too. */
export function toJson(value: unknown, indent = 0): string {
  return escapeControlsOfJson(JSON.stringify(value, null, indent));
}

/** Rows under a head, in columns as wide as they need; cells are neutralised. Ends with a line end. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows].map((row) => row.map(neutralise));
  const widths = head.map((_, column) => lines.reduce((most, row) => Math.max(most, row[column]!.length), 0));
  const padded = lines.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd());
  return `${padded.join("\n")}\n`;
}

/** Cuts a text to a number of characters, the last of them an ellipsis. */
export function shorten(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** The same text in bold, where colour is wanted. */
export function bold(text: string, isColoured: boolean): string {
  return isColoured ? `\x1b[1m${text}\x1b[22m` : text;
}
