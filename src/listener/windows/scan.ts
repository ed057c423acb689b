/**
 * Sockets on Windows, with state and process in one call, independent of the user's language. Manuals:
 * GetExtendedTcpTable, GetExtendedUdpTable.
 */
import type { RowFilter, SocketRow } from "../../os/socket.ts";
import { Turns } from "../../os/turns.ts";
import {
  AF_INET,
  AF_INET6,
  type Iphlpapi,
  openIphlpapi,
  TCP_TABLE_OWNER_PID_ALL,
  TCP_TABLE_OWNER_PID_LISTENER,
  UDP_TABLE_OWNER_PID,
} from "../../os/windows/iphlpapi.ts";
import { parseSocketTable, type TableKind } from "../../os/windows/socket_table.ts";
import { ERROR_INSUFFICIENT_BUFFER, ERROR_NOT_SUPPORTED, NO_ERROR } from "../../os/windows/win32_error.ts";
import { type Endpoint, type Protocol, PROTOCOLS } from "../../port/port.ts";
import type { Scanner } from "../listener.ts";

const FIRST_BUFFER_SIZE = 1 << 14;
/** How often a table may grow between the answer about its size and the next call. */
const TRIES = 20;

/** Which sockets a table has. */
type TableClass = "listening" | "all";

/** Sees every socket of the machine, of every user. Lists off the event loop. */
export class WindowsScanner implements Scanner {
  readonly #iphlpapi: Iphlpapi;
  /** The size of each table at its last reading in bytes, with room to grow. */
  readonly #sizes = new Map<string, number>();

  constructor(iphlpapi: Iphlpapi) {
    this.#iphlpapi = iphlpapi;
  }

  /** @throws without permission for FFI. */
  static open(): WindowsScanner {
    return new WindowsScanner(openIphlpapi());
  }

  async listening(endpoints: Iterable<Endpoint>): Promise<readonly SocketRow[]> {
    const ports: Record<Protocol, Set<number>> = { tcp: new Set(), udp: new Set() };
    for (const { protocol, port } of endpoints) ports[protocol].add(port);
    const rows: SocketRow[] = [];
    for (const protocol of PROTOCOLS) {
      const isWanted = (port: number) => ports[protocol].has(port);
      if (ports[protocol].size > 0) rows.push(...await this.#rows(protocol, "listening", isWanted));
    }
    return rows;
  }

  async sockets({ connections }: { readonly connections: boolean }): Promise<readonly SocketRow[]> {
    const tableClass = connections ? "all" : "listening";
    return [...await this.#rows("tcp", tableClass), ...await this.#rows("udp", tableClass)];
  }

  async socketsOn({ protocol, port }: Endpoint): Promise<readonly SocketRow[]> {
    return await this.#rows(protocol, "all", (localPort) => localPort === port);
  }

  boundOn(): Promise<readonly SocketRow[]> {
    return Promise.resolve([]);
  }

  /** The same rows: the tables name the processes already. */
  identify(rows: readonly SocketRow[]): Promise<readonly SocketRow[]> {
    return Promise.resolve(rows);
  }

  close(): void {
    // Nothing is open: the library is the system's, and the runtime itself uses it.
  }

  async #rows(protocol: Protocol, tableClass: TableClass, isWanted?: RowFilter): Promise<SocketRow[]> {
    const rows: SocketRow[] = [];
    for (const family of [4, 6] as const) {
      const kind = { protocol, family };
      const table = await this.#table(kind, tableClass);
      const turns = new Turns();
      for (const row of parseSocketTable(table, kind, isWanted)) {
        rows.push(row);
        if (turns.isOver) await turns.next();
      }
    }
    return rows;
  }

  /** The bytes of one table; none where the system does not have this family. */
  async #table({ protocol, family }: TableKind, tableClass: TableClass): Promise<Uint8Array> {
    const key = `${protocol}${family} ${tableClass}`;
    const call = protocol === "tcp" ? this.#iphlpapi.GetExtendedTcpTable : this.#iphlpapi.GetExtendedUdpTable;
    const number = protocol === "udp"
      ? UDP_TABLE_OWNER_PID
      : tableClass === "all"
      ? TCP_TABLE_OWNER_PID_ALL
      : TCP_TABLE_OWNER_PID_LISTENER;
    for (let i = 0; i < TRIES; i++) {
      const buffer = new Uint8Array(this.#sizes.get(key) ?? FIRST_BUFFER_SIZE);
      const size = new Uint32Array([buffer.length]);
      const error = await call(buffer, size, 0, family === 4 ? AF_INET : AF_INET6, number, 0);
      if (error === NO_ERROR) return buffer;
      if (error === ERROR_NOT_SUPPORTED && family === 6) return new Uint8Array();
      if (error !== ERROR_INSUFFICIENT_BUFFER) {
        throw new Error(`Cannot list ${protocol} sockets of IPv${family}: Windows error ${error}`);
      }
      this.#sizes.set(key, Math.ceil(1.25 * Math.max(size[0]!, buffer.length)));
    }
    throw new Error(`Cannot list ${protocol} sockets of IPv${family}: the table grows faster than it can be read`);
  }
}
