/** ntdll.dll of Windows: facts about processes and the kernel for which no other library has a call. */
import { system32 } from "./system32.ts";

const SYMBOLS = {
  /** `NTSTATUS NtOpenProcess(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, CLIENT_ID *)` */
  NtOpenProcess: { parameters: ["buffer", "u32", "buffer", "buffer"], result: "u32" },
  /** `NTSTATUS NtTerminateProcess(HANDLE, NTSTATUS exitCode)` */
  NtTerminateProcess: { parameters: ["pointer", "u32"], result: "u32" },
  /** `NTSTATUS NtQueryInformationProcess(HANDLE, PROCESSINFOCLASS, void *, ULONG size, ULONG *length)` */
  NtQueryInformationProcess: { parameters: ["pointer", "u32", "buffer", "u32", "buffer"], result: "u32" },
  /** `NTSTATUS NtQuerySystemInformation(SYSTEM_INFORMATION_CLASS, void *, ULONG size, ULONG *length)` */
  NtQuerySystemInformation: { parameters: ["u32", "buffer", "u32", "buffer"], result: "u32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The opened library. */
export type Ntdll = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Opens the library. @throws where there is none, or no permission for FFI. */
export function openNtdll(): Ntdll {
  return Deno.dlopen(system32("ntdll.dll"), SYMBOLS).symbols;
}

/** Answers, ntstatus.h. */
export const STATUS_SUCCESS = 0,
  STATUS_INFO_LENGTH_MISMATCH = 0xc0000004,
  STATUS_INVALID_CID = 0xc000000b,
  STATUS_INVALID_PARAMETER = 0xc000000d,
  STATUS_ACCESS_DENIED = 0xc0000022,
  STATUS_PROCESS_IS_TERMINATING = 0xc000010a;

/** `PROCESSINFOCLASS`. */
export const PROCESS_BASIC_INFORMATION = 0, PROCESS_SESSION_INFORMATION = 24, PROCESS_COMMAND_LINE_INFORMATION = 60;

/** `SYSTEM_INFORMATION_CLASS`. */
export const SYSTEM_TIME_OF_DAY_INFORMATION = 3, SYSTEM_PROCESS_INFORMATION = 5;
