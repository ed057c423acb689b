/**
 * The loop that makes the firewall's rules those that live exposures want: at every change, at the start and on a timer.
 * One sync runs at a time, however long a firewall takes; a wish that comes meanwhile makes it run once more.
 */
import { type Clock, isoInstant } from "../clock.ts";
import { PortdError } from "../errors.ts";
import type { FirewallBackend, FirewallReading } from "./backend.ts";
import { type ActualRule, diff, type Difference, type Rule, type RuleEvent, sizeOf } from "./rule.ts";

/** First pause after a failure, and the longest; it doubles in between. */
const FIRST_RETRY_MS = 1000, LONGEST_RETRY_MS = 60_000;

/** What a stop waits at most for a sync that runs. */
const PATIENCE_MS = 1000;

/** What a {@linkcode FirewallSync} is made of. */
export interface FirewallSyncParts {
  /** Finds the firewall that governs the host; asked at the first need, and again after a failure. */
  readonly open: () => Promise<FirewallBackend>;
  /** The rules that are wanted at this moment. */
  readonly wanted: () => readonly Rule[];
  readonly clock: Clock;
  readonly tell: (event: RuleEvent) => void;
  /** Whether rules that were changed or deleted by hand are restored, or only told of. */
  readonly drift: "restore" | "report";
  /** How often the rules are looked at though nothing has changed, in milliseconds. */
  readonly syncMs: number;
}

/** What is to be done, or was. */
export interface FirewallPlan extends Difference {
  /** Wanted rules that were changed or deleted by hand since they were set. */
  readonly drifted: readonly Rule[];
  /** What hinders rules or makes them needless. */
  readonly remarks: readonly string[];
  /** Rules of others. */
  readonly foreign: number;
  /** Rules with our mark, as they were before. */
  readonly actual: readonly ActualRule[];
  /** The rules that were wanted. */
  readonly wanted: readonly Rule[];
  /** The same in the form in which this firewall has them; without those that it does not need. */
  readonly desired: readonly Rule[];
}

/** How a wanted rule stands: it is there, it is not (yet), or the firewall lets pass without it what it is about. */
export type RuleState = "set" | "missing" | "needless";

/** How the last sync ended. */
export interface LastSync {
  /** ISO instant. */
  readonly at: string;
  /** Why it failed; null when it did not. */
  readonly error: string | null;
}

/** Keeps the rules equal to the wishes. */
export class FirewallSync {
  readonly #parts: FirewallSyncParts;
  /** The rules that were there after the last sync, by name: what differs from them though the wish does not, drifted. */
  #set: ReadonlyMap<string, Rule> = new Map();
  /** The wishes of the last sync, by name. */
  #met: ReadonlyMap<string, Rule> = new Map();
  /** Names of drifted rules that have been told of and are still so. */
  #told: ReadonlySet<string> = new Set();
  #backend: FirewallBackend | undefined;
  #running: Promise<FirewallPlan> | undefined;
  #next: Promise<FirewallPlan> | undefined;
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

  /** Whether a sync is under way. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /**
   * Asks for a sync where there is any rule to care for, or one may be made at this moment, and does not wait for it.
   * Failures are told as events and tried again.
   */
  request(): void {
    if (this.#isConcerned || this.isRunning) this.#begin();
  }

  /** The first sync, without waiting for it: it also takes away what a crash has left, where the firewall can be read. */
  start(): void {
    this.#begin();
  }

  #begin(): void {
    this.sync().catch(() => {
      // told by #run, which has set the timer for another try
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

  /** The rules that are wanted at this moment. */
  get wanted(): readonly Rule[] {
    return this.#parts.wanted();
  }

  /** How a wanted rule stood after the last sync. Asks nobody. */
  stateOf(rule: Rule): RuleState {
    if (!isSame(this.#met.get(rule.name), rule) || this.#told.has(rule.name)) return "missing";
    return this.#set.has(rule.name) ? "set" : "needless";
  }

  /** Name of the firewall; null before it was first needed. */
  get backend(): string | null {
    return this.#backend?.name ?? null;
  }

  /**
   * Makes the rules equal to the wishes of this moment. A call while a sync runs waits for the one after it, which all
   * such calls share.
   *
   * @returns what was done.
   * @throws {PortdError} `firewall_unavailable`.
   */
  sync(): Promise<FirewallPlan> {
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#running.then(() => this.#startNext(), () => this.#startNext());
    return this.#next;
  }

  /** Ends the timer and waits for a sync that runs, but not for long: a firewall may take minutes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopTimer();
    const patience = Promise.withResolvers<void>();
    const stopWaiting = this.#parts.clock.after(PATIENCE_MS, patience.resolve);
    await Promise.race([this.#running?.catch(() => undefined), patience.promise]); // its failure has been told
    stopWaiting();
    this.#backend?.close();
  }

  /** Whether there are rules to care for: without any, a firewall that cannot be read is no trouble, and none is. */
  get #isConcerned(): boolean {
    return this.#set.size > 0 || this.#parts.wanted().length > 0;
  }

  async #open(): Promise<FirewallBackend> {
    this.#backend ??= await this.#parts.open();
    return this.#backend;
  }

  #startNext(): Promise<FirewallPlan> {
    this.#next = undefined;
    return this.#start();
  }

  #start(): Promise<FirewallPlan> {
    const running = this.#run().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #run(): Promise<FirewallPlan> {
    const { clock } = this.#parts;
    this.#stopTimer();
    try {
      const backend = await this.#open();
      const plan = this.#planFrom(await backend.read());
      if (sizeOf(plan) > 0) {
        await backend.apply(plan);
        requireDone(plan, await backend.read());
      }
      this.#remember(plan);
      this.#last = { at: isoInstant(clock.now()), error: null };
      this.#failures = 0;
      return plan;
    } catch (error) {
      this.#failures++;
      this.#backend?.close();
      this.#backend = undefined;
      const reason = (error as Error).message;
      if (this.#isConcerned && this.#last?.error !== reason) this.#parts.tell({ type: "rule.failed", reason });
      this.#last = { at: isoInstant(clock.now()), error: reason };
      throw asUnavailable(error);
    } finally {
      this.#setTimer();
    }
  }

  #planFrom({ rules, remarks, foreign, needed = (rule) => rule }: FirewallReading): FirewallPlan {
    const wanted = this.#parts.wanted();
    const desired = wanted.flatMap((rule) => needed(rule) ?? []);
    const difference = diff(desired, rules);
    const drifted = [...difference.add, ...difference.change].filter((rule) => isSame(this.#set.get(rule.name), rule));
    const rest = { remarks, foreign, actual: rules, drifted, desired, wanted };
    if (this.#parts.drift === "restore") return { ...difference, ...rest };
    const isOurs = (rule: Rule) => !drifted.includes(rule);
    return {
      add: difference.add.filter(isOurs),
      change: difference.change.filter(isOurs),
      remove: difference.remove,
      ...rest,
    };
  }

  #remember({ add, change, remove, drifted, desired, wanted }: FirewallPlan): void {
    const { tell } = this.#parts;
    for (const rule of drifted) if (!this.#told.has(rule.name)) tell({ type: "rule.drifted", rule });
    this.#told = new Set(this.#parts.drift === "report" ? drifted.map(({ name }) => name) : []);
    this.#set = byName(desired);
    this.#met = byName(wanted);
    for (const name of remove) tell({ type: "rule.removed", name });
    for (const rule of [...add, ...change]) if (!drifted.includes(rule)) tell({ type: "rule.added", rule });
  }

  #setTimer(): void {
    if (this.#isClosed || !this.#isConcerned) return;
    const { clock, syncMs } = this.#parts;
    const retryMs = Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), LONGEST_RETRY_MS);
    this.#stopTimer = clock.after(
      this.#failures > 0 ? Math.min(retryMs, syncMs) : syncMs,
      () => this.request(),
    );
  }
}

/**
 * A firewall may take a change and not keep it: another program that writes the same rules, say.
 *
 * @throws {PortdError} `firewall_unavailable`.
 */
function requireDone({ add, change, remove, desired }: FirewallPlan, { rules }: FirewallReading): void {
  const left = diff(desired, rules);
  const lost = [...add, ...change].find(({ name }) => [...left.add, ...left.change].some((rule) => rule.name === name));
  const kept = remove.find((name) => left.remove.includes(name));
  if (lost === undefined && kept === undefined) return;
  const state = lost === undefined ? "still there: something puts it back" : "not there: something takes it away";
  const message = `Cannot keep the rule ${lost?.name ?? kept}: it was changed without an error and is ${state}`;
  throw new PortdError("firewall_unavailable", message);
}

function byName(rules: readonly Rule[]): ReadonlyMap<string, Rule> {
  return new Map(rules.map((rule) => [rule.name, rule]));
}

function isSame(one: Rule | undefined, other: Rule): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What a backend has not foreseen is a firewall that cannot be used, too. */
function asUnavailable(error: unknown): PortdError {
  if (error instanceof PortdError) return error;
  const message = `Cannot keep the firewall's rules: ${(error as Error).message}`;
  return new PortdError("firewall_unavailable", message, {}, { cause: error });
}
