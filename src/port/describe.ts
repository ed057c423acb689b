/** All about one port: what the number is known for, what the OS and portd make of it, who has it and who is on it. */
import type { FirewallSync } from "../firewall/sync.ts";
import { wantedRules } from "../firewall/wanted.ts";
import type { Holds, Obstacle } from "../hold/hold.ts";
import type { Allocator } from "../lease/allocator.ts";
import { contains, isWithin } from "../lease/exclusion.ts";
import type { PortRange } from "../lease/lease.ts";
import type { Pool } from "../lease/pool.ts";
import type { Registry } from "../lease/registry.ts";
import type { SocketRow } from "../listener/listener.ts";
import type { Sightings } from "../listener/sightings.ts";
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
  /** Read anew for each description: an administrator may have changed it since the daemon started. */
  readonly readOs: () => Promise<OsPorts>;
  readonly sightings: Sightings;
  readonly firewall: FirewallSync;
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
    const { allocator, pool, readOs } = this.#parts;
    const os = await readOs();
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
      exclusions: this.#exclusionsOf(port, os),
      leases: records.map((record) => this.#parts.registry.present(record)),
      rules: wantedRules(records).map((rule) => ({ ...rule, state: this.#parts.firewall.stateOf(rule) })),
      listeners: sockets.filter(isListener).flatMap((row) => this.#presentListener(row)),
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

  /** A holder's socket that several of his processes share stands there once for each of them. */
  #presentListener(row: SocketRow): readonly PortSocket[] {
    const lease = this.#parts.registry.table.byPort(row.localPort, [row.protocol]);
    if (lease === undefined) return [this.#present(row)];
    const { isHolders, pids } = this.#parts.sightings.ownershipOf(lease, row);
    if (!isHolders || pids.length === 0) return [this.#present(row, isHolders)];
    return pids.map((pid) => this.#present({ ...row, pid }, isHolders));
  }

  #present(row: SocketRow, ofHolder: boolean | null = null): PortSocket {
    const { processes, registry } = this.#parts;
    const process = row.pid === null ? undefined : processes.find(row.pid);
    const lease = registry.table.byPort(row.localPort, [row.protocol]);
    return {
      ...joinSocket(row, { process, lease, ofHolder }),
      startTime: process?.startTime ?? null,
      bootId: process?.bootId ?? null,
      startedAt: process?.startedAt ?? null,
      ancestors: process === undefined
        ? []
        : ancestorsOf(processes, process).map(({ pid, command }) => ({ pid, command })),
    };
  }

  /**
   * Whether the kernel would give the TCP port, to nobody whom the tables show: connections that have ended and only
   * linger are no obstacle. UDP is not tried: the tables show whoever is bound, and a server that binds in that very
   * moment would be refused.
   */
  #probe(port: number): Obstacle | undefined {
    return this.#parts.holds.claim(port, { protocols: ["tcp"], hold: "none", named: true }).obstacle;
  }
}
