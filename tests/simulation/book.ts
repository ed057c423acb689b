/**
 * What clients know: every call with its answer, and every lease that was ever seen. Invariants compare the daemon with
 * this book.
 */
import type { LeaseRecord } from "../../src/lease/record.ts";
import {
  type AnsweredLease,
  ANYTHING,
  canonical,
  type Field,
  type Moment,
  type Operation,
  type Target,
} from "./operation.ts";

/** A lease that was seen in memory or in an answer. */
export interface Known {
  readonly id: string;
  readonly name: string | null;
  readonly port: number;
  readonly protocols: LeaseRecord["protocols"];
  /** The first call that asked for it; `undefined` where none is known, or it may have been any of several. */
  readonly family: number | undefined;
  readonly seen: Moment;
  /** Calls that may change it. */
  readonly writers: Operation[];
  /** Calls that may end it. */
  readonly enders: Set<Operation>;
  /** The step at which an answer said that it has ended. */
  overAt: number | undefined;
  /** The step at which an answer of 2xx first showed it live. */
  acknowledgedAt: number | undefined;
  /** The call with that answer. */
  acknowledgedBy: Operation | undefined;
  /** Whether it was live in memory after the step before. */
  isLive: boolean;
  /** Whether it has left the memory of a run that has not crashed. */
  isGone: boolean;
  /** When its time last began, since boot: it cannot expire before its lifetime has passed since then. */
  renewedAt: number;
  /** Whether its expiry is not judged: its call is unknown, it was imported with times of its own, or a reboot came. */
  isUntimed: boolean;
}

/** The values of a live lease that calls change. */
export type Values = Readonly<Record<Field, string>>;

/** All calls and all leases of a sequence. */
export class Book {
  readonly operations: Operation[] = [];
  readonly leases = new Map<string, Known>();
  readonly #values = new WeakMap<object, Values>();

  get pending(): readonly Operation[] {
    return this.operations.filter(({ state }) => state === "pending");
  }

  /** The calls with one key and one body. */
  family(number: number): readonly Operation[] {
    return this.operations.filter((operation) => operation.family === number);
  }

  /** A call begins. */
  begin(operation: Operation): void {
    this.operations.push(operation);
    const { imported } = operation.plan;
    for (const known of this.leases.values()) {
      if (!known.isGone || imported?.includes(known.id)) this.#join(operation, known);
    }
  }

  /** A lease is seen for the first time. */
  see(lease: LeaseRecord | AnsweredLease, at: Moment): Known {
    const creator = this.#creatorOf(lease, at);
    const known: Known = {
      id: lease.id,
      name: lease.name,
      port: lease.port,
      protocols: lease.protocols,
      family: creator?.family,
      seen: at,
      writers: [],
      enders: new Set(),
      acknowledgedAt: undefined,
      acknowledgedBy: undefined,
      overAt: undefined,
      isLive: false,
      isGone: false,
      renewedAt: creator?.started.monotonic ?? at.monotonic,
      isUntimed: creator === undefined || creator.plan.imported !== undefined ||
        creator.started.monotonic > at.monotonic,
    };
    this.leases.set(known.id, known);
    for (const operation of this.operations) {
      const isSettled = operation.ended !== undefined && operation.ended.step < at.step;
      if (!isSettled || operation.family === known.family) this.#join(operation, known);
    }
    return known;
  }

  /** Those values of a record or an answer that calls change. */
  valuesOf(lease: LeaseRecord | AnsweredLease): Values {
    const known = this.#values.get(lease);
    if (known !== undefined) return known;
    const { labels, exposure, lifetime, holder, hold } = lease;
    const values = {
      labels: canonical(labels),
      exposure: canonical(exposure),
      lifetime: canonical(lifetime),
      pid: canonical(holder.pid),
      hold: canonical(hold),
    };
    this.#values.set(lease, values);
    return values;
  }

  /**
   * The values that a field may have: those of all calls that were neither refused nor overwritten for sure.
   *
   * @param before counts a value as overwritten only by calls that were answered before this step.
   */
  allowed(known: Known, field: Field, before = Infinity): Set<string> {
    const writers = known.writers.filter((operation) => isAbout(operation, known));
    const certain = writers.filter((operation) => operation.state === "done" && isCertain(operation, field));
    const values = new Set<string>();
    for (const { plan, state, ended } of writers) {
      const write = plan.writes?.get(field);
      if (write === undefined || state === "refused") continue;
      const isOverwritten = ended !== undefined &&
        certain.some((later) => later.started.step > ended.step && later.ended!.step < before);
      if (!isOverwritten) { for (const value of write.values) values.add(value); }
    }
    return values;
  }

  /** Whether a field may have a value; the arguments are those of {@linkcode Book.allowed}. */
  mayBe(value: string, ...args: Parameters<Book["allowed"]>): boolean {
    const allowed = this.allowed(...args);
    return allowed.has(value) || ANYTHING.values.some((each) => allowed.has(each));
  }

  /** Whether only time can have ended the lease. */
  isKept({ enders }: Known): boolean {
    return [...enders].every(({ state }) => state === "refused");
  }

  /** A call for a live name leaves its own labels: where an earlier one is on its way, either may have made the lease. */
  #creatorOf({ name, labels }: LeaseRecord | AnsweredLease, at: Moment): Operation | undefined {
    const marked = this.operations[Number(labels.op)];
    if (marked === undefined || name === null) return marked;
    const mayBeOther = this.operations.slice(0, marked.number).some(({ plan, family, state, ended }) =>
      family !== marked.family && state !== "refused" && (ended === undefined || ended.step >= at.step) &&
      (plan.grant?.wishes.some((wish) => wish.name === name) ?? false)
    );
    return mayBeOther ? undefined : marked;
  }

  #join(operation: Operation, known: Known): void {
    const { plan } = operation;
    if (!this.#mayConcern(operation, known)) return;
    if (plan.ends) known.enders.add(operation);
    if (plan.writes !== undefined) known.writers.push(operation);
  }

  #mayConcern({ plan, family }: Operation, known: Known): boolean {
    if (plan.target !== undefined) return this.#isTarget(plan.target, known);
    if (plan.grant === undefined) return plan.imported?.includes(known.id) ?? false;
    return family === known.family ||
      (known.name !== null && plan.grant.wishes.some(({ name }) => name === known.name));
  }

  #isTarget(target: Target, known: Known): boolean {
    switch (target.by) {
      case "id":
        return known.id === target.id;
      case "name":
        return known.name === target.name;
      case "port":
        return known.port === target.port;
      case "label":
        return known.writers.some(({ plan }) =>
          plan.writes?.get("labels")?.values.some((each) => each.includes(`"${target.key}":"${target.value}"`))
        );
    }
  }
}

/** A call that is repeated with its key may have been done the first time, and write nothing any more. */
function isCertain({ plan, number, family }: Operation, field: Field): boolean {
  return number === family && (plan.writes?.get(field)?.isCertain ?? false);
}

/** Two leases may have one port, or one name after the other: the answer shows which of them the call was about. */
function isAbout({ leases }: Operation, { id }: Known): boolean {
  return leases.length === 0 || leases.some((lease) => lease.id === id);
}
