/**
 * kernel32.dll of Windows. One table has what the daemon calls: processes, and folders with a security descriptor. The
 * other one, which only spawn.ts opens, has what starts a program.
 */
import { system32 } from "./system32.ts";

const SYMBOLS = {
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
  /** `BOOL QueryInformationJobObject(NULL, JOBOBJECTINFOCLASS, void *, DWORD size, NULL)`; NULL is our own job */
  QueryInformationJobObject: { parameters: ["pointer", "i32", "buffer", "u32", "pointer"], result: "i32" },
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

const SPAWN_SYMBOLS = {
  /**
   * `BOOL CreateProcessW(const WCHAR *program, WCHAR *commandLine, NULL, NULL, BOOL inherit, DWORD flags,
   * void *environment, const WCHAR *folder, STARTUPINFOEXW *, PROCESS_INFORMATION *)` off the event loop: programs that
   * look for malware may keep it for long
   */
  CreateProcessW: {
    parameters: ["buffer", "buffer", "pointer", "pointer", "i32", "u32", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  /** `BOOL InitializeProcThreadAttributeList(void *list, DWORD attributes, DWORD flags, SIZE_T *size)` */
  InitializeProcThreadAttributeList: { parameters: ["buffer", "u32", "u32", "buffer"], result: "i32" },
  /** `BOOL UpdateProcThreadAttribute(void *list, DWORD flags, DWORD_PTR attribute, void *, SIZE_T size, NULL, NULL)` */
  UpdateProcThreadAttribute: {
    parameters: ["buffer", "u32", "usize", "buffer", "usize", "pointer", "pointer"],
    result: "i32",
  },
  /** `void DeleteProcThreadAttributeList(void *list)` */
  DeleteProcThreadAttributeList: { parameters: ["buffer"], result: "void" },
  /** `HANDLE CreateFileW(const WCHAR *path, DWORD access, DWORD share, SECURITY_ATTRIBUTES *, DWORD, DWORD, NULL)` */
  CreateFileW: { parameters: ["buffer", "u32", "u32", "buffer", "u32", "u32", "pointer"], result: "pointer" },
  /** `BOOL CreatePipe(HANDLE *reader, HANDLE *writer, NULL, DWORD size)` */
  CreatePipe: { parameters: ["buffer", "buffer", "pointer", "u32"], result: "i32" },
  /** `BOOL PeekNamedPipe(HANDLE reader, NULL, 0, NULL, DWORD *available, NULL)` */
  PeekNamedPipe: { parameters: ["pointer", "pointer", "u32", "pointer", "buffer", "pointer"], result: "i32" },
  /** `BOOL ReadFile(HANDLE, void *, DWORD size, DWORD *read, NULL)` */
  ReadFile: { parameters: ["pointer", "buffer", "u32", "buffer", "pointer"], result: "i32" },
  /** `BOOL WriteFile(HANDLE, const void *, DWORD size, DWORD *written, NULL)` */
  WriteFile: { parameters: ["pointer", "buffer", "u32", "buffer", "pointer"], result: "i32" },
  /** `BOOL SetNamedPipeHandleState(HANDLE, DWORD *mode, NULL, NULL)`, also of a pipe without a name */
  SetNamedPipeHandleState: { parameters: ["pointer", "buffer", "pointer", "pointer"], result: "i32" },
  /** `BOOL SetHandleInformation(HANDLE, DWORD mask, DWORD flags)` */
  SetHandleInformation: { parameters: ["pointer", "u32", "u32"], result: "i32" },
  /** `BOOL GetExitCodeProcess(HANDLE, DWORD *code)` */
  GetExitCodeProcess: { parameters: ["pointer", "buffer"], result: "i32" },
  WaitForSingleObject: SYMBOLS.WaitForSingleObject,
  /** `BOOL TerminateProcess(HANDLE, UINT exitCode)` */
  TerminateProcess: { parameters: ["pointer", "u32"], result: "i32" },
  CloseHandle: SYMBOLS.CloseHandle,
} as const satisfies Deno.ForeignLibraryInterface;

/** The part of the library that starts programs. */
export type Kernel32Spawn = Deno.DynamicLibrary<typeof SPAWN_SYMBOLS>["symbols"];

/** Opens it. @throws as {@linkcode openKernel32} does. */
export function openKernel32Spawn(): Kernel32Spawn {
  return Deno.dlopen(system32("kernel32.dll"), SPAWN_SYMBOLS).symbols;
}

/** Access rights to a process, winnt.h. */
export const PROCESS_TERMINATE = 0x1,
  PROCESS_VM_READ = 0x10,
  PROCESS_QUERY_LIMITED_INFORMATION = 0x1000,
  SYNCHRONIZE = 0x100000;

/** What `WaitForSingleObject` answers when the process still runs. */
export const WAIT_TIMEOUT = 0x102;

/** A `JOBOBJECTINFOCLASS`, and the limit by which Windows ends all processes of a job with its last handle. */
export const JOB_OBJECT_EXTENDED_LIMIT_INFORMATION = 9, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE = 0x2000;

/** Flags of `CreateProcessW`, winbase.h. */
export const CREATE_NEW_PROCESS_GROUP = 0x200,
  CREATE_UNICODE_ENVIRONMENT = 0x400,
  EXTENDED_STARTUPINFO_PRESENT = 0x80000,
  CREATE_BREAKAWAY_FROM_JOB = 0x1000000,
  CREATE_NO_WINDOW = 0x8000000;
/** `STARTUPINFOW.dwFlags`: the three standard handles are given. */
export const STARTF_USESTDHANDLES = 0x100;
/** An attribute of `UpdateProcThreadAttribute`: the only handles that the new process inherits. */
export const PROC_THREAD_ATTRIBUTE_HANDLE_LIST = 0x20002;
/** A flag of a handle: new processes inherit it. */
export const HANDLE_FLAG_INHERIT = 1;
/** A mode of one end of a pipe: writing takes what there is room for, and does not wait. */
export const PIPE_NOWAIT = 1;
/** What `CreateFileW` is asked for, and its answer when it fails. */
export const GENERIC_READ = 0x80000000,
  GENERIC_WRITE = 0x40000000,
  FILE_SHARE_READ = 1,
  FILE_SHARE_WRITE = 2,
  OPEN_EXISTING = 3,
  INVALID_HANDLE_VALUE = 0xffffffffffffffffn;
