/** The world of one sequence: a virtual machine, the daemon on it, its clients, and what changed in the last step. */
import { setImmediate } from "node:timers";
import type { LeaseRecord } from "../../src/lease/record.ts";
import { FakeMachine } from "../support/machine.ts";
import { mix, Random } from "../support/random.ts";
import type { Known } from "./book.ts";
import { Clients } from "./clients.ts";
import { type Crash, VirtualDisk } from "./disk.ts";
import type { Moment, Operation, Plan, WishedPort } from "./operation.ts";
import { Pending } from "./pending.ts";
import type { Settings } from "./settings.ts";
import { VirtualTime } from "./time.ts";
import { type Machine, type Run, startRun } from "./wiring.ts";

/** Turns of the microtask queue after each step: more than any request needs between two answers of the system. */
const MICROTASKS = 48;
/** What is not done after so many turns of the event loop is stuck. */
const MOST_TURNS = 200;
/** A start may wait for a module that is loaded, which takes real time: it is stuck only after this time too. */
const LOADING_MS = 10_000;
const realNow = performance.now.bind(performance); // within a sequence it is the virtual time

/** What differs since the step before. */
export interface Change {
  /** Leases that were never seen before. */
  readonly appeared: readonly Known[];
  /** Leases that were live and are not. */
  readonly gone: readonly Known[];
  /** Calls that were answered. */
  readonly answered: readonly Operation[];
  /** Whether the daemon is another run. */
  readonly isRestarted: boolean;
}

/** A port whose lease has ended, and which nobody has used since. */
export interface Freed {
  /** Since boot; never later than it was. */
  readonly at: number;
  /** The name that may have it back. */
  readonly name: string | null;
}

/** The daemon waits for an answer that never comes. */
export class StuckError extends Error {
  override readonly name = "StuckError";
}

/** Options of a {@linkcode World}. */
export interface WorldOptions {
  readonly seed: number;
  /** Where its files are. */
  readonly folder: string;
  /** The file of leases with which it begins. */
  readonly template: Uint8Array;
  /** Called after each start of the daemon: a test breaks a promise here. */
  readonly tamper?: ((world: World) => void) | undefined;
}

/** Everything that a step may act on and an invariant may look at. */
export class World implements Machine {
  readonly settings: Settings;
  readonly time = new VirtualTime();
  readonly pending = new Pending();
  readonly kernel: FakeMachine;
  readonly disk: VirtualDisk;
  run!: Run;
  step = 0;
  /** The live leases after the step before, by id. */
  before: ReadonlyMap<string, LeaseRecord> = new Map();
  /** Ports of the pool that could be granted after the step before, as `protocol:port`. */
  freeBefore: ReadonlySet<string> = new Set();
  change: Change = { appeared: [], gone: [], answered: [], isRestarted: false };
  /** Ports whose leases have ended in this run, by `protocol:port`. */
  freed: ReadonlyMap<string, Freed> = new Map();
  /** The same before this step. */
  freedBefore: ReadonlyMap<string, Freed> = new Map();
  /** The monotonic time after the step before. */
  monotonicBefore = 0;
  /** The watch's look that is under way. */
  look: Promise<void> | undefined;
  /** When the last finished look began, since boot. */
  lookedAt: number | undefined;
  /** The latest wall-clock time so far: the 24 hours for which answers are kept end by it. */
  latestWall = 0;
  /** Errors that the daemon does not catch: they would end it. */
  readonly uncaught: unknown[] = [];
  /** Notes of invariants that look at more than one step. */
  readonly notes = new Map<string, unknown>();
  readonly #clients = new Clients(this);
  readonly book = this.#clients.book;
  readonly #tamper: (world: World) => void;
  #isRestarted = false;

  constructor(settings: Settings, { seed, folder, template, tamper = () => {} }: WorldOptions) {
    this.#tamper = tamper;
    this.settings = settings;
    const { pending } = this;
    pending.isSlow = settings.isKernelSlow;
    const { ephemeral, mostHolds } = settings;
    const random = new Random(mix(seed, 1));
    this.kernel = new FakeMachine({
      ephemeral,
      mostHolds,
      answer: (what, value) => pending.answer(what, value),
      pick: (from) => random.pick(from),
    });
    this.kernel.users = { self: "uid:0", userOf: ({ remote }) => `uid:${remote.port}`, close() {} };
    this.disk = new VirtualDisk(folder, template, pending);
  }

  get moment(): Moment {
    return { step: this.step, monotonic: this.time.monotonic, wall: this.time.wall };
  }

  /** Starts the first run, or the next one. */
  async start(): Promise<void> {
    this.run = await this.complete(startRun(this));
    this.#tamper(this);
    this.#isRestarted = true;
  }

  /** A client begins a call. */
  begin(plan: Plan): Operation {
    return this.#clients.begin(plan);
  }

  /** Lets everything happen that needs neither the system nor time. */
  readonly drain = async (): Promise<void> => {
    for (let i = 0; i < MICROTASKS; i++) await undefined;
  };

  /** One turn of the event loop: the store commits what is queued. */
  async turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    await this.drain();
  }

  /** Waits for something while the system answers everything at once. */
  async complete<T>(promise: Promise<T>): Promise<T> {
    let isDone = false;
    const done = () => isDone = true;
    promise.then(done, done);
    await this.drain();
    const began = realNow();
    for (let turns = 0; !isDone && (turns < MOST_TURNS || realNow() - began < LOADING_MS); turns++) {
      while (this.pending.size > 0) this.pending.settle(0);
      await this.turn();
    }
    if (!isDone) throw new StuckError("the daemon does not finish its start or stop");
    return await promise;
  }

  /** Lets the system answer until nothing moves: only calls in the wait queue still wait. */
  async settle(): Promise<void> {
    for (let quiet = 0, turns = 0; quiet < 3 && turns < MOST_TURNS; turns++) {
      quiet = this.pending.size === 0 ? quiet + 1 : 0;
      while (this.pending.size > 0) this.pending.settle(0);
      await this.turn();
    }
  }

  /** The daemon is killed, or the machine loses power, or it reboots. */
  async crash(kind: Crash, random: Random): Promise<void> {
    this.#end();
    const close = this.disk.crash(kind, random);
    this.disk.failingCommits = 0;
    this.pending.drop();
    if (kind === "reboot") this.#reboot();
    else this.time.dropTimers();
    this.kernel.portdEnded();
    await this.turn(); // the old run writes what it has queued to its old file, which nobody reads again
    close();
    await this.start();
  }

  /** The daemon stops in order and starts again. */
  async restart(): Promise<void> {
    this.disk.failingCommits = 0;
    this.kernel.isOutOfDescriptors = false;
    this.run.refuseWaiters();
    await this.settle();
    await this.complete(this.run.close());
    this.#end();
    if (this.disk.isLeftOpen) this.disk.crash("kill", new Random(0))();
    else this.disk.closed();
    this.kernel.portdEnded();
    this.time.dropTimers();
    await this.start();
  }

  /** Finds out what has changed since the step before. */
  observe(): void {
    const appeared: Known[] = [];
    const live = new Map(this.run.records().map((record) => [record.id, record]));
    for (const record of live.values()) {
      const known = this.book.leases.get(record.id) ?? this.book.see(record, this.moment);
      if (known.seen.step === this.step && !known.isLive) appeared.push(known);
    }
    const gone = [...this.book.leases.values()].filter((known) => known.isLive && !live.has(known.id));
    for (const known of this.book.leases.values()) {
      known.isLive = live.has(known.id);
      known.isGone = !known.isLive;
    }
    this.change = { appeared, gone, answered: this.#clients.takeAnswered(), isRestarted: this.#isRestarted };
    this.#isRestarted = false;
    this.#followFreed();
    this.latestWall = Math.max(this.latestWall, this.time.wall);
  }

  /** Keeps the state that the next step is compared with. */
  remember(): void {
    this.before = new Map(this.run.records().map((record) => [record.id, record]));
    this.monotonicBefore = this.time.monotonic;
    this.freeBefore = new Set(
      this.settings.pool.flatMap((port) =>
        (["tcp", "udp"] as const).flatMap((protocol) => this.canGive(port, [protocol]) ? [`${protocol}:${port}`] : [])
      ),
    );
  }

  /** Whether a port can be granted: no lease, no cool-down, no server and no exclusion prevents it. */
  canGive(port: number, protocols: WishedPort["protocols"]): boolean {
    return !this.settings.excluded.includes(port) && this.run.isFree(port, protocols) &&
      this.kernel.wouldGive(port, protocols);
  }

  /** Whether only its cool-down prevents a grant: the lease ended in this run, and nobody has used the port since. */
  isOnlyCooling(port: number, protocols: WishedPort["protocols"]): boolean {
    const isCooling = (protocol: "tcp" | "udp") => this.freed.has(`${protocol}:${port}`);
    return !this.settings.excluded.includes(port) && this.kernel.wouldGive(port, protocols) &&
      protocols.every((protocol) => this.run.isFree(port, [protocol]) || isCooling(protocol));
  }

  /** The ports that a wish may have right now, in order. Where nothing else is free, one that cools down is granted. */
  portsFor({ range, protocols }: WishedPort): number[] {
    const where = range === undefined
      ? this.settings.pool
      : Array.from({ length: Math.min(range.last - range.first + 1, 64) }, (_, i) => range.first + i);
    return where.filter((port) => this.canGive(port, protocols) || this.isOnlyCooling(port, protocols));
  }

  /** Ends the daemon and removes its files. */
  async dispose(): Promise<void> {
    this.run.isAlive = false;
    await this.#clients.closeStreams();
    this.run.refuseWaiters();
    await this.turn();
    this.disk.remove();
  }

  #end(): void {
    this.run.isAlive = false;
    this.look = undefined;
    this.lookedAt = undefined;
    this.#clients.loseDaemon();
  }

  #followFreed(): void {
    const { appeared, gone, isRestarted } = this.change;
    const freed = this.freedBefore = this.freed;
    const now = new Map(isRestarted ? [] : freed);
    for (const known of isRestarted ? [] : gone) {
      const isEnded = (this.run.find(known.id)?.endedAt ?? null) !== null;
      const end = { at: this.monotonicBefore, name: known.name };
      for (const protocol of isEnded ? known.protocols : []) now.set(`${protocol}:${known.port}`, end);
    }
    for (const { port, protocols } of appeared) for (const protocol of protocols) now.delete(`${protocol}:${port}`);
    for (const endpoint of this.kernel.servers.keys()) now.delete(endpoint);
    this.freed = now;
  }

  #reboot(): void {
    this.time.reboot();
    this.kernel.reboot();
    for (const known of this.book.leases.values()) known.isUntimed = true;
  }
}
