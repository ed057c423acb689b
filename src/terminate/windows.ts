/**
 * A process of Windows, pinned by an open handle: as long as it is open, the kernel gives the pid to no other process.
 * Manuals: OpenProcess, TerminateProcess, WaitForSingleObject.
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
import { ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER } from "../os/windows/win32_error.ts";
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
  readonly kernel32: Pick<
    Kernel32,
    "OpenProcess" | "TerminateProcess" | "WaitForSingleObject" | "CloseHandle" | "GetLastError"
  >;
  readonly processes: Processes;
  readonly scanner: Pick<Scanner, "socketsOn">;
}

/** @returns `undefined` when the process is gone. @throws {Deno.errors.PermissionDenied} when it may not be ended. */
export function openWindowsProcessHandle(
  identity: ProcessIdentity,
  parts: WindowsHandleParts = systemParts(),
): ProcessHandle | undefined {
  const { kernel32, processes } = parts;
  const { pid } = identity;
  const handle = kernel32.OpenProcess(RIGHTS, 0, pid);
  const error = handle === null ? kernel32.GetLastError() : 0;
  if (error === ERROR_INVALID_PARAMETER) return undefined; // there is no such pid
  // Looked at while the handle is open, or else between the look and the opening the pid could become another's.
  const isTheOne = processes.isAlive(identity);
  if (handle !== null && isTheOne) return new WindowsProcessHandle(pid, handle, parts);
  if (handle !== null) kernel32.CloseHandle(handle);
  if (!isTheOne) return undefined;
  if (error === ERROR_ACCESS_DENIED) throw endingDenied(identity, processes.find(pid)?.user);
  throw new Error(`Cannot open pid ${pid}: error ${error}`);
}

function systemParts(): WindowsHandleParts {
  const libraries = openWindowsLibraries();
  return {
    kernel32: libraries.kernel32,
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
    const { kernel32 } = this.#parts;
    if (this.hasEnded() || kernel32.TerminateProcess(this.#handle, EXIT_CODE) !== 0) return;
    const error = kernel32.GetLastError();
    // The handle has the right to end it; denied is then what one hears of a process that is just ending.
    if (error !== ERROR_ACCESS_DENIED) throw new Error(`Cannot end pid ${this.pid}: error ${error}`);
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
