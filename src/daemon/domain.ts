/** Builds the domain: the file, the holds, the registry and the watch, over the real parts of this machine. */
import { Callers } from "../caller/caller.ts";
import type { DaemonStatus } from "../client/wire.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import { FirewallSync } from "../firewall/sync.ts";
import type { Holds } from "../hold/hold.ts";
import { PortDescriber } from "../inspect/describe.ts";
import { loopbackHints } from "../inspect/loopback.ts";
import { ActivityCounter } from "../lease/activity.ts";
import { Allocator } from "../lease/allocator.ts";
import { EventLog, type LeaseEventType } from "../lease/events.ts";
import { poolPorts } from "../lease/exclusion.ts";
import { Pool } from "../lease/pool.ts";
import type { PrivilegedPorts } from "../lease/privileged.ts";
import type { LeaseRecord } from "../lease/record.ts";
import { Registry } from "../lease/registry.ts";
import { Replay } from "../lease/replay.ts";
import { restoreLeases } from "../lease/restore.ts";
import { Store, type StoreLimits } from "../lease/store/store.ts";
import { Transfer } from "../lease/transfer.ts";
import { wantedMappings } from "../lease/wanted_mappings.ts";
import { exposedListeners, wantedRules } from "../lease/wanted_rules.ts";
import { findOccupant, type Occupant } from "../listener/occupant.ts";
import type { WriteLine } from "../log_line.ts";
import type { PortRules } from "../os/port_rules.ts";
import { ephemeralRanges } from "../os/ports.ts";
import { isWithin, type Protocol } from "../port/port.ts";
import { Listing } from "../watch/listing.ts";
import { Observations } from "../watch/observations.ts";
import { Watch } from "../watch/watch.ts";
import { type Freeing, openFreeing } from "./freeing.ts";
import { type DaemonLine, openLine } from "./line.ts";
import { type Machine, openMachine } from "./machine.ts";
import { GatewayPart } from "./mapping.ts";
import { openPortMap } from "./port_map.ts";
import { openReach } from "./reach.ts";
import { openRefusals } from "./refusals.ts";

/** Parts of the core that others use as they are. */
type Shared =
  | "clock"
  | "store"
  | "pool"
  | "allocator"
  | "registry"
  | "events"
  | "activity"
  | "processes"
  | "wsl"
  | "network";

/** The parts of a daemon behind its HTTP layer. */
export interface Domain extends Pick<Core, Shared> {
  /** The port that each name had last. */
  readonly names: ReadonlyMap<string, number>;
  readonly replay: Replay;
  readonly transfer: Transfer;
  readonly watch: Watch;
  readonly listing: Listing;
  readonly ports: PortDescriber;
  readonly portMap: ReturnType<typeof openPortMap>;
  readonly firewall: FirewallSync;
  readonly mapper: GatewayPart;
  readonly line: DaemonLine;
  readonly reach: ReturnType<typeof openReach>;
  readonly callers: Callers;
  readonly freeing: Freeing;
  /** As they were when the daemon started. */
  readonly privileged: PrivilegedPorts;
  /** What a request may leave out. */
  readonly defaults: Pick<Config, "claimMs" | "graceMs" | "processGraceMs" | "gateway">;
  /** Who listens on a port already. */
  readonly findOccupant: (port: number, protocols: readonly Protocol[]) => Promise<Occupant | undefined>;
  /** Whether a lease of this name has ever been granted. */
  readonly isKnownName: (name: string) => boolean;
  /** The leases that are open to others while their servers listen on loopback addresses only, a sentence each. */
  readonly loopbacks: () => readonly string[];
  /** Counts and warnings for `GET /status`. */
  readonly describe: () => Omit<DaemonStatus, "version" | "pid" | "startedAt">;
  /** Writes what is queued, then closes the file and releases the holds. */
  readonly close: () => Promise<void>;
}

/** Options of {@linkcode openDomain}. */
export interface DomainOptions {
  readonly clock: Clock;
  readonly log: WriteLine;
  /** Limits of the file. @default those of {@linkcode Store} */
  readonly limits?: StoreLimits;
  /** @default this machine */
  readonly machine?: Machine;
}

/** Events after which other firewall rules may be wanted. */
const RULE_CHANGES: ReadonlySet<LeaseEventType> = new Set([
  "lease.granted",
  "lease.changed",
  "lease.released",
  "lease.revoked",
  "lease.expired",
]);

/** Opens the file, loads its leases and takes their holds again. @throws as {@linkcode Store} does. */
export async function openDomain(config: Config, options: DomainOptions): Promise<Domain> {
  const { machine = openMachine(), ...rest } = options;
  const core = await openLeases({ ...machine, ...rest, config, rules: await machine.openPortRules(rest.clock) });
  const { scanner, hasRights, store, registry, names } = core;
  const firewall = openFirewallSync(core);
  const observations = new Observations({ ...core, table: registry.table });
  const parts = { ...core, table: registry.table, observations };
  const callers = new Callers(core);
  const addressesOn = (protocol: Protocol, port: number) =>
    observations.on(protocol, port).map(({ row }) => row.localAddress);
  const line: DaemonLine = openLine({ ...core, router: () => mapper.router });
  const mapper: GatewayPart = openMapper(core, line);
  const ports = new PortDescriber({ ...parts, exclude: config.exclude, firewall, readPorts: () => core.rules.look() });
  const loopbacks = () => loopbackHints(registry.table.all(), addressesOn);
  return {
    ...core,
    replay: new Replay(core),
    transfer: new Transfer(core),
    watch: new Watch(parts),
    listing: new Listing(parts),
    firewall,
    mapper,
    line,
    ports,
    portMap: openPortMap({ ...core, line }),
    reach: openReach({ ...core, ports, firewall, mapper, line }),
    callers,
    freeing: openFreeing({ registry, ports }),
    privileged: { below: hasRights ? core.rules.current.unprivilegedFrom : 0, lastPortOf: (name) => names.get(name) },
    defaults: config,
    findOccupant: (port, protocols) => findOccupant(scanner, port, protocols),
    isKnownName: (name) => names.has(name),
    describe: describer(core, () => [firewall.fault, mapper.fault, ...loopbacks()]),
    loopbacks,
    async close() {
      core.rules.close();
      line.close();
      await Promise.all([firewall.close(), mapper.close()]);
      await store.close();
      callers.close();
      scanner.close();
      core.holds.releaseAll();
    },
  };
}

interface LeaseOptions extends Machine, Omit<DomainOptions, "machine"> {
  readonly config: Config;
  readonly rules: PortRules;
}

/** The leases and all that decides about them. */
interface Core extends LeaseOptions {
  readonly store: Store;
  readonly pool: Pool;
  readonly allocator: Allocator;
  readonly names: Map<string, number>;
  readonly events: EventLog;
  readonly registry: Registry;
  readonly activity: ActivityCounter;
  readonly warnings: () => readonly string[];
}

async function openLeases(options: LeaseOptions): Promise<Core> {
  const { config, clock, log, limits, holds, processes, rules, turns, wsl } = options;
  const { claimMs, graceMs, cooldownMs, maxLeasesPerUser } = config;
  const store = await Store.open(`${config.stateDir}/leases.db`, { ...limits, clock, log, turns });
  const isWsl = wsl !== undefined;
  const choose = () => poolPorts({ ...config, os: rules.current, hasHolds: holds.limit > 0, isWsl });
  let { ports, warnings } = choose();
  const pool = new Pool(ports);
  const names = store.names();
  const isExcluded = (port: number) => isWithin(config.exclude, port) || isWithin(rules.current.excluded, port);
  const allocator = new Allocator({ pool, holds, isExcluded, names, cooldownMs });
  const events = new EventLog(Math.floor(clock.now()).toString(36));
  const activity = new ActivityCounter(clock);
  const registry = new Registry({
    ...options,
    activity,
    store,
    allocator,
    events,
    names,
    isEphemeral: (port) => isWithin(ephemeralRanges(rules.current), port),
    refusals: openRefusals({ ...options, store }),
    defaultLifetime: { kind: "listener", claimMs, graceMs },
    maxLeasesPerUser,
  });
  events.subscribe((event) => activity.happened(event));
  const { setAside, path } = store;
  const notes = setAside === null ? [] : [`${path} was damaged: it is kept as ${setAside}, and its leases are lost`];
  for (const note of [...warnings, ...notes]) log(note, "warning");
  rules.onChange(() => {
    const known = warnings;
    ({ ports, warnings } = choose());
    pool.replace(ports);
    for (const note of warnings) if (!known.includes(note)) log(note, "warning");
  });
  const restored = await restoreLeases({ store, registry, allocator, processes, clock, cooldownMs });
  log(`${restored.live} leases loaded, ${restored.voided} void since the last boot`);
  return {
    ...options,
    store,
    pool,
    allocator,
    names,
    events,
    registry,
    activity,
    warnings: () => [...warnings, ...notes],
  };
}

/** Keeps the firewall's rules as the leases want them. */
function openFirewallSync({ config, clock, registry, events, openFirewall }: Core): FirewallSync {
  const firewall = new FirewallSync({
    ...config.firewall,
    open: () =>
      openFirewall({
        stateDir: config.stateDir,
        backend: config.firewall.backend,
        listeners: () => exposedListeners(registry.written()),
      }),
    wanted: () => wantedRules(registry.written()), // only what is on the disk may open a port
    clock,
    publish: (event) => events.publish(event, clock.now()),
  });
  events.subscribe((event) => {
    if (!("record" in event) || !RULE_CHANGES.has(event.type)) return;
    if (event.record.exposure !== null || event.type === "lease.changed") firewall.request();
  });
  firewall.start();
  return firewall;
}

/** Keeps the router's mappings as the leases want them. */
function openMapper(core: Core, line: DaemonLine): GatewayPart {
  const { registry, openGateway: open, network } = core;
  return new GatewayPart({
    ...core,
    open,
    async readNetwork() {
      const facts = await network.read();
      line.see(facts);
      return facts;
    },
    wanted: () => wantedMappings(registry.written()), // only what is on the disk may open a port
    line,
  });
}

/** @param exposureFaults are sentences on leases that are open and cannot be reached. */
function describer(core: Core, exposureFaults: () => readonly (string | null)[]): Domain["describe"] {
  const { config, clock, processes, holds, rules, store, pool, allocator, registry, wsl = null, warnings } = core;
  const openedAt = clock.monotonic();
  return () => ({
    name: "portd",
    stateDir: config.stateDir,
    user: processes.find(Deno.pid)?.user ?? null, // each time: Windows may know its name later than its number
    uptimeMs: Math.round(clock.monotonic() - openedAt),
    leases: countByState(registry),
    pool: { size: pool.size, free: pool.free, quarantined: allocator.quarantined },
    holds: { kept: holds.size, limit: holds.limit, missing: countMissing(registry, holds) },
    ephemeral: rules.current.ephemeral,
    wsl,
    warnings: [...warnings(), store.fault, ...exposureFaults()].filter((each) => each !== null),
  });
}

function countByState(registry: Registry): Record<string, number> {
  const counts: Record<string, number> = { live: registry.table.size };
  for (const { state } of registry.table.all()) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/** How many holds are missing. While somebody listens on a port, its hold may not be possible. */
function countMissing(registry: Registry, holds: Holds): number {
  const isMissing = ({ hold, port, listener }: LeaseRecord) => hold === "soft" && listener === null && !holds.has(port);
  return [...registry.table.all()].filter(isMissing).length;
}
