/** `process`: what portd reads of processes, for one of which the truth is known: this one. */
import { basename } from "node:path";
import type { Processes, ProcessIdentity } from "../process/process.ts";
import { runProgram } from "../os/program.ts";
import { CHILD_LIMIT_MS, childWords, type Starter } from "./child.ts";
import { type Item, type Outcome, verdict } from "./self_test.ts";

/** How far the start time may be from the one that Deno measures: a busy machine starts Deno late. */
const MOST_OFF_MS = 60_000;

/** The item. */
export function processItem(processes: Processes, starter: Starter): Item {
  return {
    id: "process",
    does: "start a process, and compare what it says of itself with what the system says",
    run: () => testProcess(processes, starter),
  };
}

async function testProcess(processes: Processes, starter: Starter): Promise<Outcome> {
  const own = processes.find(Deno.pid);
  const child = await readChild(starter);
  const offMs = own?.startedAt ? Date.parse(own.startedAt) - performance.timeOrigin : null;
  const value = {
    image: own?.command?.toLowerCase().includes(basename(Deno.execPath()).toLowerCase().replace(/\.exe$/, "")) ?? false,
    cwd: own?.cwd !== undefined && own.cwd !== null && isSameFolder(own.cwd, Deno.cwd()),
    user: own?.user !== undefined && own.user !== null,
    startedOffMs: offMs === null ? null : Math.round(offMs),
    bootId: processes.bootId,
    parent: own !== undefined && own.parentPid !== null,
  };
  const objections = [
    [own !== undefined, "our own process is not found"],
    [value.image, "our command line does not name our program"],
    [value.cwd, "our folder is not ours"],
    [offMs !== null && Math.abs(offMs) < MOST_OFF_MS, "our start time is wrong"],
    [processes.bootId !== "", "the system gives no boot id"],
    [child.bootId === processes.bootId, "another process has read another boot id"],
    [own !== undefined && processes.isAlive(own), "our own process does not count as running"],
    [!processes.isAlive(child), "a process that has ended counts as running"],
  ] as const;
  return verdict(objections.filter(([holds]) => !holds).map(([, objection]) => objection), value);
}

async function readChild(starter: Starter): Promise<ProcessIdentity> {
  const [program, ...args] = childWords(starter, "identity", "");
  const options = { timeoutMs: CHILD_LIMIT_MS, intent: "start a process for the self-test" };
  const { code, stdout } = await runProgram([program!], args, options);
  if (code !== 0) throw new Error(`Cannot start a process for the self-test: it ended with exit code ${code}`);
  return JSON.parse(stdout);
}

function isSameFolder(a: string, b: string): boolean {
  return Deno.build.os === "windows" ? a.toLowerCase() === b.toLowerCase() : a === Deno.realPathSync(b);
}
