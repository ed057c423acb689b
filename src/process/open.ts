/** The processes of each OS: the dispatcher. */
import type { Procfs } from "../os/linux/procfs.ts";
import { DarwinProcesses } from "./darwin/processes.ts";
import { GenericProcesses } from "./generic.ts";
import { LinuxProcesses } from "./linux/processes.ts";
import type { Processes } from "./process.ts";
import { openWindowsLibraries, WindowsProcesses } from "./windows/processes.ts";

/** The processes of this machine. @param procfs is there on Linux. */
export function openProcesses(procfs: Procfs | undefined): Processes {
  if (procfs !== undefined) return new LinuxProcesses(procfs);
  if (Deno.build.os === "windows") return new WindowsProcesses(openWindowsLibraries());
  if (Deno.build.os === "darwin") return DarwinProcesses.open();
  return new GenericProcesses();
}
