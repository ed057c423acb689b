/** Commands that run until Ctrl-C, or until their terminal is closed. */
import type { CliContext } from "./context.ts";

/**
 * The signals that ask a program to end. On Windows Deno makes them of the console's events: Ctrl-C, Ctrl-Break and, as
 * SIGHUP, the window that is closed, or the user who logs off. Windows ends the program five seconds after that.
 */
export function endSignals(os: CliContext["os"]): readonly Deno.Signal[] {
  return ["SIGINT", "SIGTERM", "SIGHUP", ...os === "windows" ? ["SIGBREAK"] as const : []];
}

/**
 * Runs work until it is done or a signal of the OS asks the command to end.
 *
 * @param work gets a signal that is aborted then; what it throws after that is not an error.
 */
export async function untilSignal(
  { os, onSignal }: Pick<CliContext, "os" | "onSignal">,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stopping = new AbortController();
  const stopListening = onSignal(endSignals(os), () => stopping.abort());
  try {
    await work(stopping.signal);
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
  } finally {
    stopListening();
  }
}
