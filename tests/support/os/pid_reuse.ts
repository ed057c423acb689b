/**
 * Gives the pid of an ended process to another one, and tries to end the first. A program of its own: as the first
 * process of a pid namespace it may choose the next pid (proc_sys_kernel(5), `ns_last_pid`).
 *
 * Prints a line of JSON, {@linkcode PidReuse}.
 */
import { openProcessHandle } from "../../../src/terminate/open.ts";
import { openLinuxProcesses } from "../linux_only.ts";

/** What happened. */
export interface PidReuse {
  readonly oldPid: number;
  readonly newPid: number;
  /** Whether a handle of the old process could be opened after its end. */
  readonly wasOpened: boolean;
  /** Whether a handle that was opened before its end says that it has ended. */
  readonly hasEnded: boolean;
  /** Whether the new process still ran after `terminate()` and `kill()` of that handle. */
  readonly newOneLives: boolean;
}

const TRIES = 200;

if (import.meta.main) console.log(JSON.stringify(await reusePid()));

async function reusePid(): Promise<PidReuse> {
  const processes = openLinuxProcesses();
  const first = startCat();
  const identity = processes.find(first.pid)!;
  const handle = openProcessHandle(identity)!;
  await end(first);
  const second = await startCatWith(first.pid, (pid) => processes.find(pid)!.startTime !== identity.startTime);
  const wasOpened = openProcessHandle(identity) !== undefined;
  handle.terminate();
  handle.kill();
  const hasEnded = handle.hasEnded();
  handle.close();
  const newOneLives = await end(second);
  return { oldPid: first.pid, newPid: second.pid, wasOpened, hasEnded, newOneLives };
}

/** A process that ends when its input does. */
function startCat(): Deno.ChildProcess {
  return new Deno.Command("cat", { stdin: "piped", stdout: "null" }).spawn();
}

/** Ends its input. @returns whether it then ended by itself. */
async function end(child: Deno.ChildProcess): Promise<boolean> {
  await child.stdin.close();
  return (await child.status).success;
}

/** Threads take pids too, and the start times may be in one clock tick: so it takes a few tries. */
async function startCatWith(pid: number, isWanted: (pid: number) => boolean): Promise<Deno.ChildProcess> {
  for (let tries = 0; tries < TRIES; tries++) {
    Deno.writeTextFileSync("/proc/sys/kernel/ns_last_pid", String(pid - 1));
    const child = startCat();
    if (child.pid === pid && isWanted(pid)) return child;
    await end(child);
  }
  throw new Error(`Cannot start a process with pid ${pid}`);
}
