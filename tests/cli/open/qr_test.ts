import assert from "node:assert/strict";
import { encode } from "uqr";
import { qrLines, writeQr } from "../../../src/cli/open/qr.ts";

const TEXT = "203.0.113.77:25565";
const BLOCKS = { "█": [true, true], "▀": [true, false], "▄": [false, true], " ": [false, false] } as const;

/** The cells of lines, as rows of what is drawn. */
function drawnOf(lines: readonly string[]): readonly (readonly boolean[])[] {
  return lines.flatMap((line) => {
    const cells = [...line].map((sign) => BLOCKS[sign as keyof typeof BLOCKS]);
    return [cells.map(([upper]) => upper), cells.map(([, lower]) => lower)];
  });
}

interface Around {
  readonly text?: string;
  readonly isTerminal?: boolean;
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly os?: typeof Deno.build.os;
}

/** Draws a code on a terminal. */
function draw(around: Around): string {
  const { text = TEXT, isTerminal = true, columns = 80, env = { LANG: "en_GB.UTF-8" }, os = "linux" } = around;
  let written = "";
  const stream = {
    isTerminal,
    write: (text: string) => void (written += text),
    getColorDepth: () => 1,
    getSize: () => ({ columns, rows: 24 }),
  };
  const stdin = { isTerminal: false, read: () => Promise.resolve(null) };
  writeQr({ process: { stdout: stream, stderr: stream, stdin }, env, os }, text);
  return written;
}

Deno.test("a QR code in colours has the modules of its text, black on white", () => {
  const { data, size } = encode(TEXT, { border: 2 });
  const begin = "\x1b[30;107m", end = "\x1b[0m";
  const lines = qrLines(TEXT, { hasColours: true });
  assert(lines.every((line) => line.startsWith(begin) && line.endsWith(end)));
  const rows = drawnOf(lines.map((line) => line.slice(begin.length, -end.length)));
  assert.deepEqual(rows.slice(0, size), data);
  assert.deepEqual(data[0], new Array(size).fill(false), "the margin is light");
});

Deno.test("a QR code without colours draws the light modules", () => {
  const { data, size } = encode(TEXT, { border: 2 });
  const rows = drawnOf(qrLines(TEXT, { hasColours: false }));
  assert.deepEqual(rows.slice(0, size), data.map((row) => row.map((isDark) => !isDark)));
});

Deno.test("a QR code is drawn on a terminal with UTF-8 and room, and else it is said why not", () => {
  assert.match(draw({}), /^[█▀▄ \n]{300,}$/);
  assert.match(draw({ env: {}, os: "windows" }), /^[█▀▄ \n]{300,}$/);
  assert.match(draw({ isTerminal: false }), /^note: no QR code: stderr is no terminal\n$/);
  assert.match(draw({ env: { LANG: "C" } }), /no QR code: this terminal is not said to show UTF-8 \(LANG is "C"\)/);
  assert.match(draw({ env: { LC_ALL: "ja_JP.eucJP", LANG: "ja_JP.UTF-8" } }), /is not said to show UTF-8/);
  assert.match(draw({ columns: 24 }).replaceAll(/\s+/g, " "), /the terminal has 24 columns, and it takes 25/);
  assert.match(draw({ text: "1".repeat(101) }), /the text is too long/);
});
