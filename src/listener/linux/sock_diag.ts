/**
 * The messages in which the kernel lists sockets. Manual: sock_diag(7); kernel: include/uapi/linux/inet_diag.h. Pure.
 *
 * The kernel filters by state before it lists, so asking for listeners costs microseconds where reading `/proc/net/tcp`
 * walks the whole table of connections (4 ms on a machine with much memory, however few there are).
 */
import type { Protocol } from "../../lease/lease.ts";
import { addressText } from "../../network/address.ts";
import type { SocketRow } from "../listener.ts";
import { stateOf } from "./socket_table.ts";

const AF_INET = 2, AF_INET6 = 10, IPPROTO_TCP = 6, IPPROTO_UDP = 17;
const SOCK_DIAG_BY_FAMILY = 20, NLM_F_REQUEST = 0x1, NLM_F_DUMP = 0x300;
const NLMSG_ERROR = 2, NLMSG_DONE = 3;
/** `struct nlmsghdr` and `struct inet_diag_req_v2`. */
const HEADER_SIZE = 16, REQUEST_SIZE = 56;
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
 * are bound and no more, such as our own holds.
 */
export const ALL_STATES = 0xfff;

/** What to list. */
export interface DiagRequest {
  readonly family: 4 | 6;
  readonly protocol: Protocol;
  /** Bits of the states that are wanted. */
  readonly states: number;
}

/** The request as the kernel reads it. */
export function encodeRequest({ family, protocol, states }: DiagRequest): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_SIZE + REQUEST_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true);
  view.setUint8(HEADER_SIZE, family === 4 ? AF_INET : AF_INET6);
  view.setUint8(HEADER_SIZE + 1, protocol === "tcp" ? IPPROTO_TCP : IPPROTO_UDP);
  view.setUint32(HEADER_SIZE + 4, states, true);
  return bytes;
}

/** What one datagram of the answer holds. */
export interface DiagReply {
  readonly rows: readonly SocketRow[];
  /** Whether it was the last. */
  readonly isDone: boolean;
  /** Positive error number when the kernel refuses; 0 when it does not. */
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
