/**
 * The sockets of Windows as Microsoft documents them ("Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE", Windows Server 2003
 * and later, two sockets of one user), in memory.
 */
import type { SocketLook } from "../../src/os/windows/socket_look.ts";
import { addressText } from "../../src/os/address.ts";
import type { SocketRow, SocketState } from "../../src/os/socket.ts";
import type { Sharing } from "../../src/os/windows/bound_socket.ts";
import { AF_INET } from "../../src/os/windows/iphlpapi.ts";
import {
  INVALID_SOCKET,
  IPPROTO_IPV6,
  SO_REUSEADDR,
  SOCK_STREAM,
  type SocketHandle,
  type Ws2,
  WSAEACCES,
  WSAEADDRINUSE,
} from "../../src/os/windows/ws2_32.ts";
import type { Protocol } from "../../src/port/port.ts";
import { socketRow } from "./sockets.ts";

/** How a socket is bound, as far as Microsoft's table distinguishes. */
export interface DocumentedBind {
  readonly sharing: Sharing;
  readonly isWildcard: boolean;
}

const OK = 0, INUSE = WSAEADDRINUSE, ACCESS = WSAEACCES;

/** By the first socket, wildcard before specific; of the second: default, reuse, exclusive, each wildcard and specific. */
const TABLE: Readonly<Record<Sharing, readonly (readonly number[])[]>> = {
  default: [[INUSE, OK, ACCESS, OK, INUSE, OK], [OK, INUSE, OK, ACCESS, INUSE, INUSE]],
  reuse: [[INUSE, OK, OK, OK, INUSE, OK], [OK, INUSE, OK, OK, INUSE, INUSE]],
  exclusive: [[INUSE, ACCESS, ACCESS, ACCESS, INUSE, ACCESS], [OK, INUSE, OK, ACCESS, INUSE, INUSE]],
};
const COLUMNS: readonly Sharing[] = ["default", "reuse", "exclusive"];

/** What the second bind answers on the same port, and of two specific addresses on the same: 0, or the error. */
export function documentedResult(first: DocumentedBind, second: DocumentedBind): number {
  const column = 2 * COLUMNS.indexOf(second.sharing) + (second.isWildcard ? 0 : 1);
  return TABLE[first.sharing][first.isWildcard ? 0 : 1]![column]!;
}

interface FakeSocket {
  readonly protocol: Protocol;
  families: readonly number[];
  sharing: Sharing;
  address: string;
  port: number;
}

/** A Winsock with these sockets. */
export class FakeWinsock {
  readonly #sockets = new Map<SocketHandle, FakeSocket>();
  readonly #rows: SocketRow[] = [];
  #last = 100n;
  #error = 0;
  /** What every bind answers, if set. */
  bindError: number | undefined;
  /** Whether the tables can be read. */
  hasTables = true;

  /** How many sockets are open. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Adds a row to the tables without any socket, as a driver or an ended connection has. */
  addRow(part: Partial<SocketRow>): void {
    this.#rows.push(socketRow(part));
  }

  readonly look: SocketLook = ({ protocol, port }, { connections }) => {
    if (!this.hasTables) return undefined;
    const states: readonly SocketState[] = ["", "LISTEN"];
    return this.#rows.filter((row) =>
      row.protocol === protocol && row.localPort === port && (connections || states.includes(row.state))
    );
  };

  readonly ws2: Ws2 = {
    WSAStartup: () => 0,
    WSAGetLastError: () => this.#error,
    WSASocketW: (family, type) => {
      const socket = this.#last += 4n;
      const protocol = type === SOCK_STREAM ? "tcp" : "udp";
      this.#sockets.set(socket, { protocol, families: [family], sharing: "default", address: "", port: 0 });
      return socket;
    },
    setsockopt: (handle, level, option, value) => {
      const socket = this.#sockets.get(BigInt(handle))!;
      const isOn = (value as Uint8Array<ArrayBuffer>)[0] === 1;
      if (level === IPPROTO_IPV6) socket.families = isOn ? socket.families : [...socket.families, AF_INET];
      else if (isOn) socket.sharing = option === SO_REUSEADDR ? "reuse" : "exclusive";
      return 0;
    },
    bind: (handle, name) => this.#bind(this.#sockets.get(BigInt(handle))!, name as Uint8Array<ArrayBuffer>),
    getsockname: (handle, name) => {
      const bytes = name as Uint8Array<ArrayBuffer>;
      new DataView(bytes.buffer).setUint16(2, this.#sockets.get(BigInt(handle))!.port);
      return 0;
    },
    closesocket: (handle) => this.#sockets.delete(BigInt(handle)) ? 0 : Number(INVALID_SOCKET),
  };

  #bind(socket: FakeSocket, name: Uint8Array<ArrayBuffer>): number {
    const address = addressText(name.length === 16 ? name.subarray(4, 8) : name.subarray(8, 24));
    const port = new DataView(name.buffer).getUint16(2) || 50_000 + Number(this.#last % 1000n);
    const others = [...this.#sockets.values()].filter((other) => other.port === port && other.address !== "");
    const errors = others.map((other) => this.#conflict(other, { ...socket, address }));
    this.#error = this.bindError ?? errors.find((error) => error !== 0) ?? 0;
    if (this.#error !== 0) return -1;
    socket.address = address;
    socket.port = port;
    return 0;
  }

  #conflict(first: FakeSocket, second: Pick<FakeSocket, "protocol" | "families" | "sharing" | "address">): number {
    const areApart = first.protocol !== second.protocol ||
      !first.families.some((family) => second.families.includes(family)) ||
      (!isWildcard(first.address) && !isWildcard(second.address) && first.address !== second.address);
    if (areApart) return 0;
    const bindOf = ({ sharing, address }: Pick<FakeSocket, "sharing" | "address">) => {
      return { sharing, isWildcard: isWildcard(address) };
    };
    return documentedResult(bindOf(first), bindOf(second));
  }
}

function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}
