/**
 * Processes on Windows. A process that this user may open is opened and asked; for others the system's table has name,
 * parent and start time. The bulk is in opened_process.ts and src/os/windows/.
 */
import { addressOf } from "../../os/pointer.ts";
import { Accounts } from "../../os/windows/accounts.ts";
import { type Advapi32, openAdvapi32 } from "../../os/windows/advapi32.ts";
import { type Kernel32, openKernel32 } from "../../os/windows/kernel32.ts";
import {
  type Ntdll,
  openNtdll,
  STATUS_INFO_LENGTH_MISMATCH,
  STATUS_SUCCESS,
  SYSTEM_PROCESS_INFORMATION,
  SYSTEM_TIME_OF_DAY_INFORMATION,
} from "../../os/windows/ntdll.ts";
import {
  isoOfFileTime,
  parseBoot,
  parseProcessTable,
  type ProcessRow,
  TIME_OF_DAY_SIZE,
} from "../../os/windows/process_structures.ts";
import { boundedCommand } from "../command_line.ts";
import { bootMinute } from "../generic.ts";
import type { Process, ProcessDescription, Processes, ProcessFinder, ProcessIdentity } from "../process.ts";
import { OpenedProcess } from "./opened_process.ts";

const LARGEST_PID = 0xffffffff;
/** How long the table answers for processes that cannot be opened: one reading serves a listing of many. */
const TABLE_AGE_MS = 250;
const FIRST_TABLE_SIZE = 1 << 18;
const TRIES = 10;

/** The libraries that {@linkcode WindowsProcesses} ask. */
export interface WindowsLibraries {
  readonly kernel32: Kernel32;
  readonly ntdll: Ntdll;
  readonly advapi32: Advapi32;
}

/** Opens them. @throws without permission for FFI. */
export function openWindowsLibraries(): WindowsLibraries {
  return { kernel32: openKernel32(), ntdll: openNtdll(), advapi32: openAdvapi32() };
}

/** A process of the table, or one that was opened; parent 0 and null are none. */
type FoundProcess = Pick<ProcessRow, "pid" | "createdAt"> & { readonly parentPid: number | null };

/**
 * The processes of the machine.
 *
 * The start time is the FILETIME of the creation, which the kernel records once and never changes. `processGroup` and
 * `session` are always null: Windows has no process groups, and everything that a user starts between logging on and
 * off is one session, which proves nothing. `cwd` is null for strangers, for processes of the system's session, and for
 * those whose memory this user may not read. `command` is the command line or, for processes of other users, the name of the program.
 */
export class WindowsProcesses implements Processes {
  /**
   * The FILETIME of the boot, as it was before anybody set the clock; where the kernel does not say, the minute computed
   * from the uptime. A "shutdown" that Windows turns into hibernation (fast startup) is not followed by a new boot.
   */
  readonly bootId: string;
  readonly strangers: ProcessFinder = { find: (pid) => this.#find(pid, { readsMemory: false }) };
  readonly #libraries: WindowsLibraries;
  readonly #accounts: Accounts;
  #tableSize = FIRST_TABLE_SIZE;
  #table: { readonly readAt: number; readonly rows: ReadonlyMap<number, ProcessRow> } | undefined;

  constructor(libraries: WindowsLibraries) {
    this.#libraries = libraries;
    this.#accounts = new Accounts(libraries);
    this.bootId = readBootId(libraries.ntdll);
  }

  find(pid: number): Process | undefined {
    return this.#find(pid, { readsMemory: true });
  }

  isAlive({ pid, startTime, bootId }: ProcessIdentity): boolean {
    return bootId === this.bootId && String(this.#createdAt(pid)) === startTime;
  }

  #find(pid: number, { readsMemory }: { readonly readsMemory: boolean }): Process | undefined {
    if (!isPid(pid)) return undefined;
    const { opened: found, isThere } = OpenedProcess.open(pid, this.#libraries);
    using opened = found;
    if (opened === undefined) return isThere ? this.#findInTable(pid) : undefined;
    if (opened.pid !== pid || !opened.isRunning) return undefined;
    const { createdAt, parentPid } = opened;
    const memory = readsMemory ? opened.readMemory() : undefined, cwd = memory?.cwd ?? null;
    const command = opened.commandLine || memory?.commandLine || opened.image;
    const user = this.#accounts.userOf(opened.handle);
    return this.#present({ pid, createdAt, parentPid }, { command, cwd, user });
  }

  #present({ pid, createdAt, parentPid }: FoundProcess, { command, cwd, user }: ProcessDescription): Process {
    return {
      pid,
      startTime: String(createdAt),
      bootId: this.bootId,
      startedAt: isoOfFileTime(createdAt),
      command: command === null ? null : boundedCommand(command),
      cwd,
      user,
      parentPid: this.#livingParent(parentPid, createdAt),
      processGroup: null,
      session: null,
    };
  }

  /** When the process that runs under this pid now was created. */
  #createdAt(pid: number): bigint | undefined {
    if (!isPid(pid)) return undefined;
    const { opened: found, isThere } = OpenedProcess.open(pid, this.#libraries);
    using opened = found;
    if (opened === undefined) return isThere ? this.#row(pid, { mayBeOld: false })?.createdAt : undefined;
    return opened.pid === pid && opened.isRunning ? opened.createdAt : undefined;
  }

  /** A parent that is younger than its child is another process, which got the pid of the ended parent. */
  #livingParent(pid: number | null, childCreatedAt: bigint): number | null {
    const createdAt = this.#createdAt(pid ?? 0);
    return createdAt === undefined || createdAt > childCreatedAt ? null : pid;
  }

  #findInTable(pid: number): Process | undefined {
    const row = this.#row(pid, { mayBeOld: true });
    return row && this.#present(row, { command: row.image, cwd: null, user: null });
  }

  /** The row of a process that could not be opened. */
  #row(pid: number, { mayBeOld }: { readonly mayBeOld: boolean }): ProcessRow | undefined {
    const now = performance.now();
    if (this.#table === undefined || now - this.#table.readAt > (mayBeOld ? TABLE_AGE_MS : 0)) {
      this.#table = { readAt: now, rows: this.#readTable() };
    }
    return this.#table.rows.get(pid);
  }

  #readTable(): ReadonlyMap<number, ProcessRow> {
    const length = new Uint32Array(1);
    let status = STATUS_SUCCESS;
    for (let i = 0; i < TRIES; i++) {
      const bytes = new Uint8Array(this.#tableSize);
      const base = addressOf(bytes);
      const { ntdll } = this.#libraries;
      status = ntdll.NtQuerySystemInformation(SYSTEM_PROCESS_INFORMATION, bytes, bytes.length, length);
      if (status === STATUS_SUCCESS) {
        const rows = parseProcessTable(bytes.subarray(0, length[0]!), base);
        return new Map(rows.map((row) => [row.pid, row]));
      }
      if (status !== STATUS_INFO_LENGTH_MISMATCH) break;
      this.#tableSize = Math.ceil(1.25 * Math.max(length[0]!, bytes.length));
    }
    throw new Error(`Cannot list processes: status 0x${status.toString(16)}`);
  }
}

function readBootId(ntdll: Ntdll): string {
  const bytes = new Uint8Array(TIME_OF_DAY_SIZE), length = new Uint32Array(1);
  const status = ntdll.NtQuerySystemInformation(SYSTEM_TIME_OF_DAY_INFORMATION, bytes, bytes.length, length);
  if (status === STATUS_SUCCESS && length[0] === TIME_OF_DAY_SIZE) return parseBoot(bytes);
  return bootMinute();
}

function isPid(pid: number): boolean {
  return Number.isInteger(pid) && pid > 0 && pid <= LARGEST_PID;
}
