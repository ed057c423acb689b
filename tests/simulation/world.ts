/** The world of one sequence: a virtual machine, the daemon on it, its clients' book, and what changed in the last step. */
import { setImmediate } from "node:timers";
import type { LeaseRecord } from "../../src/lease/record.ts";
import { FakeMachine } from "../support/machine.ts";
import { Book, type Known } from "./book.ts";
import { type Crash, VirtualDisk } from "./disk.ts";
import { type Moment, Operation, type Plan, type WishedPort } from "./operation.ts";
import { Pending } from "./pending.ts";
import { mix, Random } from "./random.ts";
import { GRANTS_COOLING_PORTS } from "./rules.ts";
import type { Settings } from "./settings.ts";
import { VirtualTime } from "./time.ts";
import { HOST, type Machine, type Run, startRun, TOKEN } from "./wiring.ts";

/** Turns of the promises' queue after each step: more than any request needs from one answer of the system to the next. */
const MICROTASKS = 48;
/** Turns of the event loop after which whatever is still unanswered is stuck. */
const MOST_TURNS = 200;

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

/** The daemon waits for what nobody will answer. */
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
  /** Called for each run of the daemon when it has started: a test breaks a promise here. */
  readonly tamper?: ((world: World) => void) | undefined;
}

/** Everything that a step may act on and an invariant may look at. */
export class World implements Machine {
  readonly settings: Settings;
  readonly time = new VirtualTime();
  readonly pending = new Pending();
  readonly book = new Book();
  readonly kernel: FakeMachine;
  readonly disk: VirtualDisk;
  run!: Run;
  step = 0;
  /** The live leases after the step before, by id. */
  before: ReadonlyMap<string, LeaseRecord> = new Map();
  /** Ports of the pool and beyond that could be given after the step before. */
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
  /** The latest wall-clock time so far: answers are kept for 24 hours by it. */
  latestWall = 0;
  /** Errors of the daemon that nothing has caught: they would end it. */
  readonly uncaught: unknown[] = [];
  /** Notes of invariants that look at more than one step. */
  readonly notes = new Map<string, unknown>();
  readonly #tamper: (world: World) => void;
  readonly #streams: ReadableStream<Uint8Array>[] = [];
  #answered: Operation[] = [];
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
    const at = { run: this.run, started: this.moment, failedSyncs: this.disk.failedSyncs };
    const operation = new Operation(this.book.operations.length, plan, at);
    operation.held = this.#heldBy(plan);
    const wish = plan.grant?.wishes[0];
    operation.free = wish && new Set(this.portsFor(wish));
    this.book.begin(operation);
    const headers: Record<string, string> = { host: HOST, "content-type": "application/json" };
    if (plan.hasToken) headers.authorization = `Bearer ${TOKEN}`;
    if (plan.key !== undefined) headers["idempotency-key"] = plan.key;
    if (plan.body !== undefined) headers["content-length"] = String(plan.body.length);
    const { method, path, body } = plan;
    const { signal } = operation.controller;
    const request = new Request(`http://${HOST}${path}`, {
      method,
      headers,
      signal,
      ...(body === undefined ? {} : { body }),
    });
    void this.#hear(operation, this.run.fetch(request, plan.user ?? 0));
    return operation;
  }

  /** Everything that follows without the system or time has followed. */
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
    for (let turns = 0; !isDone && turns < MOST_TURNS; turns++) {
      while (this.pending.size > 0) this.pending.settle(0);
      await this.turn();
    }
    if (!isDone) throw new StuckError("the daemon neither starts nor stops to the end");
    return await promise;
  }

  /** Lets the system answer until nothing moves: only those in line still wait. */
  async settle(): Promise<void> {
    for (let quiet = 0, turns = 0; quiet < 3 && turns < MOST_TURNS; turns++) {
      quiet = this.pending.size === 0 ? quiet + 1 : 0;
      while (this.pending.size > 0) this.pending.settle(0);
      await this.turn();
    }
  }

  /** The daemon ends without a word, or the whole machine does. */
  async crash(kind: Crash, random: Random): Promise<void> {
    this.#end();
    const close = this.disk.crash(kind, random);
    this.disk.failingCommits = 0;
    this.pending.drop();
    if (kind === "reboot") this.#reboot();
    else this.time.dropTimers();
    this.kernel.portdEnded();
    await this.turn(); // what the old run has queued goes to the file that nobody reads any more
    close();
    await this.start();
  }

  /** The daemon stops as it should and starts again. */
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

  /** Compares what is with what was. */
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
    this.change = { appeared, gone, answered: this.#answered, isRestarted: this.#isRestarted };
    this.#answered = [];
    this.#isRestarted = false;
    this.#followFreed();
    this.latestWall = Math.max(this.latestWall, this.time.wall);
  }

  /** Keeps what the next step is compared with. */
  remember(): void {
    this.before = new Map(this.run.records().map((record) => [record.id, record]));
    this.monotonicBefore = this.time.monotonic;
    this.freeBefore = new Set(
      this.settings.pool.flatMap((port) =>
        (["tcp", "udp"] as const).flatMap((protocol) => this.canGive(port, [protocol]) ? [`${protocol}:${port}`] : [])
      ),
    );
  }

  /** Whether nothing stands between a port and a grant: no lease, no cool-down, no server, no exclusion. */
  canGive(port: number, protocols: WishedPort["protocols"]): boolean {
    return !this.settings.excluded.includes(port) && this.run.isFree(port, protocols) &&
      this.kernel.wouldGive(port, protocols);
  }

  /** Whether a port has only to cool down: its lease has ended in this run, and nobody has used it since. */
  isOnlyCooling(port: number, protocols: WishedPort["protocols"]): boolean {
    const isCooling = (protocol: "tcp" | "udp") => this.freed.has(`${protocol}:${port}`);
    return !this.settings.excluded.includes(port) && this.kernel.wouldGive(port, protocols) &&
      protocols.every((protocol) => this.run.isFree(port, [protocol]) || isCooling(protocol));
  }

  /** The ports that a wish may have right now, in order. */
  portsFor({ range, protocols }: WishedPort): number[] {
    const where = range === undefined
      ? this.settings.pool
      : Array.from({ length: Math.min(range.last - range.first + 1, 64) }, (_, i) => range.first + i);
    return where.filter((port) =>
      this.canGive(port, protocols) || (GRANTS_COOLING_PORTS && this.isOnlyCooling(port, protocols))
    );
  }

  /** Gives back everything. */
  async dispose(): Promise<void> {
    this.run.isAlive = false;
    for (const stream of this.#streams) await stream.cancel();
    this.run.refuseWaiters();
    await this.turn();
    this.disk.remove();
  }

  #end(): void {
    this.run.isAlive = false;
    this.look = undefined;
    this.lookedAt = undefined;
    for (const operation of this.book.pending) {
      operation.state = "lost";
      operation.ended = this.moment;
    }
    for (const stream of this.#streams.splice(0)) void stream.cancel();
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

  #heldBy({ target }: Plan): string | undefined {
    if (target === undefined || target.by === "label") return undefined;
    if (target.by === "id") return this.run.byId(target.id)?.id;
    if (target.by === "name") return this.run.byName(target.name)?.id;
    return (this.run.byPort(target.port, "tcp") ?? this.run.byPort(target.port, "udp"))?.id;
  }

  async #hear(operation: Operation, answer: Promise<Response>): Promise<void> {
    let status = 0, text: string;
    try {
      const response = await answer;
      status = response.status;
      const isStream = response.headers.get("content-type") === "text/event-stream";
      if (isStream) this.#streams.push(response.body!);
      text = isStream ? "" : await response.text();
    } catch (error) {
      status = 500;
      text = JSON.stringify({ code: "thrown", detail: String(error) });
    }
    if (operation.state !== "pending") return; // the daemon that answers has crashed
    operation.status = status;
    operation.answer = text === "" ? undefined : JSON.parse(text);
    operation.ended = this.moment;
    operation.state = status < 300 ? "done" : this.#stateOfRefusal(operation);
    this.#answered.push(operation);
    if (status < 300) this.#acknowledge(operation);
    else if (operation.code === "lease_ended" && operation.plan.target?.by === "id" && this.disk.failedSyncs === 0) {
      this.#over(operation.plan.target.id);
    }
  }

  /**
   * Where a sync has failed, nobody can know what the file holds. A client that leaves is told nothing, and with its key
   * it gets later what was granted meanwhile.
   */
  #stateOfRefusal({ code, plan, controller, failedSyncsBefore }: Operation): "refused" | "unknown" | "lost" {
    if (plan.key !== undefined && controller.signal.aborted) return "lost";
    return code === "store_unavailable" && this.disk.failedSyncs > failedSyncsBefore ? "unknown" : "refused";
  }

  #acknowledge(operation: Operation): void {
    const { plan, answer, held, started, leases, number, family } = operation;
    if (plan.ends) {
      if (held !== undefined) this.#over(held);
      for (const id of answer?.released ?? []) this.#over(id);
    }
    for (const id of plan.imported === undefined ? [] : answer.imported) this.#live(id, operation);
    const isRead = plan.method === "GET";
    if (isRead && plan.path.startsWith("/v1/ports/")) return; // says what is going on, and waits for no disk
    for (const lease of leases) {
      // After a failed sync a lease may be shown of which nobody knows whether a restart will find it.
      if (lease.endedAt !== null || (isRead && this.disk.failedSyncs > 0)) continue;
      const known = this.book.leases.get(lease.id) ?? this.book.see(lease, this.moment);
      if (number === family || known.isLive) this.#live(lease.id, operation);
      if (plan.renews && number === family) known.renewedAt = Math.max(known.renewedAt, started.monotonic);
    }
  }

  #over(id: string): void {
    const known = this.book.leases.get(id);
    if (known !== undefined) known.overAt ??= this.step;
  }

  #live(id: string, by: Operation): void {
    const known = this.book.leases.get(id);
    if (known === undefined || known.acknowledgedAt !== undefined) return;
    known.acknowledgedAt = this.step;
    known.acknowledgedBy = by;
  }
}
