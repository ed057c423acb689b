/** Sockets of Windows that are bound and never listen. Manuals: WSASocketW, bind, "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE". */
import type { Protocol } from "../../port/port.ts";
import { addressBytes } from "../address.ts";
import { AF_INET, AF_INET6 } from "./iphlpapi.ts";
import {
  INVALID_SOCKET,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV6_V6ONLY,
  SO_EXCLUSIVEADDRUSE,
  SO_REUSEADDR,
  SOCK_DGRAM,
  SOCK_STREAM,
  type SocketHandle,
  SOL_SOCKET,
  type Ws2,
  WSA_FLAG_NO_HANDLE_INHERIT,
  WSA_FLAG_OVERLAPPED,
} from "./ws2_32.ts";

/** How a socket shares its port: as Windows has it without a setting, or with one of its two options. */
export type Sharing = "default" | "reuse" | "exclusive";

/** What a socket is bound to, and how. */
export interface Binding {
  readonly protocol: Protocol;
  /** An IP address; `::` with {@linkcode Binding.dualStack} stands for both families. */
  readonly address: string;
  /** 0: Windows chooses one. */
  readonly port: number;
  readonly sharing: Sharing;
  /** Whether an IPv6 socket takes IPv4 too. @default false */
  readonly dualStack?: boolean;
  /** The interface of a link-local IPv6 address. @default 0, any */
  readonly scope?: number;
}

/** A bound socket, to be closed by `closesocket`, or the error of Windows (winerror.h, `WSAE…`). */
export type Bound =
  | { readonly socket: SocketHandle; readonly error?: undefined }
  | { readonly error: number };

const FAMILY = 0, PORT = 2, ADDRESS_4 = 4, ADDRESS_6 = 8, SCOPE = 24, SIZE_4 = 16, SIZE_6 = 28;
const OFF = new Uint8Array(4), ON = new Uint8Array([1, 0, 0, 0]);

/** Makes a socket that no program started later inherits, and binds it. */
export function bindSocket(ws2: Ws2, binding: Binding): Bound {
  const name = socketName(binding);
  const isTcp = binding.protocol === "tcp";
  const flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT;
  const [type, protocol] = isTcp ? [SOCK_STREAM, IPPROTO_TCP] : [SOCK_DGRAM, IPPROTO_UDP];
  const family = name.length === SIZE_4 ? AF_INET : AF_INET6;
  const socket = ws2.WSASocketW(family, type, protocol, null, 0, flags);
  if (socket === INVALID_SOCKET) return { error: ws2.WSAGetLastError() };
  const failed = setOptions(ws2, socket, binding, family) !== 0 || ws2.bind(socket, name, name.length) !== 0;
  if (!failed) return { socket };
  const error = ws2.WSAGetLastError();
  ws2.closesocket(socket);
  return { error };
}

/** The port of a bound socket; 0 when Windows does not say. */
export function portOf(ws2: Ws2, socket: SocketHandle): number {
  const name = new Uint8Array(SIZE_6);
  const failed = ws2.getsockname(socket, name, new Int32Array([name.length])) !== 0;
  return failed ? 0 : new DataView(name.buffer).getUint16(PORT, false);
}

/** @returns 0, or what the first call answered that failed. */
function setOptions(ws2: Ws2, socket: SocketHandle, { sharing, dualStack }: Binding, family: number): number {
  let result = 0;
  if (family === AF_INET6) {
    result = ws2.setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, dualStack ? OFF : ON, 4);
  }
  if (result !== 0 || sharing === "default") return result;
  const option = sharing === "reuse" ? SO_REUSEADDR : SO_EXCLUSIVEADDRUSE;
  return ws2.setsockopt(socket, SOL_SOCKET, option, ON, 4);
}

/** `struct sockaddr_in` or `sockaddr_in6`. @throws {TypeError} when the address is none. */
function socketName({ address, port, scope = 0 }: Binding): Uint8Array<ArrayBuffer> {
  const bytes = addressBytes(address);
  if (bytes === undefined) throw new TypeError(`Cannot bind to ${address}: it is not an IP address`);
  const isIpv4 = bytes.length === 4;
  const name = new Uint8Array(isIpv4 ? SIZE_4 : SIZE_6);
  const view = new DataView(name.buffer);
  view.setUint16(FAMILY, isIpv4 ? AF_INET : AF_INET6, true);
  view.setUint16(PORT, port, false);
  name.set(bytes, isIpv4 ? ADDRESS_4 : ADDRESS_6);
  if (!isIpv4) view.setUint32(SCOPE, scope, true);
  return name;
}
