/** Commands that run until Ctrl-C. */
import type { CliContext } from "./context.ts";

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
  const names: Deno.Signal[] = os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  const stopListening = onSignal(names, () => stopping.abort());
  try {
    await work(stopping.signal);
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
  } finally {
    stopListening();
  }
}
