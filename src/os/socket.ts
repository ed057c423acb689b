/** Sockets as the tables of an OS list them. */
import type { Protocol } from "../port/port.ts";

/** One end of a connection. */
export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** A TCP connection, as the process at one end sees it. */
export interface Connection {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
}

/** TCP states in netstat's words, in the order of the Linux kernel's numbers from 1; include/net/tcp_states.h. */
export const TCP_STATES = [
  "ESTABLISHED",
  "SYN_SENT",
  "SYN_RECV",
  "FIN_WAIT1",
  "FIN_WAIT2",
  "TIME_WAIT",
  "CLOSE",
  "CLOSE_WAIT",
  "LAST_ACK",
  "LISTEN",
  "CLOSING",
] as const;

/** A TCP state; a UDP socket has none. */
export type SocketState = (typeof TCP_STATES)[number] | "";

/** One row of a socket table. */
export interface SocketRow {
  readonly protocol: Protocol;
  readonly family: 4 | 6;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly state: SocketState;
  /** User id of the owner; null where the OS does not say. */
  readonly uid: number | null;
  /** Differs from that of an earlier socket on the same port; 0 where the OS has no such number. */
  readonly inode: number;
  /** Its process: Windows and macOS name it with the row; on Linux it is null until `Scanner.identify` has looked. */
  readonly pid: number | null;
  /** Every process that has the socket open, `pid` first, where the OS names more than that one. */
  readonly sharers?: readonly number[];
}

/** Whether a row of a table is wanted, by its local port and state: asked before the rest of the row is read. */
export type RowFilter = (localPort: number, state: SocketState) => boolean;

/** The processes that have a socket open, as far as they are known. */
export function sharersOf({ pid, sharers }: SocketRow): readonly number[] {
  return sharers ?? (pid === null ? [] : [pid]);
}
