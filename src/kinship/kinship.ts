/** What the OS knows of a command's processes. This file is just the types; open.ts chooses, linux.ts and darwin.ts answer. */
import type { ListedProcesses } from "../process/process.ts";

/** Answers about a command's processes. */
export interface Kinship {
  readonly processes: ListedProcesses;
  /** `undefined` where orphans do not become children of this process. */
  readonly orphans: Orphans | undefined;
  /** Begins to watch for refused binds; `undefined` where the OS does not report them. */
  readonly watchBinds: () => BindWatch | undefined;
  /** Whether this process was started to outlive its terminal, as by nohup(1). */
  readonly ignoresHangUp: boolean;
}

/** Finds out whether a program was refused a TCP port since the watch began. Dispose of it after some seconds. */
export interface BindWatch extends Disposable {
  /**
   * Whether any program of the machine was refused a TCP port, as far as the OS says, which does not say the port. `held`
   * is the first of these ports that a server without SO_REUSEADDR cannot bind now. Blocking, up to half a second.
   */
  findRefusal(ports: readonly number[]): { readonly held: number | undefined } | undefined;
}

/** The orphans among the descendants of this process, which it has adopted. */
export interface Orphans {
  /**
   * Waits for those that have ended, or they would stay zombies as long as this process runs. Stops at a child that Deno
   * itself waits for; the next call goes on.
   */
  reap(isAdopted: (pid: number) => boolean): void;
}
