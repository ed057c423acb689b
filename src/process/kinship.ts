/** What the OS knows of a command's processes. This file is the dispatcher; family.ts and linux/orphans.ts use it. */
import { openLibc } from "../ffi/libc.ts";
import { DarwinProcesses } from "./darwin/processes.ts";
import { Orphans } from "./linux/orphans.ts";
import { LinuxProcesses } from "./linux/processes.ts";
import { Procfs } from "./linux/procfs.ts";
import type { ListedProcesses } from "./process.ts";

/** Answers about a command's processes. */
export interface Kinship {
  readonly processes: ListedProcesses;
  /** There where orphans become children of this process. */
  readonly orphans: Orphans | undefined;
  /** Whether this process was started to outlive its terminal, as by nohup(1). */
  readonly ignoresHangUp: boolean;
}

/**
 * Opens it.
 *
 * @param options.adopts says whether this process takes its orphaned descendants for children, where the OS lets it.
 * @returns `undefined` on Windows, which has neither sessions nor signals that could be passed on.
 */
export function openKinship({ adopts }: { readonly adopts: boolean }): Kinship | undefined {
  if (Deno.build.os === "darwin") {
    return { processes: DarwinProcesses.open(), orphans: undefined, ignoresHangUp: false };
  }
  if (Deno.build.os !== "linux") return undefined;
  const libc = openLibc();
  const procfs = new Procfs(libc);
  const orphans = adopts ? Orphans.adopt(libc) : undefined;
  return { processes: new LinuxProcesses(procfs), orphans, ignoresHangUp: ignoresHangUp(procfs) };
}

/** SIGHUP is signal 1, the lowest bit of the hexadecimal mask. */
function ignoresHangUp(procfs: Procfs): boolean {
  const [, mask = "0"] = /^SigIgn:\s+([0-9a-f]+)$/m.exec(procfs.read("/proc/self/status") ?? "") ?? [];
  return (parseInt(mask.slice(-1), 16) & 1) === 1;
}
