/**
 * Makes a pid another process's, and tries to end the process that had it before. A program of its own: it must be the
 * first one of a pid namespace, in which it may say which pid comes next (proc_sys_kernel(5), `ns_last_pid`).
 *
 * Prints a line of JSON, {@linkcode PidReuse}.
 */
import { openLibc } from "../../../src/os/linux/libc.ts";
import { Procfs } from "../../../src/os/linux/procfs.ts";
import { LinuxProcesses } from "../../../src/process/linux/processes.ts";
import { openProcessHandle } from "../../../src/terminate/open.ts";

/** What became of it. */
export interface PidReuse {
  readonly oldPid: number;
  readonly newPid: number;
  /** Whether a handle of the old process could be opened when it was gone. */
  readonly wasOpened: boolean;
  /** Whether a handle that was opened before says that its process has ended. */
  readonly hasEnded: boolean;
  /** Whether the new process has outlived `terminate()` and `kill()` of that handle. */
  readonly newOneLives: boolean;
}

const TRIES = 200;

if (import.meta.main) console.log(JSON.stringify(await reusePid()));

async function reusePid(): Promise<PidReuse> {
  const processes = new LinuxProcesses(new Procfs(openLibc()));
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

/** Whether it has ended by itself. */
async function end(child: Deno.ChildProcess): Promise<boolean> {
  await child.stdin.close();
  return (await child.status).success;
}

/** Threads take numbers too, and a clock tick may not have passed: so it takes a few tries. */
async function startCatWith(pid: number, isWanted: (pid: number) => boolean): Promise<Deno.ChildProcess> {
  for (let tries = 0; tries < TRIES; tries++) {
    Deno.writeTextFileSync("/proc/sys/kernel/ns_last_pid", String(pid - 1));
    const child = startCat();
    if (child.pid === pid && isWanted(pid)) return child;
    await end(child);
  }
  throw new Error(`Cannot start a process with pid ${pid}`);
}
