/**
 * A program of Windows that enters a job and starts a program that leaves the job where that allows it. Prints whether
 * the other one is in the job.
 */
import { openKernel32Spawn } from "../../src/os/windows/kernel32.ts";
import { openNtdll } from "../../src/os/windows/ntdll.ts";
import { openProcess } from "../../src/os/windows/open_process.ts";
import { spawn } from "../../src/os/windows/spawn.ts";
import { system32 } from "../../src/os/windows/system32.ts";
import { thisProcess } from "../../src/os/windows/token.ts";

/** `JOBOBJECT_EXTENDED_LIMIT_INFORMATION`. */
const EXTENDED_LIMIT_INFORMATION = 9, LIMITS_SIZE = 144, LIMIT_FLAGS = 16;
const PROCESS_QUERY_INFORMATION = 0x400;
const BREAKAWAY_OK = 0x800, KILL_ON_JOB_CLOSE = 0x2000;

const { symbols: kernel32 } = Deno.dlopen(system32("kernel32.dll"), {
  CreateJobObjectW: { parameters: ["pointer", "pointer"], result: "pointer" },
  SetInformationJobObject: { parameters: ["pointer", "i32", "buffer", "u32"], result: "i32" },
  AssignProcessToJobObject: { parameters: ["pointer", "pointer"], result: "i32" },
  IsProcessInJob: { parameters: ["pointer", "pointer", "buffer"], result: "i32" },
});

function enterJob(flags: number): Deno.PointerValue {
  const limits = new DataView(new ArrayBuffer(LIMITS_SIZE)), job = kernel32.CreateJobObjectW(null, null);
  limits.setUint32(LIMIT_FLAGS, flags, true);
  const isEntered = kernel32.SetInformationJobObject(job, EXTENDED_LIMIT_INFORMATION, limits, LIMITS_SIZE) !== 0 &&
    kernel32.AssignProcessToJobObject(job, thisProcess()) !== 0;
  if (!isEntered) throw new Error("Cannot enter a job");
  return job;
}

const job = enterJob(KILL_ON_JOB_CLOSE | (Deno.args[0] === "leavable" ? BREAKAWAY_OK : 0));
const words = [Deno.execPath(), "eval", "setInterval(() => {}, 1e9)"] as const;
using child = await spawn({ words: [...words], leavesJob: true }, openKernel32Spawn());
const isIn = new Int32Array(1), { handle } = openProcess(child.pid, PROCESS_QUERY_INFORMATION, openNtdll());
if (kernel32.IsProcessInJob(handle, job, isIn) === 0) throw new Error("Cannot ask for the job of a process");
child.end();
console.log(isIn[0] !== 0);
