/** kernel32.dll of Windows: processes, and folders with a security descriptor. */
import { system32 } from "./system32.ts";

const SYMBOLS = {
  /** `HANDLE OpenProcess(DWORD access, BOOL inherit, DWORD pid)`; null when refused */
  OpenProcess: { parameters: ["u32", "i32", "u32"], result: "pointer" },
  /** `BOOL CloseHandle(HANDLE)` */
  CloseHandle: { parameters: ["pointer"], result: "i32" },
  /** `DWORD GetProcessId(HANDLE process)` */
  GetProcessId: { parameters: ["pointer"], result: "u32" },
  /** `BOOL GetProcessTimes(HANDLE, FILETIME *creation, FILETIME *exit, FILETIME *kernel, FILETIME *user)` */
  GetProcessTimes: { parameters: ["pointer", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
  /** `BOOL QueryFullProcessImageNameW(HANDLE, DWORD flags, WCHAR *path, DWORD *characters)` */
  QueryFullProcessImageNameW: { parameters: ["pointer", "u32", "buffer", "buffer"], result: "i32" },
  /** `BOOL ReadProcessMemory(HANDLE, const void *address, void *, SIZE_T size, SIZE_T *read)` */
  ReadProcessMemory: { parameters: ["pointer", "u64", "buffer", "usize", "buffer"], result: "i32" },
  /** `DWORD WaitForSingleObject(HANDLE, DWORD milliseconds)` */
  WaitForSingleObject: { parameters: ["pointer", "u32"], result: "u32" },
  /** `BOOL TerminateProcess(HANDLE, UINT exitCode)` */
  TerminateProcess: { parameters: ["pointer", "u32"], result: "i32" },
  /** `BOOL CreateDirectoryW(const WCHAR *path, SECURITY_ATTRIBUTES *)` */
  CreateDirectoryW: { parameters: ["buffer", "buffer"], result: "i32" },
  /** `HLOCAL LocalFree(HLOCAL)` */
  LocalFree: { parameters: ["pointer"], result: "pointer" },
  /** `DWORD GetLastError(void)` */
  GetLastError: { parameters: [], result: "u32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The opened library. */
export type Kernel32 = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Opens the library. @throws where there is none, or no permission for FFI. */
export function openKernel32(): Kernel32 {
  return Deno.dlopen(system32("kernel32.dll"), SYMBOLS).symbols;
}

/** Access rights to a process, winnt.h. */
export const PROCESS_TERMINATE = 0x1,
  PROCESS_VM_READ = 0x10,
  PROCESS_QUERY_LIMITED_INFORMATION = 0x1000,
  SYNCHRONIZE = 0x100000;

/** What `WaitForSingleObject` answers when the process still runs. */
export const WAIT_TIMEOUT = 0x102;
