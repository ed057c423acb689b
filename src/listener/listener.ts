/**
 * Listing sockets. This file is just the types; open.ts chooses the scanner of this OS, and linux/, windows/, darwin/ and
 * generic_scan.ts do the work.
 */
import type { SocketRow, SocketState } from "../os/socket.ts";
import type { Endpoint, Protocol } from "../port/port.ts";
import type { Forwarder } from "../process/forwarder.ts";
import type { ProcessDescription, Processes } from "../process/process.ts";

/** A socket as clients see it. */
export interface ListedSocket extends Omit<SocketRow, "inode" | "uid" | "sharers"> {
  /** Whose socket it is, also where the process is not known; null where the OS does not say. Old daemons do not. */
  readonly user?: string | null;
  /** Null where the process is not known, or the daemon may not see it. */
  readonly process: ProcessDescription | null;
  /** Set for a program that listens for a container. */
  readonly forwarder: Forwarder | null;
  /** Whether a listener belongs to the holder of its port's lease; null without a lease, and for connections. */
  readonly ofHolder: boolean | null;
  /** The live lease of the local port. */
  readonly lease: { readonly id: string; readonly name: string | null; readonly state: string } | null;
}

/** Whether a socket waits for connections or datagrams of anybody, and has no peer. */
export function isListener({ protocol, state, remotePort }: SocketRow): boolean {
  return protocol === "tcp" ? state === "LISTEN" : remotePort === 0;
}

/** The user of a socket, as the kernel says; null where it does not. */
export function socketUser({ uid, inode }: SocketRow, processes: Pick<Processes, "userName">): string | null {
  return uid === null || inode === 0 ? null : processes.userName?.(uid) ?? null;
}

/** Query of `GET /listeners`: which sockets are wanted; what is absent does not filter. */
export interface SocketQuery {
  readonly port?: number | undefined;
  readonly pid?: number | undefined;
  readonly protocol?: Protocol | undefined;
  readonly state?: SocketState | undefined;
  /** Whole name of the lease of the port, or its last part. */
  readonly name?: string | undefined;
  /** Sockets in every state, not only those that listen. @default false */
  readonly connections?: boolean | undefined;
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
  /** The rows with their processes, where the daemon may see those. Costly: called only for rows that are new or shown. */
  identify(rows: readonly SocketRow[]): Promise<readonly SocketRow[]>;
  /** Closes what the scanner has open. */
  close(): void;
}
