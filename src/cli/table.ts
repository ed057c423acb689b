/**
 * Tables: rows under a head, in columns as wide as their cells. On a terminal they are no wider than it is: long cells
 * are cut, or go on below, and then columns are left out. Elsewhere nothing is cut.
 */
import { cellsOf } from "./cells.ts";
import type { TextStream } from "./context.ts";
import { escapeControls, shorten, type Style, styled, widthOf, wrap } from "./terminal.ts";

/** A column, by its title alone or with what happens to it where the table is too wide. */
export interface Column {
  readonly title: string;
  /** How narrow it may become. @default as wide as its cells need */
  readonly least?: number;
  /** Cuts a cell to so many characters. @default its end is cut off */
  readonly cut?: (text: string, most: number) => string;
  /** Whether a long cell goes on in the lines below instead of being cut. @default false */
  readonly wraps?: boolean;
  /** Its turn to be left out, the lowest first. @default never */
  readonly spare?: number;
}

/** A text, or one in a style. */
export type Cell = string | readonly [text: string, style: Style | undefined];

/** What a table is made for. */
export type TableOptions = Partial<Pick<TextStream, "getColorDepth">> & {
  /** In characters. @default no limit */
  readonly width?: number;
};

const GAP = 2;
const WITHOUT_COLOURS = { getColorDepth: () => 1 };

/** Writes a table. */
export function writeTable(
  stream: TextStream,
  head: readonly (string | Column)[],
  rows: readonly (readonly Cell[])[],
): void {
  stream.write(table(head, rows, { width: widthOf(stream), getColorDepth: stream.getColorDepth }));
}

/** The rows under their head; cells are escaped. Ends with a line end. */
export function table(
  head: readonly (string | Column)[],
  rows: readonly (readonly Cell[])[],
  { width = Infinity, ...colours }: TableOptions = {},
): string {
  const stream = { ...WITHOUT_COLOURS, ...colours };
  const escaped = rows.map((row) => row.map(splitCell));
  const columns = head.map((title, index): FittedColumn => {
    const column: Column = typeof title === "string" ? { title } : title;
    const widest = escaped.reduce((most, row) => Math.max(most, cellsOf(row[index]!.text)), 0);
    return { ...column, index, width: Math.max(widest, column.title.length) };
  });
  const shown = fit(columns, width);
  const lines = [
    lineOf(shown.map((column): StyledText => ({ text: cutTo(column, column.title), style: "bold" })), shown, stream),
    ...escaped.flatMap((row) => linesOf(row, shown, stream)),
  ];
  return `${lines.join("\n")}\n`;
}

interface StyledText {
  readonly text: string;
  readonly style: Style | undefined;
}

interface FittedColumn extends Column {
  /** Its place in the rows. */
  readonly index: number;
  readonly width: number;
}

function splitCell(cell: Cell): StyledText {
  const [text, style] = typeof cell === "string" ? [cell, undefined] : cell;
  return { text: escapeControls(text), style };
}

/** The columns that are shown, as wide as they can be. */
function fit(columns: readonly FittedColumn[], width: number): readonly FittedColumn[] {
  const isTight = totalOf(columns.map(leastOf)) > width;
  const [spare] = isTight ? columns.filter((column) => column.spare !== undefined).toSorted(bySpare) : [];
  if (spare !== undefined) return fit(columns.filter((column) => column !== spare), width);
  return narrow(narrow(columns, width, leastOf), width, () => 1);
}

function bySpare(a: Column, b: Column): number {
  return a.spare! - b.spare!;
}

function leastOf({ least, title, width }: FittedColumn): number {
  return least === undefined ? width : Math.min(width, Math.max(least, title.length));
}

/** Takes from the widest column again and again. */
function narrow(
  columns: readonly FittedColumn[],
  width: number,
  leastOf: (column: FittedColumn) => number,
): readonly FittedColumn[] {
  const widths = columns.map((column) => column.width), least = columns.map(leastOf);
  for (let over = totalOf(widths) - width; over > 0; over--) {
    const widest = Math.max(...widths.filter((each, i) => each > least[i]!));
    const at = widths.findIndex((each, i) => each === widest && each > least[i]!);
    if (at === -1) break;
    widths[at]!--;
  }
  return columns.map((column, i) => ({ ...column, width: widths[i]! }));
}

function totalOf(widths: readonly number[]): number {
  return widths.reduce((sum, each) => sum + each + GAP, -GAP);
}

/** The lines of a row: one, or more where a cell goes on below. */
function linesOf(
  row: readonly StyledText[],
  columns: readonly FittedColumn[],
  stream: Pick<TextStream, "getColorDepth">,
): string[] {
  const cells = columns.map((column) => {
    const { text, style } = row[column.index]!;
    return { style, texts: column.wraps ? wrap(text, column.width) : [cutTo(column, text)] };
  });
  const height = Math.max(...cells.map(({ texts }) => texts.length));
  return Array.from(
    { length: height },
    (_, i) => lineOf(cells.map(({ texts, style }) => ({ text: texts[i] ?? "", style })), columns, stream),
  );
}

function lineOf(
  cells: readonly StyledText[],
  columns: readonly FittedColumn[],
  stream: Pick<TextStream, "getColorDepth">,
): string {
  const gap = " ".repeat(GAP);
  return cells.map(({ text, style }, i) => {
    return styled(text, style, stream) + " ".repeat(Math.max(0, columns[i]!.width - cellsOf(text)));
  }).join(gap).trimEnd();
}

function cutTo({ width, cut = shorten }: FittedColumn, text: string): string {
  let fitting = text;
  // A cut is made by characters, of which some take two cells.
  for (let most = width; cellsOf(fitting) > width && most > 0; most--) fitting = cut(text, most);
  return fitting;
}

/** Cuts the middle out of a text: both ends of a name say something. */
export function shortenMiddle(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = Math.floor((most - 1) / 2);
  return `${text.slice(0, most - 1 - end)}…${text.slice(text.length - end)}`;
}

/** Cuts off the beginning of a text: the end of an address, of a path or of a place says more. */
export function shortenStart(text: string, most: number): string {
  return text.length <= most ? text : `…${text.slice(text.length - most + 1)}`;
}
