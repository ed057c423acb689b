/** Drawing a text on the terminal again every second, on the alternate screen: what was there before comes back. */
import { abortable, pause } from "../wait.ts";
import { cutAt } from "./cells.ts";
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
  return HOME + shown.map((line) => cutAt(line, columns) + CLEAR_LINE).join("\r\n") + CLEAR_BELOW;
}
