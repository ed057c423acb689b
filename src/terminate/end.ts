/** Ending a pinned process: it is asked, and killed where it does not end by itself. */
import { retryUntil } from "../wait.ts";
import type { EndSignal, ProcessHandle } from "./handle.ts";

/** How long the kernel may take to end a process after KILL. */
export const KILL_LIMIT_MS = 2000;
const PAUSE_MS = 20;

/**
 * Ends a process.
 *
 * @param timeoutMs is how long it may take to end by itself.
 * @returns by what it ended; `undefined` where it still runs {@linkcode KILL_LIMIT_MS} after KILL.
 * @throws {Deno.errors.PermissionDenied} when this user may not end it.
 */
export async function endProcess(handle: ProcessHandle, timeoutMs: number): Promise<EndSignal | undefined> {
  const signal = handle.terminate();
  if (await endsWithin(handle, timeoutMs)) return signal;
  handle.kill();
  return await endsWithin(handle, KILL_LIMIT_MS) ? "KILL" : undefined;
}

async function endsWithin(handle: ProcessHandle, limitMs: number): Promise<boolean> {
  return await retryUntil(() => handle.hasEnded(), { limitMs, pauseMs: PAUSE_MS }) ?? false;
}
