/** The admin token of our own state folder, and to whom it may be shown. */
import { openLibc } from "../../os/linux/libc.ts";
import { Procfs } from "../../os/linux/procfs.ts";
import { openProcesses } from "../../process/open.ts";
import { type DaemonFile, readDaemonFile } from "../../state/state_folder.ts";

/**
 * The token for the daemon at this address. `undefined` unless that daemon is the one that wrote daemon.json of the
 * folder, and still runs: one that was killed leaves the file behind, and another daemon may be asked without a token.
 * Who listens there proves to know the token before it is sent (proven_socket.ts).
 */
export function ownToken(stateDir: string, url: string): string | undefined {
  const daemon = readDaemonFile(stateDir);
  if (daemon?.url !== url || !isRunning(daemon)) return undefined;
  try {
    return Deno.readTextFileSync(`${stateDir}/admin.token`).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether the process that wrote daemon.json still runs; where its start time is not known it is said to. */
export function isRunning({ pid, startTime }: DaemonFile): boolean {
  if (startTime === "") return true; // none is known there
  const procfs = Deno.build.os === "linux" ? new Procfs(openLibc()) : undefined;
  return openProcesses(procfs).find(pid)?.startTime === startTime;
}
