/**
 * Processes where portd has no closer look: only whether a pid runs. A start time is not known there, so a pid that
 * is reused at once passes for the process before it.
 */
import process from "node:process";
import type { Process, Processes, ProcessIdentity } from "./process.ts";

const MINUTE_MS = 60_000;

/** Liveness by signal 0. */
export class GenericProcesses implements Processes {
  /** The minute in which the machine booted, reckoned from its uptime. */
  readonly bootId = `minute-${Math.round((Date.now() - Deno.osUptime() * 1000) / MINUTE_MS)}`;

  find(pid: number): Process | undefined {
    if (!runs(pid)) return undefined;
    return {
      pid,
      startTime: "",
      bootId: this.bootId,
      command: null,
      cwd: null,
      user: null,
      startedAt: null,
      parentPid: null,
      processGroup: null,
      session: null,
    };
  }

  isAlive(identity: ProcessIdentity): boolean {
    return runs(identity.pid);
  }
}

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Another user's process may not be signalled, but it runs.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
