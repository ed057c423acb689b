/** Listing who listens: the dispatcher; linux/, windows/, darwin/ and generic_scan.ts do the work. */
import type { Holds, LinuxParts } from "../hold/hold.ts";
import type { Protocol } from "../lease/lease.ts";
import { DarwinScanner } from "./darwin/scan.ts";
import { GenericScanner } from "./generic_scan.ts";
import { LinuxScanner } from "./linux/scan.ts";
import { SockDiagSocket } from "./linux/sock_diag_socket.ts";
import type { SocketRow } from "./listener.ts";
import { WindowsScanner } from "./windows/scan.ts";

/** A port with its protocol. */
export interface Endpoint {
  readonly protocol: Protocol;
  readonly port: number;
}

/** What portd asks an OS about sockets. */
export interface Scanner {
  /** The sockets that listen (TCP) or take datagrams (UDP) on any of the endpoints. */
  listening(endpoints: Iterable<Endpoint>): Promise<readonly SocketRow[]>;
  /** Every socket of the machine: those that listen, or with `connections` those in any state. Unsorted. */
  sockets(options: { readonly connections: boolean }): Promise<readonly SocketRow[]>;
  /** Every socket on one local port, in whatever state. */
  socketsOn(endpoint: Endpoint): Promise<readonly SocketRow[]>;
  /**
   * TCP sockets that are bound to the port, and neither listen nor are connected; none where
   * {@linkcode Scanner.socketsOn} shows them already.
   *
   * @returns `undefined` where the system does not list them.
   */
  boundOn(port: number): Promise<readonly SocketRow[] | undefined>;
  /** The rows with their processes, where those may be seen. Costly: asked only for rows that are new or shown. */
  identify(rows: readonly SocketRow[]): Promise<readonly SocketRow[]>;
  /** Gives back what the scanner keeps open. */
  close(): void;
}

/** The scanner of this system. @param linux is there on Linux. */
export function openScanner(linux: LinuxParts | undefined, holds: Holds): Scanner {
  if (linux !== undefined) return new LinuxScanner(linux, SockDiagSocket.open(linux.libc));
  if (Deno.build.os === "windows") return WindowsScanner.open();
  if (Deno.build.os === "darwin") return new DarwinScanner(new GenericScanner(holds));
  return new GenericScanner(holds);
}
