/**
 * The messages with which the kernel lists sockets. Manual: sock_diag(7); kernel: include/uapi/linux/inet_diag.h. Pure.
 *
 * The kernel filters by state before it lists. So a list of listeners costs microseconds, where reading `/proc/net/tcp`
 * walks the whole table of connections (4 ms on a machine with much memory, however few there are).
 */
import type { Protocol } from "../../port/port.ts";
import { addressBytes, addressText } from "../address.ts";
import type { Connection, SocketRow } from "../socket.ts";
import { AF_INET, AF_INET6 } from "./socket_address.ts";
import { stateOf } from "./socket_table.ts";

const IPPROTO_TCP = 6, IPPROTO_UDP = 17;
const SOCK_DIAG_BY_FAMILY = 20, NLM_F_REQUEST = 0x1, NLM_F_DUMP = 0x300;
const NLMSG_ERROR = 2, NLMSG_DONE = 3;
/** The sizes of `struct nlmsghdr` and `struct inet_diag_req_v2`, and the offset of the sequence number. */
const HEADER_SIZE = 16, SEQUENCE = 8, REQUEST_SIZE = 56;
/** Offsets in `struct inet_diag_req_v2`: the states, then the socket's `struct inet_diag_sockid`. */
const REQUEST_STATES = 4,
  REQUEST_SOURCE_PORT = 8,
  REQUEST_DESTINATION_PORT = 10,
  REQUEST_SOURCE = 12,
  REQUEST_DESTINATION = 28,
  REQUEST_COOKIE = 48;
/** An attribute with two `struct inet_diag_bc_op`. */
const INET_DIAG_REQ_BYTECODE = 1, INET_DIAG_BC_S_EQ = 11, FILTER_SIZE = 12;
/** `INET_DIAG_NOCOOKIE`, in both halves of the cookie: any socket with these addresses. */
const ANY_COOKIE = 0xffffffff;
/** Offsets in `struct inet_diag_msg`. */
const STATE = 1,
  SOURCE_PORT = 4,
  DESTINATION_PORT = 6,
  SOURCE = 8,
  DESTINATION = 24,
  UID = 64,
  INODE = 68,
  MESSAGE_SIZE = 72;

/** TCP's state LISTEN, and UDP's state of a socket that is bound and not connected, as bits. */
export const LISTENING_STATES: Readonly<Record<Protocol, number>> = { tcp: 1 << 10, udp: 1 << 7 };
/**
 * TCP's states 1 to 11 as bits: those that `/proc/net` and `ss -a` show. From Linux 6.8 on, bit 13 would add sockets that
 * are only bound, such as our own holds.
 */
export const ALL_STATES = 0xfff;
/** Bit 13: TCP sockets that are bound, and neither listen nor are connected. Earlier kernels list none of them. */
export const BOUND_STATE = 1 << 13;

/** Whether a kernel of this release (`/proc/sys/kernel/osrelease`) knows {@linkcode BOUND_STATE}. */
export function listsBoundSockets(release: string): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release)?.map(Number) ?? [];
  return major !== undefined && minor !== undefined && (major > 6 || (major === 6 && minor >= 8));
}

/** What to list. */
export interface DiagRequest {
  readonly family: 4 | 6;
  readonly protocol: Protocol;
  /** Bits of the states that are wanted. */
  readonly states: number;
  /** Only sockets on this local port. @default on any */
  readonly port?: number;
}

/** The request for a list as the kernel reads it. */
export function encodeRequest({ family, protocol, states, port }: DiagRequest): Uint8Array<ArrayBuffer> {
  const { bytes, view } = emptyRequest(family, protocol, port === undefined ? 0 : FILTER_SIZE);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true);
  view.setUint32(HEADER_SIZE + REQUEST_STATES, states, true);
  if (port !== undefined) writeFilter(view, port);
  return bytes;
}

/**
 * The attribute INET_DIAG_REQ_BYTECODE, a program that the kernel runs for each socket: where the source port is `port`
 * it goes on by 8 bytes, to its end, which means yes; else by 12, past its end, which means no. The kernel does not
 * compare the port in the request itself for every state.
 */
function writeFilter(view: DataView, port: number): void {
  const at = HEADER_SIZE + REQUEST_SIZE;
  view.setUint16(at, FILTER_SIZE, true);
  view.setUint16(at + 2, INET_DIAG_REQ_BYTECODE, true);
  view.setUint8(at + 4, INET_DIAG_BC_S_EQ);
  view.setUint8(at + 5, 8);
  view.setUint16(at + 6, 12, true);
  view.setUint16(at + 10, port, true);
}

/**
 * The request for one connected TCP socket.
 *
 * @param sequence comes back with the answer.
 * @returns `undefined` for texts that are no addresses, or addresses of two families.
 */
export function encodeLookup({ local, remote }: Connection, sequence: number): Uint8Array<ArrayBuffer> | undefined {
  const source = addressBytes(local.address), destination = addressBytes(remote.address);
  if (source === undefined || destination === undefined || source.length !== destination.length) return undefined;
  const { bytes, view } = emptyRequest(source.length === 4 ? 4 : 6, "tcp");
  view.setUint16(6, NLM_F_REQUEST, true);
  view.setUint32(SEQUENCE, sequence, true);
  view.setUint32(HEADER_SIZE + REQUEST_STATES, ALL_STATES, true);
  view.setUint16(HEADER_SIZE + REQUEST_SOURCE_PORT, local.port, false);
  view.setUint16(HEADER_SIZE + REQUEST_DESTINATION_PORT, remote.port, false);
  bytes.set(source, HEADER_SIZE + REQUEST_SOURCE);
  bytes.set(destination, HEADER_SIZE + REQUEST_DESTINATION);
  view.setUint32(HEADER_SIZE + REQUEST_COOKIE, ANY_COOKIE, true);
  view.setUint32(HEADER_SIZE + REQUEST_COOKIE + 4, ANY_COOKIE, true);
  return bytes;
}

/** The `sequence` of the request to which a datagram is the answer. */
export function sequenceOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(SEQUENCE, true);
}

function emptyRequest(family: 4 | 6, protocol: Protocol, more = 0) {
  const bytes = new Uint8Array(HEADER_SIZE + REQUEST_SIZE + more);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
  view.setUint8(HEADER_SIZE, family === 4 ? AF_INET : AF_INET6);
  view.setUint8(HEADER_SIZE + 1, protocol === "tcp" ? IPPROTO_TCP : IPPROTO_UDP);
  return { bytes, view };
}

/** The content of one datagram of the answer. */
export interface DiagReply {
  readonly rows: readonly SocketRow[];
  /** Whether it was the last. */
  readonly isDone: boolean;
  /** The error number when the kernel refuses; 0 when it does not. */
  readonly error: number;
}

/** Reads one datagram of the answer. */
export function parseReply(bytes: Uint8Array, protocol: Protocol): DiagReply {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows: SocketRow[] = [];
  for (let at = 0; at + HEADER_SIZE <= bytes.length;) {
    const length = view.getUint32(at, true), type = view.getUint16(at + 4, true);
    if (type === NLMSG_DONE) return { rows, isDone: true, error: 0 };
    if (type === NLMSG_ERROR) return { rows, isDone: true, error: -view.getInt32(at + HEADER_SIZE, true) };
    if (length < HEADER_SIZE + MESSAGE_SIZE || at + length > bytes.length) break;
    rows.push(parseMessage(bytes, view, at + HEADER_SIZE, protocol));
    at += (length + 3) & ~3;
  }
  return { rows, isDone: false, error: 0 };
}

function parseMessage(bytes: Uint8Array, view: DataView, at: number, protocol: Protocol): SocketRow {
  const family = view.getUint8(at) === AF_INET ? 4 : 6;
  const size = family === 4 ? 4 : 16;
  return {
    protocol,
    family,
    localAddress: addressText(bytes.subarray(at + SOURCE, at + SOURCE + size)),
    localPort: view.getUint16(at + SOURCE_PORT, false),
    remoteAddress: addressText(bytes.subarray(at + DESTINATION, at + DESTINATION + size)),
    remotePort: view.getUint16(at + DESTINATION_PORT, false),
    state: stateOf(protocol, view.getUint8(at + STATE)),
    uid: view.getUint32(at + UID, true),
    inode: view.getUint32(at + INODE, true),
    pid: null,
  };
}
