/** How the outcome is printed. Pure. */
import { type Figure, type Line, type Target, verdictOf } from "./row.ts";
import type { Spread } from "./statistics.ts";

const HEAD = ["row", "what", "portd", "peer or floor", "ratio", "target", ""] as const;

/** The table of all rows. @param lines each with the name of its row. */
export function formatLines(lines: readonly (readonly [row: string, line: Line])[]): string {
  return formatTable([HEAD, ...lines.map(([row, line]) => cellsOf(row, line))]);
}

/** Text in columns, two blanks apart, the first row underlined; every line ends with a line feed. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const format = (row: readonly string[]) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ").trimEnd();
  const [head, ...rest] = rows.map(format);
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [head ?? "", rule, ...rest].map((line) => `${line}\n`).join("");
}

/** `18,400 (17,900–18,800) /s`. */
export function formatFigure({ unit, ...spread }: Figure): string {
  return `${formatSpread(spread)} ${unit}`;
}

/** `0.45 (0.41–0.47)`; `0.45` where there is one value only. */
export function formatSpread({ median, least, most }: Spread): string {
  if (least === most) return formatNumber(median);
  return `${formatNumber(median)} (${formatNumber(least)}–${formatNumber(most)})`;
}

/** Three significant digits, thousands apart; whole from 100 on. */
export function formatNumber(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return value >= 10 ? value.toFixed(1) : value >= 0.1 ? value.toFixed(2) : value.toFixed(3);
}

function cellsOf(row: string, line: Line): string[] {
  const { what, portd, other, ratio, target } = line;
  return [
    row,
    what,
    formatFigure(portd),
    other === undefined ? "-" : `${formatFigure(other)}, ${other.what}`,
    ratio === undefined ? "-" : formatSpread(ratio),
    target === undefined ? "-" : formatTarget(target, portd.unit),
    verdictOf(line) ?? "-",
  ];
}

function formatTarget({ of, bound, value }: Target, unit: string): string {
  const sign = bound === "at least" ? "≥" : "≤";
  return of === "ratio" ? `ratio ${sign} ${value}` : `${sign} ${value.toLocaleString("en-US")} ${unit}`;
}
