/**
 * The tables of GetExtendedTcpTable and GetExtendedUdpTable: a count, then rows of one size. Manuals:
 * MIB_TCPROW_OWNER_PID, MIB_TCP6ROW_OWNER_PID, MIB_UDPROW_OWNER_PID, MIB_UDP6ROW_OWNER_PID. Pure.
 */
import type { Protocol } from "../../port/port.ts";
import { addressText } from "../address.ts";
import type { RowFilter, SocketRow, SocketState } from "../socket.ts";

/** Which of the four tables. */
export interface TableKind {
  readonly protocol: Protocol;
  readonly family: 4 | 6;
}

/** Offsets in a row; every number takes four bytes, of which a port uses the first two, in network byte order. */
interface RowLayout {
  readonly size: number;
  readonly address: number;
  readonly port: number;
  readonly pid: number;
  /** Absent in a table of UDP sockets. */
  readonly remote?: { readonly address: number; readonly port: number; readonly state: number };
}

const LAYOUTS: Readonly<Record<Protocol, Readonly<Record<4 | 6, RowLayout>>>> = {
  tcp: {
    4: { size: 24, address: 4, port: 8, pid: 20, remote: { address: 12, port: 16, state: 0 } },
    6: { size: 56, address: 0, port: 20, pid: 52, remote: { address: 24, port: 44, state: 48 } },
  },
  udp: { 4: { size: 12, address: 0, port: 4, pid: 8 }, 6: { size: 28, address: 0, port: 20, pid: 24 } },
};

/** `MIB_TCP_STATE` from 1, in netstat's words for Linux; the last one is DELETE_TCB, a connection that is removed. */
const STATES: readonly SocketState[] = [
  "CLOSE",
  "LISTEN",
  "SYN_SENT",
  "SYN_RECV",
  "ESTABLISHED",
  "FIN_WAIT1",
  "FIN_WAIT2",
  "CLOSE_WAIT",
  "CLOSING",
  "LAST_ACK",
  "TIME_WAIT",
  "CLOSE",
];

/** Higher numbers than the manual's are those of sockets that are only bound, which Linux calls CLOSE. */
const OTHER_STATE: SocketState = "CLOSE";

const ANY_ADDRESS = { 4: "0.0.0.0", 6: "::" } as const;

/** Reads the wanted rows of one table, or all; where it is cut off, its whole rows. */
export function* parseSocketTable(bytes: Uint8Array, kind: TableKind, isWanted?: RowFilter): Generator<SocketRow> {
  const layout = LAYOUTS[kind.protocol][kind.family];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) return;
  const count = Math.min(view.getUint32(0, true), Math.floor((bytes.length - 4) / layout.size));
  for (let i = 0; i < count; i++) {
    const at = 4 + i * layout.size;
    const state = layout.remote === undefined ? "" : stateOf(view.getUint32(at + layout.remote.state, true));
    if (isWanted?.(view.getUint16(at + layout.port), state) === false) continue;
    yield parseRow(bytes.subarray(at, at + layout.size), kind, state);
  }
}

function stateOf(number: number): SocketState {
  return STATES[number - 1] ?? OTHER_STATE;
}

function parseRow(row: Uint8Array, { protocol, family }: TableKind, state: SocketState): SocketRow {
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
  const { address, port, pid, remote } = LAYOUTS[protocol][family];
  const text = (at: number) => addressText(row.subarray(at, at + (family === 4 ? 4 : 16)));
  const hasPeer = remote !== undefined && state !== "LISTEN"; // a listener's bytes there have no meaning
  return {
    protocol,
    family,
    localAddress: text(address),
    localPort: view.getUint16(port),
    remoteAddress: hasPeer ? text(remote.address) : ANY_ADDRESS[family],
    remotePort: hasPeer ? view.getUint16(remote.port) : 0,
    state,
    uid: null,
    inode: 0,
    pid: view.getUint32(pid, true) || null, // 0: its process has closed it, as in TIME_WAIT
  };
}
