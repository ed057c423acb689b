/** advapi32.dll of Windows: whose a process is, the registry and the state of services. */
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
  /** `LSTATUS RegOpenKeyExW(HKEY, const WCHAR *path, DWORD options, REGSAM access, HKEY *)` */
  RegOpenKeyExW: { parameters: ["pointer", "buffer", "u32", "u32", "buffer"], result: "i32" },
  /** `LSTATUS RegCloseKey(HKEY)` */
  RegCloseKey: { parameters: ["pointer"], result: "i32" },
  /**
   * `LSTATUS RegQueryInfoKeyW(HKEY, WCHAR *class, DWORD *, NULL, DWORD *keys, DWORD *longestKey, DWORD *longestClass,
   * DWORD *values, DWORD *longestName, DWORD *longestData, DWORD *descriptor, FILETIME *lastWrite)`
   */
  RegQueryInfoKeyW: {
    parameters: [
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "pointer",
      "buffer",
      "buffer",
      "pointer",
      "buffer",
    ],
    result: "i32",
  },
  /** `LSTATUS RegEnumValueW(HKEY, DWORD index, WCHAR *name, DWORD *, NULL, DWORD *type, void *data, DWORD *)` */
  RegEnumValueW: {
    parameters: ["pointer", "u32", "buffer", "buffer", "pointer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  /** `LSTATUS RegGetValueW(HKEY, const WCHAR *path, const WCHAR *name, DWORD flags, NULL, void *data, DWORD *)` */
  RegGetValueW: {
    parameters: ["pointer", "buffer", "buffer", "u32", "pointer", "buffer", "buffer"],
    result: "i32",
  },
  /** `SC_HANDLE OpenSCManagerW(NULL, NULL, DWORD access)` off the event loop; null when refused */
  OpenSCManagerW: { parameters: ["pointer", "pointer", "u32"], result: "pointer", nonblocking: true },
  /** `SC_HANDLE OpenServiceW(SC_HANDLE, const WCHAR *name, DWORD access)` off the event loop; null when refused */
  OpenServiceW: { parameters: ["pointer", "buffer", "u32"], result: "pointer", nonblocking: true },
  /** `BOOL QueryServiceStatus(SC_HANDLE, SERVICE_STATUS *)` off the event loop */
  QueryServiceStatus: { parameters: ["pointer", "buffer"], result: "i32", nonblocking: true },
  /** `BOOL CloseServiceHandle(SC_HANDLE)` off the event loop */
  CloseServiceHandle: { parameters: ["pointer"], result: "i32", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** The opened library. */
export type Advapi32 = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Opens the library. @throws where there is none, or no permission for FFI. */
export function openAdvapi32(): Advapi32 {
  return Deno.dlopen(system32("advapi32.dll"), SYMBOLS).symbols;
}

/** The right to ask a token, winnt.h. */
export const TOKEN_QUERY = 0x8;
/** `TOKEN_INFORMATION_CLASS`: the user; whether it is an administrator's and may do what only they may. */
export const TOKEN_USER = 1, TOKEN_ELEVATION = 20;

/** What all users of the machine share, winreg.h; a 64-bit HKEY is the 32-bit one with its sign. */
export const HKEY_LOCAL_MACHINE = 0xffffffff80000002n;
/** The right to read the values of a key, and the type of a text, winnt.h. */
export const KEY_QUERY_VALUE = 1, REG_SZ = 1;
/** Of `RegGetValueW`: just a number of 32 bits. */
export const RRF_RT_REG_DWORD = 0x10;

/** Rights to the Service Control Manager and to a service, and the state of one that runs; winsvc.h. */
export const SC_MANAGER_CONNECT = 1, SERVICE_QUERY_STATUS = 4, SERVICE_RUNNING = 4;
