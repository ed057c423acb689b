/**
 * ws2_32.dll of Windows: sockets that are bound and never listen, so that the firewall asks the user nothing.
 *
 * `WSAGetLastError` is to be called right after a call that has failed, with nothing in between, and decides nothing but
 * which reason is given: whether a call has failed is said by its result.
 */
import { system32 } from "./system32.ts";

const SYMBOLS = {
  /** `int WSAStartup(WORD version, WSADATA *)`; its result is the error */
  WSAStartup: { parameters: ["u16", "buffer"], result: "i32" },
  /** `SOCKET WSASocketW(int family, int type, int protocol, WSAPROTOCOL_INFOW *, GROUP, DWORD flags)` */
  WSASocketW: { parameters: ["i32", "i32", "i32", "pointer", "u32", "u32"], result: "usize" },
  /** `int setsockopt(SOCKET, int level, int option, const char *value, int length)` */
  setsockopt: { parameters: ["usize", "i32", "i32", "buffer", "i32"], result: "i32" },
  /** `int bind(SOCKET, const sockaddr *, int length)` */
  bind: { parameters: ["usize", "buffer", "i32"], result: "i32" },
  /** `int getsockname(SOCKET, sockaddr *, int *length)` */
  getsockname: { parameters: ["usize", "buffer", "buffer"], result: "i32" },
  /** `int closesocket(SOCKET)` */
  closesocket: { parameters: ["usize"], result: "i32" },
  /** `int WSAGetLastError(void)` */
  WSAGetLastError: { parameters: [], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The opened library. */
export type Ws2 = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** A `SOCKET`: a handle of the process. */
export type SocketHandle = bigint;

/** What `WSASocketW` answers when it fails. */
export const INVALID_SOCKET: SocketHandle = 0xffffffffffffffffn;

/** Types of sockets and their protocols, winsock2.h and ws2def.h. */
export const SOCK_STREAM = 1, SOCK_DGRAM = 2, IPPROTO_TCP = 6, IPPROTO_UDP = 17;

/** No program that this process starts inherits the socket; Windows 7 SP1. */
export const WSA_FLAG_OVERLAPPED = 0x1, WSA_FLAG_NO_HANDLE_INHERIT = 0x80;

/** Options and their levels, ws2def.h and ws2ipdef.h. The exclusive one is defined as the complement of the other. */
export const SOL_SOCKET = 0xffff, SO_REUSEADDR = 0x4, SO_EXCLUSIVEADDRUSE = ~SO_REUSEADDR;
export const IPPROTO_IPV6 = 41, IPV6_V6ONLY = 27;

/** Errors, winerror.h. */
export const WSAEACCES = 10013,
  WSAEMFILE = 10024,
  WSAEAFNOSUPPORT = 10047,
  WSAEADDRINUSE = 10048,
  WSAEADDRNOTAVAIL = 10049,
  WSAENOBUFS = 10055;

/** Version 2.2 of Winsock, which every Windows has; `WSADATA` takes at most 408 bytes. */
const VERSION = 0x0202, WSADATA_SIZE = 408;

/** Opens the library and starts it for this process. @throws where there is none, or no permission for FFI. */
export function openWs2(): Ws2 {
  const ws2 = Deno.dlopen(system32("ws2_32.dll"), SYMBOLS).symbols;
  const error = ws2.WSAStartup(VERSION, new Uint8Array(WSADATA_SIZE));
  if (error !== 0) throw new Error(`Cannot use the sockets of Windows: Windows error ${error}`);
  return ws2;
}
