/**
 * Processes on an OS that portd does not know: only whether a pid runs. No start time is known there, so a pid that is
 * reused at once is taken for the process before.
 */
import process from "node:process";
import { NO_EVIDENCE, type Process, type Processes, type ProcessIdentity } from "./process.ts";

const MINUTE_MS = 60_000;

/** The minute in which the machine booted, computed from its uptime: the id of the boot where the OS has none. */
export function bootMinute(): string {
  return `minute-${Math.round((Date.now() - Deno.osUptime() * 1000) / MINUTE_MS)}`;
}

/** Liveness by signal 0. */
export class GenericProcesses implements Processes {
  readonly bootId = bootMinute();

  find(pid: number): Process | undefined {
    if (!runs(pid)) return undefined;
    const place = { startedAt: null, parentPid: null, processGroup: null, session: null };
    return { ...NO_EVIDENCE, ...place, pid, startTime: "", bootId: this.bootId };
  }

  isAlive(identity: ProcessIdentity): boolean {
    return runs(identity.pid);
  }
}

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // This user may not signal another user's process; but it runs.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
