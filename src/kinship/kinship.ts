/** What the OS knows of a command's processes. This file is the types; open.ts chooses, linux.ts and darwin.ts answer. */
import type { ListedProcesses } from "../process/process.ts";

/** Answers about a command's processes. */
export interface Kinship {
  readonly processes: ListedProcesses;
  /** There where orphans become children of this process. */
  readonly orphans: Orphans | undefined;
  /** Whether this process was started to outlive its terminal, as by nohup(1). */
  readonly ignoresHangUp: boolean;
}

/** The orphans among this process's descendants, which it has adopted. */
export interface Orphans {
  /**
   * Takes note of those that have ended, or they would stay in the kernel's table as long as this process runs. Stops at
   * a child of which Deno takes note; the next call goes on.
   */
  reap(isAdopted: (pid: number) => boolean): void;
}

/** Options of {@linkcode openKinship}. */
export interface KinshipOptions {
  /** Whether this process takes its orphaned descendants for children, where the OS lets it. */
  readonly adopts: boolean;
}
