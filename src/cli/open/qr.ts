/** QR codes for a terminal. Loaded only with `--qr`. */
import { encode } from "uqr";
import type { CliContext } from "../context.ts";
import { hasColour, writeLine } from "../terminal.ts";

/** The light margin around a code, in modules: the standard's four take too many rows, and phones read two. */
const MARGIN = 2;
/** Longer than any address with a port; a code of more text would not fit on a terminal. */
const LONGEST_TEXT = 100;
/** Black on white, whatever the colours of the terminal are, and the end of that. */
const COLOURS = { begin: "\x1b[30;107m", end: "\x1b[0m" };

/**
 * The lines of a QR code, each with two rows of modules.
 *
 * @param hasColours is whether colours may be set. Without them light modules are drawn: right for a dark ground, and what
 * most phones read on a light one too.
 */
export function qrLines(text: string, { hasColours }: { readonly hasColours: boolean }): readonly string[] {
  const { data, size } = encode(text, { border: MARGIN });
  const isDrawn = (row: number, column: number) => (data[row]?.[column] ?? false) === hasColours;
  return Array.from({ length: Math.ceil(size / 2) }, (_, i) => {
    const cells = Array.from({ length: size }, (_, column) => {
      const upper = isDrawn(2 * i, column), lower = isDrawn(2 * i + 1, column);
      return upper ? lower ? "█" : "▀" : lower ? "▄" : " ";
    }).join("");
    return hasColours ? `${COLOURS.begin}${cells}${COLOURS.end}` : cells;
  });
}

/** Draws a QR code on stderr, as stdout is for the answer; where that cannot be, it says why. */
export function writeQr(
  { process: { stderr }, env, os }: Pick<CliContext, "process" | "env" | "os">,
  text: string,
): void {
  const lines = text.length <= LONGEST_TEXT ? qrLines(text, { hasColours: hasColour(stderr) }) : [];
  const width = qrWidth(lines);
  const obstacle = lines.length === 0
    ? "the text is too long"
    : !stderr.isTerminal
    ? "stderr is no terminal"
    : !isUtf8(env, os)
    ? `this terminal is not said to show UTF-8 (LANG is ${JSON.stringify(localeOf(env))})`
    : width > stderr.getSize().columns
    ? `the terminal has ${stderr.getSize().columns} columns, and it takes ${width}`
    : undefined;
  if (obstacle !== undefined) return writeLine(stderr, `note: no QR code: ${obstacle}`);
  stderr.write(lines.map((line) => `${line}\n`).join(""));
}

function qrWidth([first = ""]: readonly string[]): number {
  return first.replace(COLOURS.begin, "").replace(COLOURS.end, "").length;
}

/** Whether a terminal shows block characters, as far as the locale says. The consoles of Windows do, whatever it says. */
function isUtf8(env: CliContext["env"], os: CliContext["os"]): boolean {
  return os === "windows" || /utf-?8/i.test(localeOf(env));
}

function localeOf({ LC_ALL, LC_CTYPE, LANG }: CliContext["env"]): string {
  return LC_ALL || LC_CTYPE || LANG || "";
}
