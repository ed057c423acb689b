/** Drawing a text on the terminal again every second, on the alternate screen: what was there before comes back. */
import { eastAsianWidth } from "get-east-asian-width";
import { abortable, pause } from "../wait.ts";
import type { CliContext } from "./context.ts";
import { UsageError } from "./exit.ts";
import { untilSignal } from "./signals.ts";

const INTERVAL_MS = 1000;
/** Lines do not wrap: where the terminal counts more cells than we do, the end of a line is lost and nothing moves. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l",
  LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l",
  HOME = "\x1b[H",
  CLEAR_LINE = "\x1b[K",
  CLEAR_BELOW = "\x1b[J";

/** What has no cell of its own: marks, joiners, and the vowels and finals that complete a Korean syllable. */
const WITHOUT_CELL = /^[\p{Mn}\p{Me}\p{Default_Ignorable_Code_Point}\u1160-\u11ff]$/u;
/** What takes two cells, however many code points it has. */
const EMOJI = /\p{Emoji_Presentation}|\ufe0f/u;

/**
 * Draws once a second until Ctrl-C, which ends it at once, also while `draw` is at work.
 *
 * @param draw makes the lines, without control characters; its signal is aborted when they are not needed any more.
 * @throws {UsageError} where stdout is no terminal, and whatever `draw` throws.
 */
export async function redraw(context: CliContext, draw: (signal: AbortSignal) => Promise<string>): Promise<void> {
  const { stdout } = context.process;
  if (!stdout.isTerminal) {
    throw new UsageError("Cannot use --watch: stdout is no terminal; portd events prints what changes");
  }
  await untilSignal(context, async (signal) => {
    stdout.write(ENTER);
    try {
      for (;; await pause(INTERVAL_MS, signal)) {
        stdout.write(frame(await abortable(draw(signal), signal), stdout.getSize()));
      }
    } finally {
      stdout.write(LEAVE);
    }
  });
}

/** The text as it is drawn: what does not fit is cut, and the lines that are left out are counted. */
export function frame(text: string, { columns, rows }: { readonly columns: number; readonly rows: number }): string {
  const lines = text.trimEnd().split("\n");
  const shown = lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more`];
  const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return HOME + shown.map((line) => cut(line, columns, graphemes) + CLEAR_LINE).join("\r\n") + CLEAR_BELOW;
}

/** The beginning of a line that fits into so many cells; no character is cut in two. */
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
