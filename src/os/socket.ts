/** Sockets as the tables of an OS list them. */
import type { Protocol } from "../port/port.ts";

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
  /** Owner's user number; null where the OS does not tell. */
  readonly uid: number | null;
  /** What tells this socket from an earlier one on the same port; 0 where the OS has nothing of the kind. */
  readonly inode: number;
  /** Its process: told with the row on Windows and macOS; on Linux null until `Scanner.identify` has looked. */
  readonly pid: number | null;
  /** Every process that has the socket open, `pid` first, where the OS tells more than that one. */
  readonly sharers?: readonly number[];
}

/** The processes that have a socket open, as far as they are known. */
export function sharersOf({ pid, sharers }: SocketRow): readonly number[] {
  return sharers ?? (pid === null ? [] : [pid]);
}
