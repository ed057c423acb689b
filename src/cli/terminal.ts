/**
 * Text on its way to a terminal, or to a program. Text from a daemon, a file or a process list could hold codes that
 * control a terminal. What only a person at a terminal gets: lines that fit it, local times, colours and hints.
 */

import { escapeControls, escapeControlsOfJson } from "../escape.ts";
import type { CliProcess, TextStream } from "./context.ts";

export { escapeControls };

/** A value as JSON on one line, or indented; control characters are written as escapes, the C1 ones too. */
export function toJson(value: unknown, indent = 0): string {
  return escapeControlsOfJson(JSON.stringify(value, null, indent));
}

/** Writes an answer as one line of JSON, or indented: all of it, or the fields that were chosen. */
export function writeJson(stream: Pick<TextStream, "write" | "choose">, answer: unknown, indent = 0): void {
  stream.write(`${toJson(stream.choose === undefined ? answer : stream.choose(answer), indent)}\n`);
}

/**
 * Writes one line; control characters are written as escapes. On a terminal instants are in local time, and what does not
 * fit goes on in further lines.
 */
export function writeLine(stream: TextStream, text: string): void {
  writeBehind(stream, "", text);
}

/** Something that is known, with its name. */
export type Fact = readonly [name: string, value: string, style?: Style];

/** Writes facts, a line each. */
export function writeFacts(stream: TextStream, facts: readonly Fact[]): void {
  for (const [name, value, style] of facts) writeBehind(stream, `${name.padEnd(10)} `, value, style);
}

/** Writes a line in a style, where colour is wanted. */
export function writeStyled(stream: TextStream, text: string, style: Style | undefined): void {
  writeBehind(stream, "", text, style);
}

/** Writes a text behind a head as a line; on a terminal what does not fit goes on in lines below the text. */
export function writeBehind(stream: TextStream, head: string, text: string, style?: Style): void {
  const line = hang(head, withTimesFor(stream, escapeControls(text)), widthOf(stream));
  stream.write(`${styled(line, style, stream)}\n`);
}

/** Prints the next step on stderr, for a person who reads the answer: without a terminal it prints nothing. */
export function writeHint({ stdout, stderr }: CliProcess, text: string): void {
  if (hasColour(stdout) && hasColour(stderr)) writeStyled(stderr, `hint: ${text}`, "dim");
}

/** How many characters a line may have: on a terminal as many as fit, elsewhere any number. */
export function widthOf({ isTerminal, getSize }: TextStream): number {
  return isTerminal ? getSize().columns : Infinity;
}

/** Fewer characters behind a head are too few to be read. */
const LEAST_ROOM = 24;
/** How far lines go in where there is no room behind the head. */
const NARROW_INDENT = 4;

/** A text behind a head, broken at blanks into lines of at most so many characters; the others begin below the text. */
export function hang(head: string, text: string, width: number): string {
  const length = visibleLength(head);
  const indent = width - length < LEAST_ROOM ? Math.min(NARROW_INDENT, length) : length;
  const [first = "", ...rest] = wrap(text, width - indent, indent - length);
  return [head + first, ...rest.map((line) => " ".repeat(indent) + line)].join("\n");
}

/**
 * A text in lines of at most so many characters, broken at blanks; a longer word has a line of its own.
 *
 * @param more is how many more characters the first line may have; a negative number is fewer.
 */
export function wrap(text: string, width: number, more = 0): string[] {
  const lines: string[] = [];
  let line: string | undefined;
  for (const word of text.split(" ")) {
    const longer: string = line === undefined ? word : `${line} ${word}`;
    const room = lines.length === 0 ? width + more : width;
    if (line !== undefined && visibleLength(longer) > room) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line ?? ""];
}

// deno-lint-ignore no-control-regex -- codes for colours begin with one
const STYLE_CODES = /\x1b\[[\d;]*m/g;

function visibleLength(text: string): number {
  return text.replaceAll(STYLE_CODES, "").length;
}

/** An instant as the API has it. */
const INSTANT = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;

/** The same text; for a terminal its instants are in local time, to the second: `2026-11-23 22:20:36`. */
export function withTimesFor({ isTerminal }: Pick<TextStream, "isTerminal">, text: string): string {
  return isTerminal ? text.replaceAll(INSTANT, localTime) : text;
}

/** An instant for a column; on a terminal one of today is a time alone. */
export function columnTime(stream: Pick<TextStream, "isTerminal">, instant: string, now: Date): string {
  const today = localTime(now.toISOString()).slice(0, DATE_LENGTH), text = withTimesFor(stream, instant);
  return text.startsWith(`${today} `) ? text.slice(DATE_LENGTH + 1) : text;
}

const DATE_LENGTH = "2026-11-23".length;

function localTime(instant: string): string {
  const time = new Date(instant);
  const digits = (number: number) => String(number).padStart(2, "0");
  const day = [time.getFullYear(), time.getMonth() + 1, time.getDate()].map(digits).join("-");
  return `${day} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(digits).join(":")}`;
}

/** Cuts a text to a number of characters, the last of them an ellipsis. */
export function shorten(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** An address with a port: `127.0.0.1:80`, `[::1]:80`. */
export function addressText(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The codes that begin and end each style (ECMA-48, SGR). The colours can be read on a light and on a dark ground. */
const STYLES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

/** How a text is shown where colour is wanted. */
export type Style = keyof typeof STYLES;

/** Whether colour is wanted: on a terminal, unless `NO_COLOR` is set. */
export function hasColour({ getColorDepth }: Pick<TextStream, "getColorDepth">): boolean {
  return getColorDepth() >= 4;
}

/** The same text in a style, where colour is wanted. */
export function styled(
  text: string,
  style: Style | undefined,
  stream: Pick<TextStream, "getColorDepth">,
): string {
  if (style === undefined || text === "" || !hasColour(stream)) return text;
  const [begin, end] = STYLES[style];
  return `\x1b[${begin}m${text}\x1b[${end}m`;
}
