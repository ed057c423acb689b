/**
 * advapi32.dll of Windows. One table has what the daemon calls: users of processes, the registry, the state of services.
 * The other one, which only `portd service` opens, has what installs and runs a service.
 */
import { system32 } from "./system32.ts";

/** Three pointers that are always NULL. */
const NULLS = ["pointer", "pointer", "pointer"] as const;

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
  /** The same off the event loop: it may ask another machine, and wait for its answer for many seconds. */
  lookUpAccountOffLoop: {
    name: "LookupAccountSidW",
    parameters: ["pointer", "buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  /** `LSTATUS RegOpenKeyExW(HKEY, const WCHAR *path, DWORD options, REGSAM access, HKEY *)` */
  RegOpenKeyExW: { parameters: ["pointer", "buffer", "u32", "u32", "buffer"], result: "i32" },
  /** `LSTATUS RegCloseKey(HKEY)` */
  RegCloseKey: { parameters: ["pointer"], result: "i32" },
  /**
   * `LSTATUS RegQueryInfoKeyW(HKEY, NULL class, NULL, NULL, NULL keys, NULL longestKey, NULL longestClass, NULL values,
   * DWORD *longestName, DWORD *longestData, NULL descriptor, FILETIME *lastWrite)`
   */
  RegQueryInfoKeyW: {
    parameters: ["pointer", ...NULLS, ...NULLS, "pointer", "buffer", "buffer", "pointer", "buffer"],
    result: "i32",
  },
  /** `LSTATUS RegEnumValueW(HKEY, DWORD index, WCHAR *name, DWORD *, NULL, DWORD *type, void *data, DWORD *)` */
  RegEnumValueW: {
    parameters: ["pointer", "u32", "buffer", "buffer", "pointer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  /** `LSTATUS RegGetValueW(HKEY, const WCHAR *path, const WCHAR *name, DWORD flags, NULL, void *data, DWORD *)` */
  RegGetValueW: { parameters: ["pointer", "buffer", "buffer", "u32", "pointer", "buffer", "buffer"], result: "i32" },
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

/** On the event loop, so that `GetLastError` right after them is about them. They wait for the Service Control Manager. */
const SERVICE_SYMBOLS = {
  /** `SC_HANDLE OpenSCManagerW(NULL, NULL, DWORD access)`; null when refused */
  OpenSCManagerW: { parameters: ["pointer", "pointer", "u32"], result: "pointer" },
  /** `SC_HANDLE OpenServiceW(SC_HANDLE, const WCHAR *name, DWORD access)`; null when refused */
  OpenServiceW: { parameters: ["pointer", "buffer", "u32"], result: "pointer" },
  /** `BOOL CloseServiceHandle(SC_HANDLE)` */
  CloseServiceHandle: { parameters: ["pointer"], result: "i32" },
  /**
   * `SC_HANDLE CreateServiceW(SC_HANDLE, const WCHAR *name, const WCHAR *display, DWORD access, DWORD type, DWORD start,
   * DWORD error, const WCHAR *path, NULL group, NULL tag, NULL dependencies, const WCHAR *account, NULL password)`
   */
  CreateServiceW: {
    parameters: ["pointer", "buffer", "buffer", "u32", "u32", "u32", "u32", "buffer", ...NULLS, "buffer", "pointer"],
    result: "pointer",
  },
  /**
   * `BOOL ChangeServiceConfigW(SC_HANDLE, DWORD type, DWORD start, DWORD error, const WCHAR *path, NULL group, NULL tag,
   * NULL dependencies, const WCHAR *account, NULL password, const WCHAR *display)`
   */
  ChangeServiceConfigW: {
    parameters: ["pointer", "u32", "u32", "u32", "buffer", ...NULLS, "buffer", "pointer", "buffer"],
    result: "i32",
  },
  /** `BOOL ChangeServiceConfig2W(SC_HANDLE, DWORD level, void *)` */
  ChangeServiceConfig2W: { parameters: ["pointer", "u32", "buffer"], result: "i32" },
  /** `BOOL QueryServiceConfigW(SC_HANDLE, QUERY_SERVICE_CONFIGW *, DWORD size, DWORD *needed)` */
  QueryServiceConfigW: { parameters: ["pointer", "buffer", "u32", "buffer"], result: "i32" },
  /** `BOOL QueryServiceConfig2W(SC_HANDLE, DWORD level, void *, DWORD size, DWORD *needed)` */
  QueryServiceConfig2W: { parameters: ["pointer", "u32", "buffer", "u32", "buffer"], result: "i32" },
  /** `BOOL QueryServiceStatusEx(SC_HANDLE, SC_STATUS_TYPE, void *, DWORD size, DWORD *needed)` */
  QueryServiceStatusEx: { parameters: ["pointer", "i32", "buffer", "u32", "buffer"], result: "i32" },
  /** `BOOL StartServiceW(SC_HANDLE, DWORD arguments, NULL)` */
  StartServiceW: { parameters: ["pointer", "u32", "pointer"], result: "i32" },
  /** `BOOL ControlService(SC_HANDLE, DWORD control, SERVICE_STATUS *)` */
  ControlService: { parameters: ["pointer", "u32", "buffer"], result: "i32" },
  /** `BOOL DeleteService(SC_HANDLE)` */
  DeleteService: { parameters: ["pointer"], result: "i32" },
  /** `BOOL StartServiceCtrlDispatcherW(const SERVICE_TABLE_ENTRYW *)` off the event loop, until all services stopped */
  StartServiceCtrlDispatcherW: { parameters: ["buffer"], result: "i32", nonblocking: true },
  /** `SERVICE_STATUS_HANDLE RegisterServiceCtrlHandlerExW(const WCHAR *name, LPHANDLER_FUNCTION_EX, NULL)` */
  RegisterServiceCtrlHandlerExW: { parameters: ["buffer", "function", "pointer"], result: "pointer" },
  /** `BOOL SetServiceStatus(SERVICE_STATUS_HANDLE, SERVICE_STATUS *)` */
  SetServiceStatus: { parameters: ["pointer", "buffer"], result: "i32" },
  /** `HANDLE RegisterEventSourceW(NULL, const WCHAR *source)`; null when refused */
  RegisterEventSourceW: { parameters: ["pointer", "buffer"], result: "pointer" },
  /**
   * `BOOL ReportEventW(HANDLE, WORD type, WORD category, DWORD id, NULL sid, WORD texts, DWORD size,
   * const WCHAR **texts, NULL)`
   */
  ReportEventW: {
    parameters: ["pointer", "u16", "u16", "u32", "pointer", "u16", "u32", "buffer", "pointer"],
    result: "i32",
  },
  /** `BOOL DeregisterEventSource(HANDLE)` */
  DeregisterEventSource: { parameters: ["pointer"], result: "i32" },
  /** `LSTATUS RegSetKeyValueW(HKEY, const WCHAR *path, const WCHAR *name, DWORD type, const void *, DWORD size)` */
  RegSetKeyValueW: { parameters: ["pointer", "buffer", "buffer", "u32", "buffer", "u32"], result: "i32" },
  /** `LSTATUS RegDeleteKeyValueW(HKEY, const WCHAR *path, const WCHAR *name)` */
  RegDeleteKeyValueW: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
  /** `LSTATUS RegDeleteTreeW(HKEY, const WCHAR *path)` */
  RegDeleteTreeW: { parameters: ["pointer", "buffer"], result: "i32" },
  /** `BOOL GetFileSecurityW(const WCHAR *path, SECURITY_INFORMATION, void *descriptor, DWORD size, DWORD *needed)` */
  GetFileSecurityW: { parameters: ["buffer", "u32", "buffer", "u32", "buffer"], result: "i32" },
  /** `BOOL SetFileSecurityW(const WCHAR *path, SECURITY_INFORMATION, void *descriptor)` */
  SetFileSecurityW: { parameters: ["buffer", "u32", "pointer"], result: "i32" },
  /**
   * `BOOL ConvertSecurityDescriptorToStringSecurityDescriptorW(void *descriptor, DWORD revision, SECURITY_INFORMATION,
   * WCHAR **text, ULONG *characters)`
   */
  ConvertSecurityDescriptorToStringSecurityDescriptorW: {
    parameters: ["buffer", "u32", "u32", "buffer", "buffer"],
    result: "i32",
  },
  /** `BOOL ConvertStringSecurityDescriptorToSecurityDescriptorW(const WCHAR *, DWORD revision, void **, NULL)` */
  ConvertStringSecurityDescriptorToSecurityDescriptorW: {
    parameters: ["buffer", "u32", "buffer", "pointer"],
    result: "i32",
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** The library, opened for services. */
export type Advapi32Services = Deno.DynamicLibrary<typeof SERVICE_SYMBOLS>["symbols"];

/** Opens the library for services. @throws where there is none, or no permission for FFI. */
export function openAdvapi32Services(): Advapi32Services {
  return Deno.dlopen(system32("advapi32.dll"), SERVICE_SYMBOLS).symbols;
}

/** The right to ask a token, winnt.h. */
export const TOKEN_QUERY = 0x8;
/** `TOKEN_INFORMATION_CLASS`: the user; whether UAC has split the token; whether it has an administrator's rights. */
export const TOKEN_USER = 1, TOKEN_ELEVATION_TYPE = 18, TOKEN_ELEVATION = 20;

/** The part of the registry that all users share, winreg.h; a 64-bit HKEY is the 32-bit one with its sign. */
export const HKEY_LOCAL_MACHINE = 0xffffffff80000002n;
/** The right to read the values of a key, and the type of a text, winnt.h. */
export const KEY_QUERY_VALUE = 1, REG_SZ = 1;
/** Types of other values: a text with variables, a number of 32 bits, several texts; winnt.h. */
export const REG_EXPAND_SZ = 2, REG_DWORD = 4, REG_MULTI_SZ = 7;
/** Of `RegGetValueW`: only a number of 32 bits; only a text, with its variables as they are; only several texts. */
export const RRF_RT_REG_DWORD = 0x10;
export const RRF_RT_TEXT = 0x2 | 0x4 | 0x10000000, RRF_RT_REG_MULTI_SZ = 0x20;

/** Rights to the Service Control Manager and to a service, and the state of one that runs; winsvc.h. */
export const SC_MANAGER_CONNECT = 1, SERVICE_QUERY_STATUS = 4, SERVICE_RUNNING = 4;

/** More rights: to the Service Control Manager, to a service and, to each of those, to delete it. */
export const SC_MANAGER_CREATE_SERVICE = 2,
  SERVICE_QUERY_CONFIG = 1,
  SERVICE_CHANGE_CONFIG = 2,
  SERVICE_START = 0x10,
  SERVICE_STOP = 0x20,
  SERVICE_PAUSE_CONTINUE = 0x40,
  DELETE = 0x10000;
/** States of a service; `SERVICE_RUNNING` is above. */
export const SERVICE_STOPPED = 1, SERVICE_START_PENDING = 2, SERVICE_STOP_PENDING = 3;
/** A service with a process of its own; started with the machine; a failure to start is logged. */
export const SERVICE_WIN32_OWN_PROCESS = 0x10, SERVICE_AUTO_START = 2, SERVICE_ERROR_NORMAL = 1;
/** Controls: what a service is asked to do. */
export const SERVICE_CONTROL_STOP = 1,
  SERVICE_CONTROL_INTERROGATE = 4,
  SERVICE_CONTROL_SHUTDOWN = 5,
  SERVICE_CONTROL_PRESHUTDOWN = 15;
/** Controls that a service says it takes. */
export const SERVICE_ACCEPT_STOP = 1,
  SERVICE_ACCEPT_SHUTDOWN = 4,
  SERVICE_ACCEPT_PRESHUTDOWN = 0x100;
/** Levels of `ChangeServiceConfig2W`. */
export const SERVICE_CONFIG_DESCRIPTION = 1,
  SERVICE_CONFIG_FAILURE_ACTIONS = 2,
  SERVICE_CONFIG_DELAYED_AUTO_START_INFO = 3,
  SERVICE_CONFIG_FAILURE_ACTIONS_FLAG = 4;
/** The one `SC_STATUS_TYPE`; the `SC_ACTION_TYPE` that starts a service again. */
export const SC_STATUS_PROCESS_INFO = 0, SC_ACTION_RESTART = 1;
/** Types of events, winnt.h. */
export const EVENTLOG_ERROR_TYPE = 1, EVENTLOG_INFORMATION_TYPE = 4;
/** Parts of a security descriptor, winnt.h. */
export const OWNER_SECURITY_INFORMATION = 1,
  DACL_SECURITY_INFORMATION = 4,
  PROTECTED_DACL_SECURITY_INFORMATION = 0x80000000;
/** The only revision of security descriptors as text, sddl.h. */
export const SDDL_REVISION_1 = 1;
