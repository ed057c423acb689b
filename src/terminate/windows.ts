/**
 * A process of Windows, pinned by an open handle: as long as it is open, the kernel gives the pid to no other process.
 * Manuals: ZwOpenProcess, ZwTerminateProcess, WaitForSingleObject.
 */
import type { Scanner } from "../listener/listener.ts";
import { WindowsScanner } from "../listener/windows/scan.ts";
import {
  type Kernel32,
  PROCESS_QUERY_LIMITED_INFORMATION,
  PROCESS_TERMINATE,
  SYNCHRONIZE,
  WAIT_TIMEOUT,
} from "../os/windows/kernel32.ts";
import {
  type Ntdll,
  STATUS_ACCESS_DENIED,
  STATUS_PROCESS_IS_TERMINATING,
  STATUS_SUCCESS,
} from "../os/windows/ntdll.ts";
import { isMissing, openProcess } from "../os/windows/open_process.ts";
import type { Endpoint } from "../port/port.ts";
import type { ProcessDescription, Processes, ProcessIdentity } from "../process/process.ts";
import { openWindowsLibraries, WindowsProcesses } from "../process/windows/processes.ts";
import { endingDenied, isListeningOn } from "./generic.ts";
import type { EndSignal, ProcessHandle } from "./handle.ts";

const RIGHTS = PROCESS_TERMINATE | PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE;
/** The exit code of a process that was ended, as by `taskkill /F`. */
const EXIT_CODE = 1;

/** What {@linkcode openWindowsProcessHandle} asks. */
export interface WindowsHandleParts {
  readonly kernel32: Pick<Kernel32, "WaitForSingleObject" | "CloseHandle">;
  readonly ntdll: Pick<Ntdll, "NtOpenProcess" | "NtTerminateProcess">;
  readonly processes: Processes;
  readonly scanner: Pick<Scanner, "socketsOn">;
}

/** @returns `undefined` when the process is gone. @throws {Deno.errors.PermissionDenied} when it may not be ended. */
export function openWindowsProcessHandle(
  identity: ProcessIdentity,
  parts: WindowsHandleParts = systemParts(),
): ProcessHandle | undefined {
  const { kernel32, ntdll, processes } = parts;
  const { pid } = identity;
  const opening = openProcess(pid, RIGHTS, ntdll), { handle, status } = opening;
  if (isMissing(opening)) return undefined;
  // Looked at while the handle is open, or else between the look and the opening the pid could become another's.
  const isTheOne = processes.isAlive(identity);
  if (handle !== null && isTheOne) return new WindowsProcessHandle(pid, handle, parts);
  if (handle !== null) kernel32.CloseHandle(handle);
  if (!isTheOne) return undefined;
  if (status === STATUS_ACCESS_DENIED) throw endingDenied(identity, processes.find(pid)?.user);
  throw new Error(`Cannot open pid ${pid}: status 0x${status.toString(16)}`);
}

function systemParts(): WindowsHandleParts {
  const libraries = openWindowsLibraries();
  return {
    kernel32: libraries.kernel32,
    ntdll: libraries.ntdll,
    processes: new WindowsProcesses(libraries),
    scanner: WindowsScanner.open(),
  };
}

class WindowsProcessHandle implements ProcessHandle {
  readonly pid: number;
  readonly #handle: Deno.PointerValue;
  readonly #parts: WindowsHandleParts;

  constructor(pid: number, handle: Deno.PointerValue, parts: WindowsHandleParts) {
    this.pid = pid;
    this.#handle = handle;
    this.#parts = parts;
  }

  describe(): ProcessDescription | undefined {
    return this.hasEnded() ? undefined : this.#parts.processes.find(this.pid);
  }

  /** Ends it at once: a process of Windows that has no window cannot be asked from outside its console. */
  terminate(): EndSignal {
    this.kill();
    return "KILL";
  }

  kill(): void {
    if (this.hasEnded()) return;
    const status = this.#parts.ntdll.NtTerminateProcess(this.#handle, EXIT_CODE);
    if (status === STATUS_SUCCESS || status === STATUS_PROCESS_IS_TERMINATING) return;
    throw new Error(`Cannot end pid ${this.pid}: status 0x${status.toString(16)}`);
  }

  hasEnded(): boolean {
    return this.#parts.kernel32.WaitForSingleObject(this.#handle, 0) !== WAIT_TIMEOUT;
  }

  listensOn(endpoint: Endpoint): Promise<boolean> {
    return isListeningOn(this.#parts.scanner, this.pid, endpoint);
  }

  close(): void {
    this.#parts.kernel32.CloseHandle(this.#handle);
  }
}
