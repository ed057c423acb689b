/** What a process has used, from `/proc`. Manual: proc_pid_stat(5). */

/** Time on a processor since the start, in milliseconds. */
export interface CpuTime {
  readonly userMs: number;
  readonly systemMs: number;
}

/** Time of a process, and that of its main thread, which in Deno runs the JavaScript. */
export interface ProcessTime {
  readonly whole: CpuTime;
  readonly main: CpuTime;
}

/** The kernel counts in hundredths of a second for all programs (USER_HZ). */
const TICK_MS = 10;
/** Places of utime and stime behind the command, whose parentheses may hold blanks. */
const UTIME = 11, STIME = 12;

/** Reads a line of `/proc/<pid>/stat` or `/proc/<pid>/task/<tid>/stat`. @throws {SyntaxError} when it is none. */
export function parseCpuTime(stat: string): CpuTime {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [userMs, systemMs] = [fields[UTIME], fields[STIME]].map((ticks) => Number(ticks) * TICK_MS);
  if (Number.isFinite(userMs) && Number.isFinite(systemMs)) return { userMs: userMs!, systemMs: systemMs! };
  throw new SyntaxError(`Cannot read CPU time: no stat line: ${JSON.stringify(stat.slice(0, 80))}`);
}

/** What a process has used so far. @throws {Deno.errors.NotFound} when it is gone. */
export function processTime(pid: number): ProcessTime {
  return {
    whole: parseCpuTime(Deno.readTextFileSync(`/proc/${pid}/stat`)),
    main: parseCpuTime(Deno.readTextFileSync(`/proc/${pid}/task/${pid}/stat`)),
  };
}

/** What was used between two moments. */
export function timeBetween(before: ProcessTime, after: ProcessTime): ProcessTime {
  return { whole: minus(after.whole, before.whole), main: minus(after.main, before.main) };
}

/** User and system time together, in milliseconds. */
export function totalMs({ userMs, systemMs }: CpuTime): number {
  return userMs + systemMs;
}

/** Resident memory of a process in bytes. @throws {Deno.errors.NotFound} when it is gone. */
export function residentBytes(pid: number): number {
  return memoryOf(pid, "VmRSS");
}

/** The most resident memory that a process has had. @throws {Deno.errors.NotFound} when it is gone. */
export function peakResidentBytes(pid: number): number {
  return memoryOf(pid, "VmHWM");
}

function memoryOf(pid: number, field: string): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const [, kibibytes] = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status) ?? [];
  if (kibibytes === undefined) throw new SyntaxError(`Cannot read the memory of process ${pid}: there is no ${field}`);
  return Number(kibibytes) * 1024;
}

function minus(a: CpuTime, b: CpuTime): CpuTime {
  return { userMs: a.userMs - b.userMs, systemMs: a.systemMs - b.systemMs };
}
