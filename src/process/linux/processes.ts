/** Processes on Linux, from `/proc/<pid>`. Manual: proc_pid_stat(5), proc_pid_cmdline(5). */
import type { Procfs } from "../../os/linux/procfs.ts";
import { boundedCommand } from "../command_line.ts";
import type { ListedProcesses, Process, ProcessIdentity, ProcessPlace } from "../process.ts";

/** USER_HZ, the same wherever Deno runs. */
const TICKS_A_SECOND = 100;

/** The fields of `/proc/<pid>/stat`. */
export interface ProcessStat {
  readonly command: string;
  /** One letter; `Z` and `X` are dead. */
  readonly state: string;
  readonly parentPid: number;
  readonly processGroup: number;
  readonly session: number;
  /** Clock ticks after boot (field 22). */
  readonly startTime: string;
}

/** Reads a line of `/proc/<pid>/stat`; the command itself may contain blanks and parentheses. */
export function parseStat(text: string): ProcessStat | undefined {
  const open = text.indexOf("("), close = text.lastIndexOf(")");
  const fields = text.slice(close + 2).trim().split(" "); // from field 3 on
  if (open < 0 || close < open || fields.length < 20) return undefined;
  return {
    command: text.slice(open + 1, close),
    state: fields[0]!,
    parentPid: Number(fields[1]),
    processGroup: Number(fields[2]),
    session: Number(fields[3]),
    startTime: fields[19]!,
  };
}

/** The command line of `/proc/<pid>/cmdline` as one line of text; empty for a kernel thread. */
export function parseCommandLine(text: string): string {
  return boundedCommand(text.replaceAll("\0", " "));
}

/** The user's name in the text of `/etc/passwd`; the number itself for a user without one. */
export function userName(passwd: string, uid: string): string {
  for (const line of passwd.split("\n")) {
    const [name, , number] = line.split(":");
    if (number === uid) return name!;
  }
  return uid;
}

/** The processes that `/proc` shows. */
export class LinuxProcesses implements ListedProcesses {
  readonly #procfs: Procfs;
  #bootId: string | undefined;

  constructor(procfs: Procfs) {
    this.#procfs = procfs;
  }

  get bootId(): string {
    return this.#bootId ??= this.#procfs.read("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
  }

  find(pid: number): Process | undefined {
    const stat = this.#stat(pid);
    if (stat === undefined) return undefined;
    return {
      ...placeOf(pid, stat),
      bootId: this.bootId,
      command: parseCommandLine(this.#procfs.read(`/proc/${pid}/cmdline`) ?? "") || `[${stat.command}]`,
      cwd: this.#procfs.link(`/proc/${pid}/cwd`) ?? null,
      user: this.#user(pid),
      startedAt: this.#startedAt(stat),
    };
  }

  isAlive(identity: ProcessIdentity): boolean {
    return identity.bootId === this.bootId && this.#stat(identity.pid)?.startTime === identity.startTime;
  }

  userName(uid: number): string {
    return userName(this.#procfs.read("/etc/passwd") ?? "", String(uid));
  }

  list(): readonly ProcessPlace[] {
    const pids = (this.#procfs.list("/proc") ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
    return pids.flatMap((pid) => {
      const stat = this.#stat(pid);
      return stat === undefined ? [] : [placeOf(pid, stat)];
    });
  }

  /** The place of one process, also of a zombie. */
  placeOf(pid: number): ProcessPlace | undefined {
    const stat = this.#readStat(pid);
    return stat && placeOf(pid, stat);
  }

  #readStat(pid: number): ProcessStat | undefined {
    return parseStat(this.#procfs.read(`/proc/${pid}/stat`) ?? "");
  }

  #stat(pid: number): ProcessStat | undefined {
    const stat = this.#readStat(pid);
    return stat?.state === "Z" || stat?.state === "X" ? undefined : stat;
  }

  #startedAt({ startTime }: ProcessStat): string | null {
    const uptime = parseFloat(this.#procfs.read("/proc/uptime") ?? "");
    if (Number.isNaN(uptime)) return null;
    const ageMs = 1000 * (uptime - Number(startTime) / TICKS_A_SECOND);
    return new Date(1000 * Math.floor((Date.now() - ageMs) / 1000)).toISOString();
  }

  #user(pid: number): string | null {
    const [, uid] = /^Uid:\s+(\d+)/m.exec(this.#procfs.read(`/proc/${pid}/status`) ?? "") ?? [];
    return uid === undefined ? null : this.userName(Number(uid));
  }
}

function placeOf(pid: number, { startTime, parentPid, processGroup, session }: ProcessStat): ProcessPlace {
  return { pid, startTime, parentPid, processGroup, session };
}
