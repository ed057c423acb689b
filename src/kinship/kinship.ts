/** What the OS knows of a command's processes. This file is just the types; open.ts chooses, linux.ts and darwin.ts answer. */
import type { ListedProcesses } from "../process/process.ts";

/** Answers about a command's processes. */
export interface Kinship {
  readonly processes: ListedProcesses;
  /** `undefined` where orphans do not become children of this process. */
  readonly orphans: Orphans | undefined;
  /** Whether this process was started to outlive its terminal, as by nohup(1). */
  readonly ignoresHangUp: boolean;
}

/** The orphans among the descendants of this process, which it has adopted. */
export interface Orphans {
  /**
   * Waits for those that have ended, or they would stay zombies as long as this process runs. Stops at a child that Deno
   * itself waits for; the next call goes on.
   */
  reap(isAdopted: (pid: number) => boolean): void;
}
