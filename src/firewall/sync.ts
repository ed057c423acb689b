/**
 * The loop that makes the firewall's rules equal to those that live exposures want: at every change, at the start and on
 * a timer. One sync runs at a time, however long a firewall takes. It costs one read, and where there is something to
 * change one apply and one read back.
 */
import { type Clock, isoInstant } from "../clock.ts";
import { PortdError } from "../errors.ts";
import { Histogram } from "../metrics/histogram.ts";
import { pauseAfter, type Pauses } from "../wait.ts";
import { type FirewallBackend, type FirewallReading, firewallUnavailable } from "./backend.ts";
import {
  contentOf,
  type FirewallPlan,
  type LastSync,
  makePlan,
  requireKept,
  type RuleState,
  type RuleStates,
  type RuleWithState,
  statesOf,
} from "./plan.ts";
import { diff, type Rule, type RuleEvent, sizeOf } from "./rule.ts";

/** The pauses after failures. */
const RETRY: Pauses = { pauseMs: 1000, longestPauseMs: 60_000 };

/** How long a stop waits at most for a sync that runs. */
const STOP_WAIT_MS = 1000;

/** What a {@linkcode FirewallSync} is made of. */
export interface FirewallSyncParts {
  /** Finds the firewall that governs the host; called when it is first needed, and again after a failure. */
  readonly open: () => Promise<FirewallBackend>;
  /** The rules that are wanted at this moment. */
  readonly wanted: () => readonly Rule[];
  readonly clock: Clock;
  readonly publish: (event: RuleEvent) => void;
  /** Whether rules that were changed or deleted by hand are restored, or only reported. */
  readonly drift: "restore" | "report";
  /** How often the rules are checked although nothing has changed, in milliseconds. */
  readonly syncMs: number;
}

/** What a {@linkcode FirewallSync} counts. */
export interface SyncCounts {
  ok: number;
  failed: number;
  /** How long each sync took, in seconds. */
  readonly seconds: Histogram;
}

/** Some firewalls take minutes. */
const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** Keeps the rules equal to the wanted ones. */
export class FirewallSync {
  readonly counts: SyncCounts = { ok: 0, failed: 0, seconds: new Histogram(SECONDS) };
  readonly #parts: FirewallSyncParts;
  /** The rules that were there after the last sync, by name. One that then differs though still wanted has drifted. */
  #set: ReadonlyMap<string, Rule> = new Map();
  /** The wanted rules as the last reading showed them; `undefined` where the firewall could not be read. */
  #states: RuleStates | undefined;
  /** Names of rules whose drift was reported and goes on. */
  #reported: ReadonlySet<string> = new Set();
  #backend: FirewallBackend | undefined;
  #running: Promise<FirewallPlan> | undefined;
  #next: Promise<FirewallPlan> | undefined;
  /** Whether a sync was asked for since the running one began its last reading. */
  #isAsked = false;
  #last: LastSync | null = null;
  #failures = 0;
  #stopTimer = () => {};
  #isClosed = false;

  constructor(parts: FirewallSyncParts) {
    this.#parts = parts;
  }

  /** How the last sync ended; null before the first. */
  get last(): LastSync | null {
    return this.#last;
  }

  /** What keeps the wanted rules from being set, a sentence; null where nothing does, or none is wanted. */
  get fault(): string | null {
    const error = this.#last?.error ?? null;
    if (error === null || this.#parts.wanted().length === 0) return null;
    return `the rules for open ports are not in order: ${error}; portd firewall status shows them`;
  }

  /** Whether a sync runs. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Name of the firewall; null before it was first needed. */
  get backend(): string | null {
    return this.#backend?.name ?? null;
  }

  /**
   * Asks for a sync where there is any rule to care for, or a sync runs that may make one, and does not wait for it.
   * Failures are published as events and tried again.
   */
  request(): void {
    if (this.#hasRules || this.isRunning) this.start();
  }

  /** Starts a sync and does not wait for it. The first one also removes what a crash left. */
  start(): void {
    this.sync().catch(() => {
      // published by #run, which has set the timer for another try
    });
  }

  /** What a sync would do now. @throws {PortdError} `firewall_unavailable`. */
  async plan(): Promise<FirewallPlan> {
    try {
      return this.#planFrom(await (await this.#open()).read());
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  /** How a wanted rule stood after the last sync. Reads nothing. */
  stateOf(rule: Rule): RuleState {
    return this.#stateIn(this.#states, rule);
  }

  /** How the rules that are wanted at this moment stood after the last sync. Reads nothing. */
  states(): readonly RuleState[] {
    return this.#parts.wanted().map((rule) => this.stateOf(rule));
  }

  /** The rules that are wanted at this moment, as they stand in a plan; unknown without one. */
  rules(plan?: FirewallPlan): readonly RuleWithState[] {
    const states = plan && statesOf(plan);
    return this.#parts.wanted().map((rule) => ({ ...rule, state: this.#stateIn(states, rule) }));
  }

  /** Whether the firewall would have to be opened for a rule that is perhaps not wanted. @throws {PortdError} `firewall_unavailable`. */
  async isNeeded(rule: Rule): Promise<boolean> {
    try {
      return (await (await this.#open()).read()).needed(rule) !== undefined;
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  /**
   * Makes the rules equal to those that are wanted at this moment. A call while a sync runs waits for it, and also for
   * the one after it unless the first has read the firewall again since and found every rule in order.
   *
   * @returns what was done.
   * @throws {PortdError} `firewall_unavailable`.
   */
  sync(): Promise<FirewallPlan> {
    if (this.#running === undefined) return this.#start();
    this.#isAsked = true;
    this.#next ??= this.#running.then((plan) => this.#follow(plan), () => this.#follow());
    return this.#next;
  }

  /** Ends the timer and waits for a sync that runs, but not for long: a firewall may take minutes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopTimer();
    const waited = Promise.withResolvers<void>();
    const stopWaiting = this.#parts.clock.after(STOP_WAIT_MS, waited.resolve);
    await Promise.race([this.#running?.catch(() => undefined), waited.promise]); // its failure has been published
    stopWaiting();
  }

  /** Without rules to care for, a firewall that cannot be read is no problem, even where there is none. */
  get #hasRules(): boolean {
    return this.#set.size > 0 || this.#parts.wanted().length > 0;
  }

  #stateIn(states: RuleStates | undefined, rule: Rule): RuleState {
    if (states === undefined) return "unknown";
    const state = states.get(contentOf(rule)) ?? "missing";
    return state === "missing" && typeof this.#last?.error === "string" ? "failed" : state;
  }

  async #open(): Promise<FirewallBackend> {
    this.#backend ??= await this.#parts.open();
    return this.#backend;
  }

  #start(): Promise<FirewallPlan> {
    const running = this.#run().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  /** What follows a sync that somebody waits for. @param plan is what it has done; absent where it failed. */
  async #follow(plan?: FirewallPlan): Promise<FirewallPlan> {
    this.#next = undefined;
    const wanted = this.#parts.wanted();
    const isDone = plan !== undefined && !this.#isAsked && contentOf(plan.wanted) === contentOf(wanted) &&
      wanted.every((rule) => this.stateOf(rule) !== "missing");
    return isDone ? plan : await this.sync();
  }

  async #run(): Promise<FirewallPlan> {
    const { clock, publish } = this.#parts;
    this.#stopTimer();
    const startedAt = clock.monotonic();
    try {
      const plan = await this.#makeEqual();
      this.#remember(plan);
      this.counts.ok++;
      this.#last = { at: isoInstant(clock.now()), error: null };
      this.#failures = 0;
      return plan;
    } catch (error) {
      this.counts.failed++;
      this.#failures++;
      this.#backend = undefined;
      const reason = (error as Error).message;
      if (this.#hasRules && this.#last?.error !== reason) publish({ type: "rule.failed", reason });
      this.#last = { at: isoInstant(clock.now()), error: reason };
      throw asUnavailable(error);
    } finally {
      this.counts.seconds.observe((clock.monotonic() - startedAt) / 1000);
      this.#setTimer();
    }
  }

  async #makeEqual(): Promise<FirewallPlan> {
    const reading = await this.#read();
    const plan = this.#planFrom(reading);
    this.#states = statesOf(plan);
    if (sizeOf(plan) === 0) return plan;
    await reading.apply(plan);
    const left = diff(plan.needed, (await this.#read()).rules);
    this.#states = statesOf(plan, [...left.add, ...left.change]);
    requireKept(plan, left);
    return plan;
  }

  async #read(): Promise<FirewallReading> {
    try {
      const backend = await this.#open();
      this.#isAsked = false;
      return await backend.read();
    } catch (error) {
      this.#states = undefined;
      throw error;
    }
  }

  #planFrom(reading: FirewallReading): FirewallPlan {
    const { wanted, drift } = this.#parts;
    return makePlan(reading, { wanted: wanted(), before: this.#set, drift });
  }

  #remember({ add, change, remove, drifted, needed }: FirewallPlan): void {
    const { publish, drift } = this.#parts;
    for (const rule of drifted) if (!this.#reported.has(rule.name)) publish({ type: "rule.drifted", rule });
    this.#reported = new Set(drift === "report" ? drifted.map(({ name }) => name) : []);
    this.#set = new Map(needed.map((rule) => [rule.name, rule]));
    for (const name of remove) publish({ type: "rule.removed", name });
    for (const rule of [...add, ...change]) if (!drifted.includes(rule)) publish({ type: "rule.added", rule });
  }

  #setTimer(): void {
    if (this.#isClosed || !this.#hasRules) return;
    const { clock, syncMs } = this.#parts;
    const pauseMs = this.#failures > 0 ? Math.min(pauseAfter(this.#failures, RETRY), syncMs) : syncMs;
    this.#stopTimer = clock.after(pauseMs, () => this.request());
  }
}

/** An unexpected error of a backend also means that the firewall cannot be used. */
function asUnavailable(error: unknown): PortdError {
  if (error instanceof PortdError) return error;
  return firewallUnavailable("keep the firewall's rules", (error as Error).message, error);
}
