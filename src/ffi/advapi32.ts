/** advapi32.dll of Windows: whose a process is. */
import { system32 } from "./system32.ts";

const SYMBOLS = {
  /** `BOOL OpenProcessToken(HANDLE process, DWORD access, HANDLE *token)` */
  OpenProcessToken: { parameters: ["pointer", "u32", "buffer"], result: "i32" },
  /** `BOOL GetTokenInformation(HANDLE token, TOKEN_INFORMATION_CLASS, void *, DWORD size, DWORD *length)` */
  GetTokenInformation: { parameters: ["pointer", "i32", "buffer", "u32", "buffer"], result: "i32" },
  /** `BOOL LookupAccountSidW(NULL, PSID, WCHAR *name, DWORD *, WCHAR *domain, DWORD *, SID_NAME_USE *)` */
  LookupAccountSidW: {
    parameters: ["pointer", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** The opened library. */
export type Advapi32 = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Opens the library. @throws where there is none, or no permission for FFI. */
export function openAdvapi32(): Advapi32 {
  return Deno.dlopen(system32("advapi32.dll"), SYMBOLS).symbols;
}

/** The right to ask a token, winnt.h. */
export const TOKEN_QUERY = 0x8;
/** `TOKEN_INFORMATION_CLASS`: the user. */
export const TOKEN_USER = 1;
