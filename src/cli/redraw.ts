/** A picture on the terminal that is drawn again and again, on the alternate screen, so that what stood there comes back. */
import { eastAsianWidth } from "get-east-asian-width";
import { orAborted, pause } from "./abort.ts";
import type { CliContext } from "./context.ts";
import { UsageError } from "./exit.ts";

const INTERVAL_MS = 1000;
/** Lines do not wrap: what a terminal takes for wider than we do is lost at the edge, and moves nothing. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l",
  LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l",
  HOME = "\x1b[H",
  CLEAR_LINE = "\x1b[K",
  CLEAR_BELOW = "\x1b[J";

/** What takes no cell of its own: marks, joiners, and the vowels and finals that complete a Korean syllable. */
const WITHOUT_CELL = /^[\p{Mn}\p{Me}\p{Default_Ignorable_Code_Point}\u1160-\u11ff]$/u;
/** What takes two cells, of however many code points it is made. */
const EMOJI = /\p{Emoji_Presentation}|\ufe0f/u;

/**
 * Draws once a second until Ctrl-C, which ends it at once, also while it draws.
 *
 * @param draw makes the lines, without control characters; the signal is aborted when they are wanted no more.
 * @throws {UsageError} where stdout is no terminal, and whatever `draw` throws.
 */
export async function redraw(context: CliContext, draw: (signal: AbortSignal) => Promise<string>): Promise<void> {
  const { stdout } = context.process;
  if (!stdout.isTerminal) {
    throw new UsageError("Cannot use --watch: stdout is no terminal; portd events follows changes");
  }
  const stopping = new AbortController();
  const { signal } = stopping;
  const names: Deno.Signal[] = context.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  const stopSignals = context.onSignal(names, () => stopping.abort());
  stdout.write(ENTER);
  try {
    while (!signal.aborted) {
      stdout.write(frame(await orAborted(draw(signal), signal), stdout.getSize()));
      await pause(INTERVAL_MS, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    stdout.write(LEAVE);
    stopSignals();
  }
}

/** One picture: what does not fit is cut, and the lines that are left out are counted. */
export function frame(text: string, { columns, rows }: { readonly columns: number; readonly rows: number }): string {
  const lines = text.trimEnd().split("\n");
  const shown = lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more`];
  const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return HOME + shown.map((line) => cut(line, columns, graphemes) + CLEAR_LINE).join("\r\n") + CLEAR_BELOW;
}

/** The beginning of a line that fits into so many cells, in whole characters as people see them. */
function cut(line: string, columns: number, graphemes: Intl.Segmenter): string {
  let cells = 0;
  for (const { segment, index } of graphemes.segment(line)) {
    cells += cellsOf(segment);
    if (cells > columns) return line.slice(0, index);
  }
  return line;
}

function cellsOf(grapheme: string): number {
  if (EMOJI.test(grapheme)) return 2;
  const visible = [...grapheme].filter((char) => !WITHOUT_CELL.test(char));
  return visible.reduce((cells, char) => cells + eastAsianWidth(char.codePointAt(0)!), 0);
}
