/** A picture on the terminal that is drawn again and again, on the alternate screen, so that what stood there comes back. */
import { setTimeout } from "node:timers/promises";
import type { CliContext } from "./context.ts";
import { UsageError } from "./exit.ts";

const INTERVAL_MS = 1000;
const ENTER = "\x1b[?1049h\x1b[?25l",
  LEAVE = "\x1b[?25h\x1b[?1049l",
  HOME = "\x1b[H",
  CLEAR_LINE = "\x1b[K",
  CLEAR_BELOW = "\x1b[J";

/**
 * Draws once a second until Ctrl-C. Lines are cut to the terminal; `draw` makes them, without control characters.
 *
 * @throws {UsageError} where stdout is no terminal, and whatever `draw` throws.
 */
export async function redraw(context: CliContext, draw: () => Promise<string>): Promise<void> {
  const { stdout } = context.process;
  if (!stdout.isTerminal) {
    throw new UsageError("Cannot use --watch: stdout is no terminal; portd events follows changes");
  }
  const stopping = new AbortController();
  const names: Deno.Signal[] = context.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  const stopSignals = context.onSignal(names, () => stopping.abort());
  stdout.write(ENTER);
  try {
    while (!stopping.signal.aborted) {
      stdout.write(frame(await draw(), stdout.getSize()));
      await setTimeout(INTERVAL_MS, undefined, { signal: stopping.signal });
    }
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
  } finally {
    stdout.write(LEAVE);
    stopSignals();
  }
}

/** One picture: what does not fit is cut, and the lines that are left out are counted. */
export function frame(text: string, { columns, rows }: { readonly columns: number; readonly rows: number }): string {
  const lines = text.trimEnd().split("\n");
  const shown = lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more`];
  return HOME + shown.map((line) => line.slice(0, columns) + CLEAR_LINE).join("\r\n") + CLEAR_BELOW;
}
