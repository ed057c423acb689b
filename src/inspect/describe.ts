/** Describes one port: what it is known for, what the OS and portd do with it, who has leased it and who uses it. */
import type { FirewallSync } from "../firewall/sync.ts";
import type { Holds, Obstacle } from "../hold/hold.ts";
import type { Allocator } from "../lease/allocator.ts";
import type { Pool } from "../lease/pool.ts";
import type { LeaseRecord } from "../lease/record.ts";
import type { Registry } from "../lease/registry.ts";
import { wantedRules } from "../lease/wanted_rules.ts";
import { isListener, type Scanner, socketUser } from "../listener/listener.ts";
import { ephemeralRanges, type OsPorts } from "../os/ports.ts";
import { sharersOf, type SocketRow } from "../os/socket.ts";
import { classOf, developmentUseOf, servicesOf } from "../port/iana.ts";
import { contains, isWithin, type PortRange, PROTOCOLS } from "../port/port.ts";
import { ancestorsOf, type Processes, strangersOf } from "../process/process.ts";
import { joinSocket } from "../watch/listing.ts";
import type { Observations } from "../watch/observations.ts";
import type { Ownership } from "../watch/ownership.ts";
import type { Exclusion, PortDescription, PortSocket } from "./description.ts";
import { judge, type PortFacts } from "./verdict.ts";

/** What {@linkcode PortDescriber} asks. */
export interface PortDescriberParts {
  readonly registry: Pick<Registry, "table" | "onDisk" | "present">;
  readonly allocator: Pick<Allocator, "isQuarantined">;
  readonly pool: Pick<Pool, "has">;
  readonly holds: Pick<Holds, "has">;
  readonly scanner: Scanner;
  readonly processes: Processes;
  /** Called for each description: the rules may have changed since the daemon started. */
  readonly readPorts: () => Promise<OsPorts>;
  readonly observations: Pick<Observations, "ownershipOf">;
  readonly firewall: Pick<FirewallSync, "stateOf">;
  /** Whether the daemon may listen on privileged ports. */
  readonly hasRights: boolean;
  /** The exclusions of the configuration. */
  readonly exclude: readonly PortRange[];
  /** False where no daemon runs: then it is not known whether a port is leased. @default true */
  readonly knowsLeases?: boolean;
}

/** Describes ports. Changes nothing, and binds nothing where the system's tables can be read. */
export class PortDescriber {
  readonly #parts: PortDescriberParts;

  constructor(parts: PortDescriberParts) {
    this.#parts = parts;
  }

  /** Describes a port from 0 to 65535. @param apiPort is that of this daemon's API. */
  async describe(port: number, apiPort?: number): Promise<PortDescription> {
    const { allocator, pool, readPorts } = this.#parts;
    const os = await readPorts(), services = await servicesOf(port);
    const { sockets, seesBound } = await this.#socketsOn(port);
    const { registry } = this.#parts;
    const records = this.#leasesOf(port).flatMap(({ id }) => registry.onDisk(id) ?? []);
    const reserved = isWithin(os.reserved, port);
    const ephemeralRange = ephemeralRanges(os).find((range) => contains(range, port));
    const facts: Omit<PortFacts, "obstacle" | "ephemeralRange" | "isHeld" | "seesBound" | "knowsLeases" | "isApi"> = {
      port,
      class: classOf(port),
      services,
      developmentUse: developmentUseOf(port) ?? null,
      privileged: port > 0 && port < os.unprivilegedFrom,
      pooled: pool.has(port),
      quarantined: allocator.isQuarantined(port),
      ephemeral: ephemeralRange !== undefined && !reserved,
      reserved,
      exclusions: this.#exclusionsOf(port, os),
      leases: records.map((record) => registry.present(record)),
      rules: wantedRules(records).map((rule) => ({ ...rule, state: this.#parts.firewall.stateOf(rule) })),
      listeners: sockets.filter(isListener).flatMap((row) => this.#presentListener(row)),
      connections: sockets.filter((row) => !isListener(row)).map((row) => this.#present(row)),
    };
    const obstacle = this.#obstacleOf(facts), isHeld = this.#parts.holds.has(port);
    const { knowsLeases = true } = this.#parts;
    const judged = { obstacle, ephemeralRange: ephemeralRange ?? os.ephemeral, isHeld, seesBound, knowsLeases };
    return { ...facts, ...judge({ ...facts, ...judged, isApi: port === apiPort }) };
  }

  /** Who listens on a port: of a socket that several processes share, each of them. */
  async listenersOn(port: number): Promise<readonly PortSocket[]> {
    const { sockets } = await this.#socketsOn(port);
    return sockets.filter(isListener).flatMap((row) => {
      const pids = sharersOf(row);
      return pids.length === 0 ? [this.#present(row)] : pids.map((pid) => this.#present({ ...row, pid }));
    });
  }

  /** The sockets on a port, and whether the OS shows those that are only bound. */
  async #socketsOn(port: number): Promise<{ readonly sockets: readonly SocketRow[]; readonly seesBound: boolean }> {
    if (port === 0) return { sockets: [], seesBound: true };
    const { scanner } = this.#parts;
    const isLeased = this.#leasesOf(port).length > 0;
    const rows = (await Promise.all(PROTOCOLS.map((protocol) => scanner.socketsOn({ protocol, port })))).flat();
    const bound = isLeased || rows.some(isListener) ? [] : await scanner.boundOn(port);
    const isLeasedNow = this.#leasesOf(port).length > 0; // then what is bound is our own hold
    const sockets = await scanner.identify([...rows, ...(isLeasedNow ? [] : bound ?? [])]);
    return { sockets, seesBound: bound !== undefined };
  }

  /** Also those that are being written. */
  #leasesOf(port: number): readonly LeaseRecord[] {
    const { table } = this.#parts.registry;
    return [...new Set(PROTOCOLS.flatMap((protocol) => table.byPort(port, [protocol]) ?? []))];
  }

  /** The lease of a socket's port, where it is on the disk. */
  #leaseOf({ localPort, protocol }: SocketRow): LeaseRecord | undefined {
    const { registry } = this.#parts;
    const record = registry.table.byPort(localPort, [protocol]);
    return record && registry.onDisk(record.id);
  }

  #exclusionsOf(port: number, os: OsPorts): readonly Exclusion[] {
    const { exclude } = this.#parts;
    const here = <T extends PortRange>(ranges: readonly T[]) => ranges.filter((range) => contains(range, port));
    return [
      ...here(exclude).map((range) => ({ ...range, by: "configuration", protocols: PROTOCOLS }) as const),
      ...here(os.excluded).map(({ protocol, first, last }) =>
        ({ first, last, by: "windows", protocols: [protocol] }) as const
      ),
    ];
  }

  /** A holder's socket that several of its processes share is listed once for each of them. */
  #presentListener(row: SocketRow): readonly PortSocket[] {
    const lease = this.#leaseOf(row);
    if (lease === undefined) return [this.#present(row)];
    const ownership = this.#parts.observations.ownershipOf(lease, row);
    if (!ownership.ofHolder || ownership.pids.length === 0) return [this.#present(row, ownership)];
    return ownership.pids.map((pid) => this.#present({ ...row, pid }, ownership));
  }

  #present(row: SocketRow, ownership?: Ownership): PortSocket {
    const { processes } = this.#parts;
    const lease = this.#leaseOf(row), strangers = strangersOf(processes);
    const process = row.pid === null ? undefined : (lease === undefined ? strangers : processes).find(row.pid);
    return {
      ...joinSocket(row, {
        process,
        lease,
        ofHolder: ownership?.ofHolder ?? null,
        user: process === undefined ? socketUser(row, processes) : null,
      }),
      startTime: process?.startTime ?? null,
      bootId: process?.bootId ?? null,
      startedAt: process?.startedAt ?? null,
      reason: ownership?.reason ?? null,
      ancestors: process === undefined
        ? []
        : ancestorsOf(strangers, process).map(({ pid, command }) => ({ pid, command })),
    };
  }

  /** Why the kernel would refuse the TCP port; ended connections in TIME_WAIT are no reason. */
  #obstacleOf({ privileged, connections }: Pick<PortFacts, "privileged" | "connections">): Obstacle | undefined {
    const isObstacle = ({ protocol, state }: PortSocket) => protocol === "tcp" && state !== "TIME_WAIT";
    if (connections.some(isObstacle)) return { reason: "in_use", protocol: "tcp" };
    if (privileged && !this.#parts.hasRights) return { reason: "no_permission", protocol: "tcp" };
  }
}
