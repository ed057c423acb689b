/** Listing who listens: the dispatcher; linux/scan.ts and generic_scan.ts do the work. */
import type { Holds } from "../hold/hold.ts";
import type { Protocol } from "../lease/lease.ts";
import type { Procfs } from "../process/linux/procfs.ts";
import { GenericScanner } from "./generic_scan.ts";
import { LinuxScanner } from "./linux/scan.ts";
import type { Listener, SocketRow } from "./listener.ts";

/** A port with its protocol. */
export interface Endpoint {
  readonly protocol: Protocol;
  readonly port: number;
}

/** What portd asks an OS about sockets. */
export interface Scanner {
  /** The sockets that listen (TCP) or take datagrams (UDP) on any of the endpoints. */
  listening(endpoints: Iterable<Endpoint>): Promise<readonly SocketRow[]>;
  /** Every socket on one local port, in whatever state. */
  socketsOn(endpoint: Endpoint): Promise<readonly SocketRow[]>;
  /** The rows with their processes. Costly: asked only for rows that are new or shown. */
  identify(rows: readonly SocketRow[]): Promise<readonly Listener[]>;
}

/** The scanner of this system. @param procfs is there on Linux. */
export function openScanner(procfs: Procfs | undefined, holds: Holds): Scanner {
  return procfs === undefined ? new GenericScanner(holds) : new LinuxScanner(procfs);
}
