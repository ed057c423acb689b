/** ntdll.dll of Windows: facts about processes and the kernel for which no other library has a call. */
import { system32 } from "./system32.ts";

const SYMBOLS = {
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
export const STATUS_SUCCESS = 0, STATUS_INFO_LENGTH_MISMATCH = 0xc0000004;

/** `PROCESSINFOCLASS`. */
export const PROCESS_BASIC_INFORMATION = 0, PROCESS_COMMAND_LINE_INFORMATION = 60;

/** `SYSTEM_INFORMATION_CLASS`. */
export const SYSTEM_TIME_OF_DAY_INFORMATION = 3, SYSTEM_PROCESS_INFORMATION = 5;
