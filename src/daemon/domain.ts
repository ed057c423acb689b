/** The domain put together: the file, the holds, the registry and the watch over this machine's real parts. */
import { Callers } from "../caller/caller.ts";
import { openConnectionUsers } from "../caller/open.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import { openFirewall } from "../firewall/open.ts";
import { FirewallSync } from "../firewall/sync.ts";
import type { Holds } from "../hold/hold.ts";
import { openHolds } from "../hold/open.ts";
import { PortDescriber } from "../inspect/describe.ts";
import { Allocator } from "../lease/allocator.ts";
import { EventLog, type LeaseEventType } from "../lease/events.ts";
import { isWithin, poolPorts } from "../lease/exclusion.ts";
import type { Lease } from "../lease/lease.ts";
import { Pool } from "../lease/pool.ts";
import type { PrivilegedPorts } from "../lease/privileged.ts";
import { toLease } from "../lease/record.ts";
import { Refusals } from "../lease/refusal.ts";
import { Registry } from "../lease/registry.ts";
import { Replay } from "../lease/replay.ts";
import { restoreLeases } from "../lease/restore.ts";
import { Store, type StoreLimits } from "../lease/store/store.ts";
import { type FindUnused, unusedByProbe, unusedByScan } from "../lease/suggestion.ts";
import { Transfer } from "../lease/transfer.ts";
import { exposedListeners, wantedRules } from "../lease/wanted_rules.ts";
import type { Scanner } from "../listener/listener.ts";
import { openScanner } from "../listener/open.ts";
import { openLibc, shortTurns } from "../os/linux/libc.ts";
import type { LinuxParts } from "../os/linux/linux.ts";
import { Procfs } from "../os/linux/procfs.ts";
import { mayBindPrivileged, readOsPorts } from "../os/ports.ts";
import type { SocketRow } from "../os/socket.ts";
import { Turns } from "../os/turns.ts";
import type { Protocol } from "../port/port.ts";
import { openProcesses } from "../process/open.ts";
import type { Processes } from "../process/process.ts";
import { Listing } from "../watch/listing.ts";
import { Sightings } from "../watch/observations.ts";
import { Watch } from "../watch/watch.ts";

/** What a daemon works with. */
export interface Domain {
  readonly clock: Clock;
  readonly store: Store;
  readonly registry: Registry;
  readonly replay: Replay;
  readonly transfer: Transfer;
  readonly events: EventLog;
  readonly watch: Watch;
  readonly listing: Listing;
  readonly ports: PortDescriber;
  readonly firewall: FirewallSync;
  readonly processes: Processes;
  readonly callers: Callers;
  /** As the system has them when the daemon starts. */
  readonly privileged: PrivilegedPorts;
  readonly defaults: { readonly claimMs: number; readonly graceMs: number; readonly processGraceMs: number };
  readonly isKnownName: (name: string) => boolean;
  /** Counts and warnings, as `GET /status` tells them. */
  readonly describe: () => DomainStatus;
  /** Writes what is queued, then gives back the file and the holds. */
  readonly close: () => Promise<void>;
}

/** The domain's part of `GET /status`. */
export interface DomainStatus {
  readonly name: "portd";
  readonly stateDir: string;
  readonly user: string | null;
  readonly uptimeMs: number;
  readonly leases: Readonly<Record<string, number>>;
  readonly pool: { readonly size: number; readonly free: number; readonly quarantined: number };
  readonly holds: { readonly kept: number; readonly limit: number; readonly missing: number };
  readonly ephemeral: { readonly first: number; readonly last: number };
  readonly warnings: readonly string[];
}

/** Where the domain's time and words go, and how much it keeps. */
export interface DomainOptions {
  readonly clock: Clock;
  readonly log: (line: string) => void;
  /** Bounds of the file. @default those of {@linkcode Store} */
  readonly limits?: StoreLimits;
}

/** What may change which rules are wanted; a change may also take a wish back. */
const RULE_CHANGES: ReadonlySet<LeaseEventType> = new Set([
  "lease.granted",
  "lease.changed",
  "lease.released",
  "lease.revoked",
  "lease.expired",
]);

/** Opens the file, takes up its leases and their holds. @throws as {@linkcode Store} does. */
export async function openDomain(config: Config, { clock, log, limits }: DomainOptions): Promise<Domain> {
  const linux = openLinux();
  const procfs = linux?.procfs;
  const holds = openHolds(linux);
  const processes = openProcesses(procfs);
  const scanner = openScanner(linux, holds);
  const os = await readOsPorts(procfs);
  const { ports, warnings } = poolPorts({ ...config, os, hasHolds: holds.limit > 0 });
  const turns = () => linux === undefined ? new Turns() : shortTurns(linux.libc);
  const store = await Store.open(`${config.stateDir}/leases.db`, { ...limits, clock, log, turns });
  const pool = new Pool(ports);
  const names = store.names();
  const isExcluded = (port: number) => isWithin(config.exclude, port) || isWithin(os.excluded, port);
  const allocator = new Allocator({ pool, holds, isExcluded, names, cooldownMs: config.cooldownMs });
  const events = new EventLog(Math.floor(clock.now()).toString(36));
  const registry = new Registry({
    store,
    allocator,
    holds,
    processes,
    clock,
    events,
    names,
    refusals: refusalsOf({
      config,
      store,
      clock,
      scanner,
      processes,
      findUnused: Deno.build.os === "darwin" ? unusedByProbe(holds) : unusedByScan(scanner),
    }),
    defaultLifetime: { kind: "listener", claimMs: config.claimMs, graceMs: config.graceMs },
    maxLeasesPerUser: config.maxLeasesPerUser,
  });
  const restored = await restoreLeases({ store, registry, allocator, processes, clock, cooldownMs: config.cooldownMs });
  const notes = [...warnings, ...damageNote(store)];
  for (const note of notes) log(`warning: ${note}`);
  log(`${restored.live} leases taken up, ${restored.voided} void since the last boot`);
  const firewall = new FirewallSync({
    ...config.firewall,
    open: () => openFirewall(config, () => exposedListeners(registry.written())),
    wanted: () => wantedRules(registry.written()), // nothing is opened before the wish is on the disk
    clock,
    tell: (event) => events.publish(event, clock.now()),
  });
  events.subscribe((event) => {
    if (!("record" in event) || !RULE_CHANGES.has(event.type)) return;
    if (event.record.exposure !== null || event.type === "lease.changed") firewall.request();
  });
  firewall.start();
  const user = processes.find(Deno.pid)?.user ?? null;
  const openedAt = clock.monotonic();
  const sightings = new Sightings({ scanner, processes, table: registry.table, clock });
  const callers = new Callers({ users: openConnectionUsers(linux, scanner), clock });
  const hasRights = mayBindPrivileged(procfs);
  const watch = new Watch({ registry, scanner, sightings, processes, clock, events });
  return {
    clock,
    store,
    registry,
    replay: new Replay({ store, registry }),
    transfer: new Transfer({ registry, store, processes, clock, names }),
    events,
    watch,
    listing: new Listing({ scanner, processes, table: registry.table, sightings, turns }),
    firewall,
    ports: new PortDescriber({
      ...config,
      registry,
      allocator,
      pool,
      scanner,
      processes,
      hasRights,
      readOs: () => readOsPorts(procfs),
      sightings,
      firewall,
    }),
    processes,
    callers,
    privileged: { below: hasRights ? os.unprivilegedFrom : 0, lastPortOf: (name) => names.get(name) },
    defaults: config,
    isKnownName: (name) => names.has(name),
    describe: () => ({
      name: "portd",
      stateDir: config.stateDir,
      user,
      uptimeMs: Math.round(clock.monotonic() - openedAt),
      leases: countByState(registry),
      pool: { size: pool.size, free: pool.free, quarantined: allocator.quarantined },
      holds: { kept: holds.size, limit: holds.limit, missing: countMissing(registry, holds) },
      ephemeral: os.ephemeral,
      warnings: store.fault === null ? notes : [...notes, store.fault],
    }),
    async close() {
      await firewall.close();
      await store.close();
      callers.close();
      scanner.close();
      holds.releaseAll();
    },
  };
}

function openLinux(): LinuxParts | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const libc = openLibc();
  return { libc, procfs: new Procfs(libc) };
}

interface RefusalSources {
  readonly config: Config;
  readonly store: Store;
  readonly clock: Clock;
  readonly scanner: Scanner;
  readonly processes: Processes;
  readonly findUnused: FindUnused;
}

function refusalsOf({ config, store, clock, scanner, processes, findUnused }: RefusalSources): Refusals {
  return new Refusals({
    processes,
    findUnused,
    excluderOf: (port) => isWithin(config.exclude, port) ? "the configuration" : "the system",
    poolText: config.pool.map(({ first, last }) => `${first}-${last}`).join(","),
    findListener: (port, protocol) => findListener(scanner, port, protocol),
    findEnded(id): Lease | undefined {
      const record = store.find(id);
      return record === undefined || record.endedAt === null ? undefined : toLease(record, clock);
    },
  });
}

/** Who is in the way on a port: a listener before anybody else. */
async function findListener(scanner: Scanner, port: number, protocol: Protocol): Promise<SocketRow | undefined> {
  const rows = await scanner.socketsOn({ port, protocol });
  const row = rows.find(({ state }) => state === "LISTEN") ?? rows[0];
  return row === undefined ? undefined : (await scanner.identify([row]))[0];
}

function countByState(registry: Registry): Record<string, number> {
  const counts: Record<string, number> = { live: registry.table.size };
  for (const { state } of registry.table.all()) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/** Holds that should stand: a listener, the holder's or a stranger's, may keep one from being taken. */
function countMissing(registry: Registry, holds: Holds): number {
  let missing = 0;
  for (const { hold, port, listener } of registry.table.all()) {
    if (hold === "soft" && listener === null && !holds.has(port)) missing++;
  }
  return missing;
}

function damageNote({ setAside, path }: Store): string[] {
  return setAside === null
    ? []
    : [`${path} was damaged; it is kept as ${setAside}, and no lease of it is known any more`];
}
