/** A quick, blocking look at the tables of sockets. Manuals: GetExtendedTcpTable, GetExtendedUdpTable. */
import type { Endpoint, Protocol } from "../../port/port.ts";
import type { RowFilter, SocketRow } from "../socket.ts";
import {
  AF_INET,
  AF_INET6,
  type BlockingIphlpapi,
  openBlockingIphlpapi,
  TCP_TABLE_OWNER_PID_ALL,
  TCP_TABLE_OWNER_PID_LISTENER,
  UDP_TABLE_OWNER_PID,
} from "./iphlpapi.ts";
import { parseSocketTable } from "./socket_table.ts";
import { ERROR_INSUFFICIENT_BUFFER, ERROR_NOT_SUPPORTED, NO_ERROR } from "./win32_error.ts";

const FIRST_BUFFER_SIZE = 1 << 14;
/** How often a table may grow between the answer about its size and the next call. */
const TRIES = 20;

/** The sockets on a port, or `undefined` where a table cannot be read. */
export type SocketLook = (
  endpoint: Endpoint,
  options: { readonly connections: boolean },
) => readonly SocketRow[] | undefined;

/** The ports that any socket has. */
export type UsedPorts = (protocol: Protocol) => ReadonlySet<number>;

/** Makes a look. With `connections` it sees TCP sockets in every state, else those that listen; UDP has one kind. */
export function socketLook(iphlpapi: BlockingIphlpapi): SocketLook {
  const read = tableReader(iphlpapi);
  return ({ protocol, port }, { connections }) => read(protocol, connections, (localPort) => localPort === port);
}

/** Makes a look at all ports. @throws where the library cannot be opened, and later where a table cannot be read. */
export function openUsedPorts(): UsedPorts {
  const read = tableReader(openBlockingIphlpapi());
  return (protocol) => {
    const rows = read(protocol, true, () => true);
    if (rows === undefined) throw new Error(`Cannot list the ${protocol} sockets of Windows`);
    return new Set(rows.map(({ localPort }) => localPort));
  };
}

type TableReader = (protocol: Protocol, connections: boolean, isWanted: RowFilter) => SocketRow[] | undefined;

function tableReader(iphlpapi: BlockingIphlpapi): TableReader {
  let buffer = new Uint8Array(FIRST_BUFFER_SIZE);
  return (protocol, connections, isWanted) => {
    const call = protocol === "tcp" ? iphlpapi.GetExtendedTcpTable : iphlpapi.GetExtendedUdpTable;
    const tcpClass = connections ? TCP_TABLE_OWNER_PID_ALL : TCP_TABLE_OWNER_PID_LISTENER;
    const number = protocol === "tcp" ? tcpClass : UDP_TABLE_OWNER_PID;
    const rows: SocketRow[] = [];
    for (const family of [4, 6] as const) {
      let error: number = ERROR_INSUFFICIENT_BUFFER;
      for (let i = 0; i < TRIES && error === ERROR_INSUFFICIENT_BUFFER; i++) {
        const size = new Uint32Array([buffer.length]);
        error = call(buffer, size, 0, family === 4 ? AF_INET : AF_INET6, number, 0);
        if (error === ERROR_INSUFFICIENT_BUFFER) {
          buffer = new Uint8Array(Math.ceil(1.25 * Math.max(size[0]!, buffer.length)));
        }
      }
      if (error === ERROR_NOT_SUPPORTED && family === 6) continue;
      if (error !== NO_ERROR) return undefined;
      rows.push(...parseSocketTable(buffer, { protocol, family }, isWanted));
    }
    return rows;
  };
}
