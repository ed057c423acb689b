/**
 * One run of the daemon over the virtual machine: the real parts, put together as src/daemon/domain.ts does it. Whatever
 * changes there is changed here, and nowhere else in the simulation.
 */
import { type AppParts, createApp } from "../../routes/app.ts";
import { Callers } from "../../src/caller/caller.ts";
import { FirewallSync } from "../../src/firewall/sync.ts";
import { PortDescriber } from "../../src/inspect/describe.ts";
import { Allocator } from "../../src/lease/allocator.ts";
import { EventLog } from "../../src/lease/events.ts";
import { Pool } from "../../src/lease/pool.ts";
import { type LeaseRecord, toLease } from "../../src/lease/record.ts";
import { Refusals } from "../../src/lease/refusal.ts";
import { Registry } from "../../src/lease/registry.ts";
import { Replay } from "../../src/lease/replay.ts";
import { restoreLeases } from "../../src/lease/restore.ts";
import { Store } from "../../src/lease/store/store.ts";
import { unusedByScan } from "../../src/lease/suggestion.ts";
import { Transfer } from "../../src/lease/transfer.ts";
import { exposedListeners, wantedRules } from "../../src/lease/wanted_rules.ts";
import { Turns } from "../../src/os/turns.ts";
import type { Protocol } from "../../src/port/port.ts";
import { Listing } from "../../src/watch/listing.ts";
import { Observations } from "../../src/watch/observations.ts";
import { Watch } from "../../src/watch/watch.ts";
import type { FakeFirewall } from "../support/firewall.ts";
import { STATUS } from "../support/wire.ts";
import type { VirtualDisk } from "./disk.ts";
import { type Kernel, VirtualHolds, VirtualProcesses, VirtualScanner } from "./kernel.ts";
import type { Pending } from "./pending.ts";
import type { Settings } from "./settings.ts";
import type { VirtualTime } from "./time.ts";

export const HOST = "127.0.0.1:7678";
export const TOKEN = "0123456789abcdef".repeat(4);

/** The machine on which the daemon runs. */
export interface Machine {
  readonly time: VirtualTime;
  readonly disk: VirtualDisk;
  readonly kernel: Kernel;
  readonly pending: Pending;
  readonly firewall: FakeFirewall;
  readonly settings: Settings;
}

/** What the simulation asks of a run of the daemon. */
export interface Run {
  /** False once it has crashed or ended. */
  isAlive: boolean;
  /** @param user is who calls. */
  fetch(request: Request, user: number): Promise<Response>;
  /** The watch looks once. */
  look(): Promise<void>;
  /** Forgets what is old, as the daemon does every hour. */
  forget(): void;
  /** Takes no more requests: who waits in line is sent away. */
  refuseWaiters(): void;
  /** Gives the file and the holds back. */
  close(): Promise<void>;
  /** The live leases in memory. */
  records(): readonly LeaseRecord[];
  byId(id: string): LeaseRecord | undefined;
  byName(name: string): LeaseRecord | undefined;
  byPort(port: number, protocol: Protocol): LeaseRecord | undefined;
  /** The live leases in the file. */
  stored(): readonly LeaseRecord[];
  /** A lease in the file, live or ended. */
  find(id: string): LeaseRecord | undefined;
  /** Whether the pool would give the port. */
  isFree(port: number, protocols: readonly Protocol[]): boolean;
  /** Whether the port cools down. */
  isCooling(port: number): boolean;
  /** Lines that were logged. */
  readonly logged: readonly string[];
}

/** Starts the daemon. */
export async function startRun(machine: Machine): Promise<Run> {
  const { time, disk, kernel, pending, firewall: host, settings } = machine;
  const logged: string[] = [];
  const log = (line: string) => logged.push(line);
  const run = { isAlive: true, logged };
  const isAlive = () => run.isAlive;
  const clock = time.clock(isAlive);
  const holds = new VirtualHolds(kernel, isAlive);
  const processes = new VirtualProcesses(kernel);
  const scanner = new VirtualScanner(kernel);
  const { cooldownMs, defaults } = settings;
  const turns = () => new Turns({ turnMs: Infinity, pause: () => pending.answer("a pause", () => undefined) });
  const store = await Store.open(disk.path, { clock, log, turns, mostAnswers: settings.mostAnswers });
  disk.opened();
  const pool = new Pool(settings.pool);
  const names = store.names();
  const isExcluded = (port: number) => settings.excluded.includes(port);
  const allocator = new Allocator({ pool, holds, isExcluded, names, cooldownMs });
  const events = new EventLog(String(kernel.options.random.next()));
  const refusals = new Refusals({
    processes,
    findUnused: unusedByScan(scanner),
    excluderOf: () => "the configuration",
    poolText: settings.pool.join(","),
    findListener: async (port, protocol) =>
      (await scanner.identify((await scanner.socketsOn({ port, protocol })).slice(0, 1)))[0],
    findEnded(id) {
      const record = store.find(id);
      return record === undefined || record.endedAt === null ? undefined : toLease(record, clock);
    },
  });
  const registry = new Registry({
    store,
    allocator,
    holds,
    processes,
    clock,
    events,
    names,
    refusals,
    maxLeasesPerUser: 1000,
    defaultLifetime: { kind: "listener", claimMs: defaults.claimMs, graceMs: defaults.graceMs },
  });
  await restoreLeases({ store, registry, allocator, processes, clock, cooldownMs });
  const gate = <T>(what: string, act: () => Promise<T>) =>
    isAlive() ? pending.answer(what, () => undefined).then(act) : new Promise<T>(() => {});
  const backend = host.backend("a0b1c2d3");
  const firewall = new FirewallSync({
    open: () =>
      Promise.resolve({
        ...backend,
        read: async () => {
          const reading = await gate("the firewall's rules", () => backend.read());
          const apply: typeof reading.apply = (difference) =>
            gate("a change of the firewall", () => reading.apply(difference));
          return { ...reading, apply };
        },
      }),
    wanted: () => wantedRules(registry.written()),
    clock,
    publish: (event) => events.publish(event, clock.now()),
    drift: "restore",
    syncMs: 60_000,
  });
  exposedListeners(registry.written());
  events.subscribe((event) => {
    if ("record" in event && event.type !== "lease.renewed") firewall.request();
  });
  firewall.start();
  const observations = new Observations({ scanner, processes, table: registry.table, clock });
  const watch = new Watch({ registry, scanner, observations, processes, clock, events });
  const stopping = new AbortController();
  const os = {
    ephemeral: { first: settings.ephemeral[0]!, last: settings.ephemeral.at(-1)! },
    reserved: [],
    excluded: [],
    unprivilegedFrom: 1024,
  };
  const exclude = settings.excluded.map((port) => ({ first: port, last: port }));
  const parts: AppParts = {
    clock,
    store,
    registry,
    replay: new Replay({ store, registry }),
    transfer: new Transfer({ registry, store, processes, clock, names }),
    events,
    listing: new Listing({
      scanner,
      processes,
      table: registry.table,
      observations,
      turns,
    }),
    ports: new PortDescriber({
      registry,
      allocator,
      pool,
      scanner,
      processes,
      observations,
      firewall,
      exclude,
      hasRights: false,
      readOs: () => Promise.resolve(os),
    }),
    firewall,
    defaults,
    isKnownName: (name) => names.has(name),
    callers: new Callers({ users: { self: "uid:0", userOf: ({ remote }) => `uid:${remote.port}`, close() {} }, clock }),
    privileged: { below: 0, lastPortOf: () => undefined },
    port: 7678,
    provable: new Set([HOST]),
    guard: { hosts: new Set([HOST]), token: TOKEN, anonymous: "lease" },
    status: () => ({ ...STATUS, pool: { size: pool.size, free: pool.free, quarantined: allocator.quarantined } }),
    isReady: () => run.isAlive,
    stop: () => {},
    signal: stopping.signal,
    log,
  };
  const app = createApp(parts);
  const { table } = registry;
  return Object.assign(run, {
    fetch: async (request: Request, user: number) =>
      await app.fetch(request, { remoteAddr: { hostname: "127.0.0.1", port: 50_000 + user } }),
    look: () => watch.look(),
    forget: () => store.forget(clock.now() - 30 * 86_400_000, clock.now() - 86_400_000),
    refuseWaiters() {
      registry.close();
      stopping.abort();
    },
    async close() {
      await firewall.close();
      await store.close();
      holds.releaseAll();
    },
    records: () => [...table.all()],
    byId: (id: string) => table.byId(id),
    byName: (name: string) => table.byName(name),
    byPort: (port: number, protocol: Protocol) => table.byPort(port, [protocol]),
    stored: () => store.liveLeases(),
    find: (id: string) => store.find(id),
    isFree: (port: number, protocols: readonly Protocol[]) => pool.isFree(port, protocols),
    isCooling: (port: number) => allocator.isQuarantined(port),
  });
}
