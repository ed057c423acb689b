/** The daemon named in daemon.json of our state folder: whether it runs, whether it listens again, and its token. */
import { ifThere } from "../../errors.ts";
import { openLibc } from "../../os/linux/libc.ts";
import { Procfs } from "../../os/linux/procfs.ts";
import { openProcesses } from "../../process/open.ts";
import { type DaemonFile, readDaemonFile, tokenFileOf } from "../../state/state_folder.ts";
import { retryUntil } from "../../wait.ts";
import { firstListening, type Listening } from "./places.ts";

const RETURN_LIMIT_MS = 2000, RETURN_PAUSE_MS = 50;

/**
 * The token for the daemon at this address. `undefined` unless that daemon is the one that wrote daemon.json, and still
 * runs: a killed daemon leaves the file behind, and any other daemon can be asked without a token. Before the token
 * is sent, whoever listens there must prove that they know the token (proven_socket.ts).
 */
export function ownToken(stateDir: string, url: string): string | undefined {
  const daemon = readDaemonFile(stateDir);
  if (daemon?.url !== url || !isRunning(daemon)) return undefined;
  return ifThere(() => Deno.readTextFileSync(tokenFileOf(stateDir)).trim());
}

/** Whether the process that wrote daemon.json still runs; yes where its start time is not known. */
export function isRunning({ pid, startTime }: Pick<DaemonFile, "pid" | "startTime">): boolean {
  if (startTime === "") return true;
  const procfs = Deno.build.os === "linux" ? new Procfs(openLibc()) : undefined;
  return openProcesses(procfs).find(pid)?.startTime === startTime;
}

/**
 * Waits until a running daemon listens again: after a flood of connections it does not for a moment.
 *
 * @returns `undefined` when it ends, or does not listen within two seconds.
 */
export async function awaitListening(daemon: DaemonFile): Promise<Listening | undefined> {
  const outcome = await retryUntil(async () => {
    if (!isRunning(daemon)) return { found: undefined };
    const found = await firstListening([daemon.url]);
    return found && { found };
  }, { pauseMs: RETURN_PAUSE_MS, limitMs: RETURN_LIMIT_MS });
  return outcome?.found;
}
