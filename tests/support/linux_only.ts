/** What there is on Linux alone. */
import { openLinuxParts } from "../../src/os/linux/linux.ts";
import { LinuxProcesses } from "../../src/process/linux/processes.ts";

/** Declares a test of it. */
export function linuxTest(name: string, run: () => void | Promise<void>): void {
  Deno.test(name, { ignore: Deno.build.os !== "linux" }, run);
}

/** The processes of this machine. */
export function openLinuxProcesses(): LinuxProcesses {
  return new LinuxProcesses(openLinuxParts().procfs);
}
