/** iphlpapi.dll of Windows: the tables of TCP and UDP sockets with the pids of their processes, and the adapters. */
import { system32 } from "./system32.ts";

const PARAMETERS = ["buffer", "buffer", "i32", "u32", "i32", "u32"] as const;
const GET_TABLE = { parameters: PARAMETERS, result: "u32" } as const;
const GET_TABLE_LATER = { ...GET_TABLE, nonblocking: true } as const;

/** Both functions run off the event loop. */
const SYMBOLS = {
  /** `DWORD GetExtendedTcpTable(PVOID table, PDWORD size, BOOL sorted, ULONG family, TCP_TABLE_CLASS, ULONG reserved)` */
  GetExtendedTcpTable: GET_TABLE_LATER,
  /** `DWORD GetExtendedUdpTable(PVOID table, PDWORD size, BOOL sorted, ULONG family, UDP_TABLE_CLASS, ULONG reserved)` */
  GetExtendedUdpTable: GET_TABLE_LATER,
} as const satisfies Deno.ForeignLibraryInterface;

/** The same, which block: for a grant, which takes one turn of the event loop. */
const BLOCKING_SYMBOLS = {
  GetExtendedTcpTable: GET_TABLE,
  GetExtendedUdpTable: GET_TABLE,
} as const satisfies Deno.ForeignLibraryInterface;

/** What is read of adapters, off the event loop. */
const ADAPTER_SYMBOLS = {
  /** `ULONG GetAdaptersAddresses(ULONG family, ULONG flags, PVOID reserved, PIP_ADAPTER_ADDRESSES, PULONG size)` */
  GetAdaptersAddresses: {
    parameters: ["u32", "u32", "pointer", "buffer", "buffer"],
    result: "u32",
    nonblocking: true,
  },
  /** `DWORD GetBestInterfaceEx(struct sockaddr *destination, PDWORD index)` */
  GetBestInterfaceEx: { parameters: ["buffer", "buffer"], result: "u32", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** The opened library. */
export type Iphlpapi = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** The opened library, with calls that block. */
export type BlockingIphlpapi = Deno.DynamicLibrary<typeof BLOCKING_SYMBOLS>["symbols"];

/** Opens the library. @throws where there is none, or no permission for FFI. */
export function openIphlpapi(): Iphlpapi {
  return Deno.dlopen(system32("iphlpapi.dll"), SYMBOLS).symbols;
}

/** Opens the library for calls that block. @throws where there is none, or no permission for FFI. */
export function openBlockingIphlpapi(): BlockingIphlpapi {
  return Deno.dlopen(system32("iphlpapi.dll"), BLOCKING_SYMBOLS).symbols;
}

/** The opened library, with the calls about adapters. */
export type AdapterCalls = Deno.DynamicLibrary<typeof ADAPTER_SYMBOLS>["symbols"];

/** Opens the library for the calls about adapters. @throws where there is none, or no permission for FFI. */
export function openAdapterCalls(): AdapterCalls {
  return Deno.dlopen(system32("iphlpapi.dll"), ADAPTER_SYMBOLS).symbols;
}

/** Address families of Windows, ws2def.h. */
export const AF_INET = 2, AF_INET6 = 23;

/** `TCP_TABLE_CLASS` and `UDP_TABLE_CLASS`, iprtrmib.h. */
export const TCP_TABLE_OWNER_PID_LISTENER = 3, TCP_TABLE_OWNER_PID_ALL = 5, UDP_TABLE_OWNER_PID = 1;
