/**
 * Looking at the ports of this machine without a daemon, with the rights of the user who calls. Leases, the pool and the
 * firewall are not known.
 */
import { openHolds } from "../hold/open.ts";
import { LeaseTable } from "../lease/lease_table.ts";
import type { ListedSocket, Scanner, SocketQuery } from "../listener/listener.ts";
import { openScanner } from "../listener/open.ts";
import { shortTurns } from "../os/linux/libc.ts";
import { openLinuxParts } from "../os/linux/linux.ts";
import { type OsPorts, readOsPorts } from "../os/ports.ts";
import { Turns } from "../os/turns.ts";
import { openProcesses } from "../process/open.ts";
import type { Processes } from "../process/process.ts";
import { Listing } from "../watch/listing.ts";
import { PortDescriber } from "./describe.ts";
import type { PortDescription, PortSocket } from "./description.ts";

/** Looks at ports; disposing of it closes what it has open. */
export interface LocalLook extends Disposable {
  /** As `GET /listeners`, without leases. */
  listeners(query: SocketQuery, options?: { readonly signal?: AbortSignal }): Promise<readonly ListedSocket[]>;
  /** As `GET /ports/{port}`, without leases. */
  describePort(port: number): Promise<PortDescription>;
  /** Who listens on a port: of a socket that several processes share, each of them. */
  listenersOn(port: number): Promise<readonly PortSocket[]>;
}

/** What a {@linkcode LocalLook} asks the system. */
export interface LocalParts {
  readonly scanner: Scanner;
  readonly processes: Processes;
  readonly readPorts: () => Promise<OsPorts>;
  readonly turns: () => Turns;
}

/** Opens a look. @param parts are those of this machine by default. */
export function openLocalLook(parts: LocalParts = openLocalParts()): LocalLook {
  const table = new LeaseTable(); // empty: nobody is asked whose a socket is
  const observations = {
    ownershipOf(): never {
      throw new Error("Cannot say whose a socket is: no lease is known");
    },
  };
  const listing = new Listing({ ...parts, table, observations });
  const ports = new PortDescriber({
    ...parts,
    observations,
    registry: {
      table,
      onDisk: () => undefined,
      present() {
        throw new Error("Cannot show a lease: none is known");
      },
    },
    allocator: { isQuarantined: () => false },
    pool: { has: () => false },
    holds: { has: () => false },
    firewall: { stateOf: () => "unknown" },
    hasRights: true, // nothing is to be granted
    exclude: [],
    knowsLeases: false,
  });
  return {
    listeners: async (query) => (await Array.fromAsync(listing.list(query))).flat(),
    describePort: (port) => ports.describe(port),
    listenersOn: (port) => ports.listenersOn(port),
    [Symbol.dispose]: () => parts.scanner.close(),
  };
}

function openLocalParts(): LocalParts {
  const linux = Deno.build.os === "linux" ? openLinuxParts() : undefined;
  return {
    scanner: openScanner(linux, openHolds(undefined)),
    processes: openProcesses(linux?.procfs),
    readPorts: () => readOsPorts(linux?.procfs),
    turns: () => linux === undefined ? new Turns() : shortTurns(linux.libc),
  };
}
