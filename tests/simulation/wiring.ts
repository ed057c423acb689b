/** One run of the daemon over the virtual machine: the real domain and the real API. */
import { createApp } from "../../routes/app.ts";
import { RefusalPace } from "../../routes/refusal_pace.ts";
import type { Config } from "../../src/config.ts";
import { openDomain } from "../../src/daemon/domain.ts";
import type { LeaseRecord } from "../../src/lease/record.ts";
import type { Protocol } from "../../src/port/port.ts";
import { appPartsOf } from "../support/app.ts";
import { CONFIG } from "../support/domain.ts";
import type { FakeMachine } from "../support/machine.ts";
import type { VirtualDisk } from "./disk.ts";
import type { Pending } from "./pending.ts";
import type { Settings } from "./settings.ts";
import type { VirtualTime } from "./time.ts";

export { HOST, TOKEN } from "../support/app.ts";

/** The machine on which the daemon runs. */
export interface Machine {
  readonly time: VirtualTime;
  readonly disk: VirtualDisk;
  readonly kernel: FakeMachine;
  readonly pending: Pending;
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
  const { time, disk, settings } = machine;
  const logged: string[] = [];
  const log = (line: string) => logged.push(line);
  const run = { isAlive: true, logged };
  const clock = time.clock(() => run.isAlive);
  const domain = await openDomain(configOf(settings, disk.stateDir), {
    clock,
    log,
    limits: { mostAnswers: settings.mostAnswers },
    machine: partsOf(machine, () => run.isAlive),
  });
  disk.opened();
  const stopping = new AbortController();
  const pace = new RefusalPace(clock);
  pace.end(); // refusals are answered at once: they wait for nothing but the clock
  const app = createApp({ ...appPartsOf(domain, { stopping, log }), isReady: () => run.isAlive }, pace);
  const { store, registry, watch, pool, allocator } = domain;
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
    close: () => domain.close(),
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

function configOf({ pool, excluded, cooldownMs, defaults }: Settings, stateDir: string): Config {
  const ranges = (ports: readonly number[]) => ports.map((port) => ({ first: port, last: port }));
  return { ...CONFIG, ...defaults, stateDir, pool: ranges(pool), exclude: ranges(excluded), cooldownMs };
}

/** The firewall takes its time, as the rest of the system does, and a daemon that has crashed hears no answer. */
function partsOf({ kernel, pending }: Machine, isAlive: () => boolean) {
  const parts = kernel.parts(isAlive);
  const gate = <T>(what: string, act: () => Promise<T>) =>
    isAlive() ? pending.answer(what, () => undefined).then(act) : new Promise<T>(() => {});
  return {
    ...parts,
    async openFirewall(...args: Parameters<typeof parts.openFirewall>) {
      const backend = await parts.openFirewall(...args);
      const read = async () => {
        const reading = await gate("the firewall's rules", () => backend.read());
        const apply: typeof reading.apply = (difference) =>
          gate("a change of the firewall", () => reading.apply(difference));
        return { ...reading, apply };
      };
      return { ...backend, read };
    },
  };
}
