/** What the OS knows of a command's processes. This file is the types and the dispatcher; linux/ and darwin/ answer. */
import type { ListedProcesses } from "./process.ts";

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

/** Opens it. @returns `undefined` on Windows, which has neither sessions nor signals that could be passed on. */
export async function openKinship(options: KinshipOptions): Promise<Kinship | undefined> {
  switch (Deno.build.os) {
    case "linux": {
      const linux: typeof import("./linux/kinship.ts") = await load("linux");
      return linux.openLinuxKinship(options);
    }
    case "darwin": {
      const darwin: typeof import("./darwin/kinship.ts") = await load("darwin");
      return darwin.openDarwinKinship();
    }
    default:
      return undefined;
  }
}

/** See main.ts for why the import chooses. */
function load(os: "linux" | "darwin") {
  return import(os === "linux" ? "./linux/kinship.ts" : "./darwin/kinship.ts");
}
