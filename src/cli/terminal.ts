/** Text on its way to a terminal. Text from a daemon, a file or a process list could hold codes that control it. */

import { escapeControls, escapeControlsOfJson } from "../escape.ts";
import type { TextStream } from "./context.ts";

export { escapeControls };

/** A value as JSON on one line, or indented; control characters are written as escapes, the C1 ones too. */
export function toJson(value: unknown, indent = 0): string {
  return escapeControlsOfJson(JSON.stringify(value, null, indent));
}

/** Writes a value as one line of JSON. */
export function writeJson(stream: Pick<TextStream, "write">, value: unknown): void {
  stream.write(`${toJson(value)}\n`);
}

/** Writes one line; control characters are written as escapes. */
export function writeLine(stream: Pick<TextStream, "write">, text: string): void {
  stream.write(`${escapeControls(text)}\n`);
}

/** Something that is known, with its name. */
export type Fact = readonly [name: string, value: string];

/** Writes facts, a line each. */
export function writeFacts(stream: Pick<TextStream, "write">, facts: readonly Fact[]): void {
  for (const [name, value] of facts) writeLine(stream, `${name.padEnd(10)} ${value}`);
}

/** Rows under a head, in columns as wide as they need; cells are escaped. Ends with a line end. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows].map((row) => row.map(escapeControls));
  const widths = head.map((_, column) => lines.reduce((most, row) => Math.max(most, row[column]!.length), 0));
  const padded = lines.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd());
  return `${padded.join("\n")}\n`;
}

/** Cuts a text to a number of characters, the last of them an ellipsis. */
export function shorten(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** An address with a port: `127.0.0.1:80`, `[::1]:80`. */
export function addressText(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The same text in bold, where colour is wanted. */
export function bold(text: string, isColoured: boolean): string {
  return isColoured ? `\x1b[1m${text}\x1b[22m` : text;
}
