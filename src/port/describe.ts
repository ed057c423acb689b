/** All about one port: what the number is known for, what the OS and portd make of it, who has it and who is on it. */
import type { Holds, Obstacle } from "../hold/hold.ts";
import type { Allocator } from "../lease/allocator.ts";
import { contains, isWithin } from "../lease/exclusion.ts";
import { isHolders } from "../lease/holder.ts";
import type { PortRange } from "../lease/lease.ts";
import type { Pool } from "../lease/pool.ts";
import type { Registry } from "../lease/registry.ts";
import type { SocketRow } from "../listener/listener.ts";
import type { Watch } from "../listener/watch.ts";
import { isListener, joinSocket } from "../listener/listing.ts";
import type { Scanner } from "../listener/scan.ts";
import type { OsPorts } from "../network/os_ports.ts";
import { ancestorsOf, type Processes } from "../process/process.ts";
import type { LeaseRecord } from "../store/record.ts";
import type { Exclusion, PortDescription, PortSocket } from "./description.ts";
import { classOf, developmentUseOf, servicesOf } from "./services.ts";
import { judge, type PortFacts } from "./verdict.ts";

const PROTOCOLS = ["tcp", "udp"] as const;

/** What {@linkcode PortDescriber} asks. */
export interface PortDescriberParts {
  readonly registry: Registry;
  readonly allocator: Allocator;
  readonly pool: Pool;
  readonly holds: Holds;
  readonly scanner: Scanner;
  readonly processes: Processes;
  readonly os: OsPorts;
  readonly watch: Watch;
  /** The configuration's. */
  readonly exclude: readonly PortRange[];
}

/** Describes ports; changes nothing. */
export class PortDescriber {
  readonly #parts: PortDescriberParts;

  constructor(parts: PortDescriberParts) {
    this.#parts = parts;
  }

  /** All about a port from 0 to 65535. */
  async describe(port: number): Promise<PortDescription> {
    const { allocator, pool, os } = this.#parts;
    const sockets = port === 0 ? [] : await this.#socketsOn(port);
    const records = this.#leasesOf(port);
    const reserved = isWithin(os.reserved, port);
    const facts: Omit<PortFacts, "obstacle" | "ephemeralRange"> = {
      port,
      class: classOf(port),
      services: servicesOf(port),
      developmentUse: developmentUseOf(port) ?? null,
      privileged: port > 0 && port < os.unprivilegedFrom,
      pooled: pool.has(port),
      quarantined: allocator.isQuarantined(port),
      ephemeral: contains(os.ephemeral, port) && !reserved,
      reserved,
      exclusions: this.#exclusionsOf(port),
      leases: records.map((record) => this.#parts.registry.present(record)),
      listeners: sockets.filter(isListener).map((row) => this.#present(row)),
      connections: sockets.filter((row) => !isListener(row)).map((row) => this.#present(row)),
    };
    const isSeen = facts.listeners.length + facts.leases.length + facts.exclusions.length > 0;
    const obstacle = isSeen || port === 0 ? undefined : this.#probe(port);
    return { ...facts, ...judge({ ...facts, obstacle, ephemeralRange: os.ephemeral }) };
  }

  async #socketsOn(port: number): Promise<readonly SocketRow[]> {
    const { scanner } = this.#parts;
    const rows = await Promise.all(PROTOCOLS.map((protocol) => scanner.socketsOn({ protocol, port })));
    return await scanner.identify(rows.flat());
  }

  #leasesOf(port: number): readonly LeaseRecord[] {
    const { table } = this.#parts.registry;
    return [...new Set(PROTOCOLS.flatMap((protocol) => table.byPort(port, [protocol]) ?? []))];
  }

  #exclusionsOf(port: number): readonly Exclusion[] {
    const { os, exclude } = this.#parts;
    const here = <T extends PortRange>(ranges: readonly T[]) => ranges.filter((range) => contains(range, port));
    return [
      ...here(exclude).map((range) => ({ ...range, by: "configuration", protocols: PROTOCOLS }) as const),
      ...here(os.excluded).map(({ protocol, first, last }) =>
        ({ first, last, by: "windows", protocols: [protocol] }) as const
      ),
    ];
  }

  #present(row: SocketRow): PortSocket {
    const { processes, registry } = this.#parts;
    const process = row.pid === null ? undefined : processes.find(row.pid);
    const lease = registry.table.byPort(row.localPort, [row.protocol]);
    return {
      ...joinSocket(row, { process, lease }),
      ofHolder: lease === undefined ? null : this.#isHolders(lease, row),
      startTime: process?.startTime ?? null,
      bootId: process?.bootId ?? null,
      startedAt: process?.startedAt ?? null,
      ancestors: process === undefined
        ? []
        : ancestorsOf(processes, process).map(({ pid, command }) => ({ pid, command })),
    };
  }

  /** As the watch has seen it, which remembers whose a socket was when the process it descends from is gone. */
  #isHolders(lease: LeaseRecord, row: SocketRow): boolean {
    const { watch, processes } = this.#parts;
    return watch.verdictOn(row, lease.holder) ?? isHolders(lease, row, processes);
  }

  /** Whether the kernel would give the port. Connections that have ended and only linger are no obstacle. */
  #probe(port: number): Obstacle | undefined {
    return this.#parts.holds.claim(port, { protocols: PROTOCOLS, hold: "none", named: true }).obstacle;
  }
}
