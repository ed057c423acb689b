/** What the child processes of a self-test do; child.ts starts them. */
import { ifThere } from "../errors.ts";
import { openLinuxParts } from "../os/linux/linux.ts";
import { runProgram } from "../os/program.ts";
import { openProcesses } from "../process/open.ts";
import type { ProcessIdentity } from "../process/process.ts";
import { retryUntil } from "../wait.ts";
import {
  CHILD_LIMIT_MS,
  childWords,
  leave,
  type Part,
  PAUSE_MS,
  PID_FILE,
  type Starter,
  workingFolder,
} from "./child.ts";

/** Plays a part. @param write is stdout. */
export async function playPart(
  { part, folder }: { readonly part: Part; readonly folder: string },
  { starter, write }: { readonly starter: Starter; readonly write: (text: string) => void },
): Promise<void> {
  switch (part) {
    case "start":
      return await starter.startDetached(childWords(starter, "sleep", folder), workingFolder());
    case "sleep":
    case "tool":
      leave(folder, PID_FILE, String(Deno.pid));
      return await sleepIn(folder);
    case "identity":
      return write(`${JSON.stringify(ownIdentity())}\n`);
    case "background":
      return await runToolIn(folder, starter);
    case "service": {
      const { playService }: typeof import("./windows/service_part.ts") = await import(
        "./windows/service_part.ts" as string
      );
      return await playService(folder);
    }
  }
}

/** Waits until the folder is gone. */
async function sleepIn(folder: string): Promise<void> {
  const isGone = () => ifThere(() => Deno.lstatSync(folder)) === undefined;
  await retryUntil(isGone, { pauseMs: PAUSE_MS, limitMs: CHILD_LIMIT_MS });
}

/** Runs a tool as the daemon runs those of the system, for instance netsh. */
async function runToolIn(folder: string, starter: Starter): Promise<void> {
  const [program, ...args] = childWords(starter, "tool", folder);
  await runProgram([program!], args, { timeoutMs: CHILD_LIMIT_MS, intent: "run a tool for the self-test" });
}

function ownIdentity(): ProcessIdentity {
  const processes = openProcesses(Deno.build.os === "linux" ? openLinuxParts().procfs : undefined);
  const { startTime = "" } = processes.find(Deno.pid) ?? {};
  return { pid: Deno.pid, startTime, bootId: processes.bootId };
}
