/** A domain with a clock of the test's own, over this machine or one in memory. */
import { tmpdir } from "node:os";
import type { Config } from "../../src/config.ts";
import { type Domain, openDomain } from "../../src/daemon/domain.ts";
import { GenericHolds } from "../../src/hold/generic.ts";
import type { Lease } from "../../src/lease/lease.ts";
import type { StoreLimits } from "../../src/lease/store/store.ts";
import type { GrantRequest, Wish } from "../../src/lease/wish.ts";
import { isKnown } from "../../src/port/iana.ts";
import { FakeClock } from "./clock.ts";
import { temporaryFolder } from "./folder.ts";
import type { FakeMachine } from "./machine.ts";

/** An opened domain with what a test asks of it. */
export interface TestDomain extends AsyncDisposable {
  readonly domain: Domain;
  readonly clock: FakeClock;
  readonly config: Config;
  /** First port of the pool. */
  readonly first: number;
  readonly logged: string[];
  /** Closes the domain; again, it does nothing. */
  close(): Promise<void>;
  /** Closes the domain and opens it again over the same file, as a restart does; both end with the first. */
  restart(clock?: FakeClock): Promise<TestDomain>;
}

/** Options of {@linkcode openTestDomain}. */
export interface TestOptions extends Partial<Config> {
  readonly poolSize?: number;
  readonly clock?: FakeClock;
  /** Bounds of the file. */
  readonly limits?: StoreLimits;
  /** What the domain runs on. @default this machine */
  readonly machine?: FakeMachine;
}

/** The configuration of a test where it says nothing else. */
export const CONFIG: Omit<Config, "stateDir" | "pool"> = {
  listen: "127.0.0.1:0",
  exclude: [],
  cooldownMs: 60_000,
  claimMs: 600_000,
  graceMs: 300_000,
  processGraceMs: 10_000,
  watchMs: 1000,
  historyDays: 30,
  maxLeasesPerUser: 1000,
  auth: { anonymous: "lease" },
  log: { level: "info", format: "text" },
  firewall: { backend: "none", drift: "restore", syncMs: 60_000 },
  compat: { portserver: "", grpc: "", grpcQuit: "ignore" },
  gateway: { protocol: "none", lifetimeMs: 3_600_000, shortestLifetimeMs: 120_000 },
  stun: [],
};

/** Where a pool of a machine in memory begins: the port of most examples is in it. */
const FIRST_IN_MEMORY = 20_411;

/** Opens a domain with a pool of free ports in a row. */
export async function openTestDomain(
  { poolSize = 10, clock = new FakeClock(), limits = {}, machine, ...settings }: TestOptions = {},
): Promise<TestDomain> {
  const folder = await temporaryFolder();
  const { first, giveBack } = machine === undefined
    ? await takeRow(poolSize)
    : { first: FIRST_IN_MEMORY, giveBack: () => Promise.resolve() };
  const config = { ...CONFIG, stateDir: folder.path, pool: [{ first, last: first + poolSize - 1 }], ...settings };
  return await open({ config, limits, machine }, clock, async () => {
    await giveBack();
    await folder[Symbol.asyncDispose]();
  });
}

/** Declares a test of a domain. */
export function domainTest(name: string, run: (test: TestDomain) => Promise<void>, options: TestOptions = {}): void {
  Deno.test(name, async () => {
    await using test = await openTestDomain(options);
    await run(test);
  });
}

interface Settings {
  readonly config: Config;
  readonly limits: StoreLimits;
  readonly machine: FakeMachine | undefined;
}

async function open(settings: Settings, clock: FakeClock, remove: () => Promise<void>): Promise<TestDomain> {
  const { config, limits, machine } = settings;
  const logged: string[] = [];
  const log = (line: string) => void logged.push(line);
  const domain = await openDomain(config, { clock, log, limits, ...(machine && { machine: machine.parts() }) });
  let isOpen = true;
  let next: TestDomain | undefined;
  const close = async () => {
    await next?.close();
    if (isOpen) await domain.close();
    isOpen = false;
  };
  return {
    domain,
    clock,
    config,
    first: config.pool[0]!.first,
    logged,
    close,
    async restart(nextClock = clock) {
      await close();
      next = await open(settings, nextClock, remove);
      return next;
    },
    async [Symbol.asyncDispose]() {
      await close();
      await remove();
    },
  };
}

const FIRST_TRIED = 10_000, LAST_TRIED = 19_000, ROW = 50, TRIES = 200;
/** A test that was killed leaves its mark behind. */
const STALE_MS = 600_000;

/**
 * Unregistered ports in a row that the kernel would give, and that no other test has. Tests run in several threads, and
 * in several processes of a machine, at once: a folder marks the row of each.
 */
async function takeRow(length: number): Promise<{ readonly first: number; readonly giveBack: () => Promise<void> }> {
  const holds = new GenericHolds();
  const isFree = (port: number) =>
    holds.claim(port, { protocols: ["tcp", "udp"], hold: "none" }).obstacle === undefined;
  const rows = Math.floor((LAST_TRIED - FIRST_TRIED) / ROW);
  for (let tries = 0; tries < TRIES; tries++) {
    const start = FIRST_TRIED + Math.floor(Math.random() * rows) * ROW;
    const mark = `${tmpdir()}/portd-test-row-${start}`;
    if (!await makeMark(mark)) continue;
    for (let first = start; first + length <= start + ROW; first++) {
      const row = Array.from({ length }, (_, i) => first + i);
      if (row.every((port) => isFree(port) && !isKnown(port))) {
        return { first, giveBack: () => Deno.remove(mark) };
      }
    }
    await Deno.remove(mark);
  }
  throw new Error(`Cannot find ${length} free ports in a row`);
}

/** @returns whether the mark is ours now. */
async function makeMark(path: string): Promise<boolean> {
  try {
    await Deno.mkdir(path);
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    const { mtime } = await Deno.stat(path).catch(() => ({ mtime: new Date() })); // it has just been given back
    if (Date.now() - mtime!.getTime() > STALE_MS) await Deno.remove(path).catch(() => undefined); // by another as well
    return false;
  }
}

/** A wish with everything left to portd. */
export function wish(part: Partial<Wish> = {}): Wish {
  return { name: null, prefer: [], pool: "default", protocols: ["tcp"], ...part };
}

/** A request for one port with everything left to portd. */
export function request(part: Partial<Wish> = {}, rest: Partial<GrantRequest> = {}): GrantRequest {
  return {
    project: null,
    wishes: [wish(part)],
    contiguous: false,
    owner: null,
    holder: { id: "test", command: null, cwd: null },
    pid: null,
    lifetime: undefined,
    labels: undefined,
    exposure: undefined,
    mayExpose: false,
    waitMs: 0,
    ...rest,
  };
}

/** Grants one port: the arguments are those of {@linkcode request}. */
export async function grantOne({ domain }: TestDomain, ...args: Parameters<typeof request>): Promise<Lease> {
  const { leases } = await domain.registry.grant(request(...args));
  return leases[0]!;
}
