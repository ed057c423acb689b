/** What was acknowledged: grants stay, ends stay ends, changes are not undone, and nothing expires before its time. */
import type { Lifetime } from "../../../src/lease/lease.ts";
import type { Known } from "../book.ts";
import type { AnsweredLease, Field, Operation } from "../operation.ts";
import type { World } from "../world.ts";
import { firstOf, type Invariant } from "./invariant.ts";

const FIELDS: readonly Field[] = ["labels", "exposure", "lifetime", "pid", "hold"];

export const KEPT_GRANTS: Invariant = {
  name: "kept grants",
  promise: "An acknowledged lease is on disk: nothing but its end takes it away, no crash either",
  step(world) {
    return firstOf(world.change.gone, (known) => {
      if (known.acknowledgedAt === undefined || !world.book.isKept(known)) return undefined;
      const stored = world.run.find(known.id);
      if (stored?.state === "expired") return undefined; // judged by the next invariant
      const by = String(known.acknowledgedBy);
      return `${by} acknowledged lease ${known.id} on port ${known.port}, nobody has ended it, and it is ${
        stored === undefined ? "in no file" : `${stored.state} in the file`
      }`;
    });
  },
};

export const EXPIRY: Invariant = {
  name: "expiry",
  promise: "A lease does not expire before its time",
  step(world) {
    return firstOf(world.change.gone, (known) => {
      if (known.acknowledgedAt === undefined || !world.book.isKept(known)) return undefined;
      return mayHaveExpired(known, world)
        ? undefined
        : `lease ${known.id} on port ${known.port} expired before its time`;
    });
  },
};

export const KEPT_ENDS: Invariant = {
  name: "kept ends",
  promise: "An acknowledged release is never undone",
  step: ({ run, book }) => firstOf(run.records(), ({ id }) => backFromTheEnd(book.leases.get(id)!, "memory")),
  rest: ({ run, book }) =>
    firstOf(run.stored(), ({ id }) => {
      const known = book.leases.get(id);
      return known === undefined
        ? `the file has a live lease ${id} that nobody saw`
        : backFromTheEnd(known, "the file");
    }),
};

export const KEPT_CHANGES: Invariant = {
  name: "kept changes",
  promise: "An acknowledged change is never undone, and a refused one has no effect",
  step: ({ run, book }) =>
    firstOf(run.records(), (record) => {
      const known = book.leases.get(record.id)!, values = book.valuesOf(record);
      return firstOf(FIELDS, (field) => {
        if (book.mayBe(values[field], known, field)) return undefined;
        const allowed = [...book.allowed(known, field)].join(" or ");
        return `lease ${record.id} has the ${field} ${values[field]}; calls leave it ${allowed}`;
      });
    }),
};

export const READS: Invariant = {
  name: "reads",
  promise: "An answer shows what was acknowledged before it was asked for",
  step: (world) => firstOf(world.change.answered, (operation) => readOf(operation, world)),
};

function readOf(operation: Operation, { book }: World): string | undefined {
  const { plan, started, number, family } = operation;
  if (number !== family) return undefined; // an answer given before
  const { leases } = operation;
  const stale = firstOf(leases, (lease) => staleFieldOf(lease, operation, book));
  if (stale !== undefined || plan.method !== "GET") return stale;
  const kept = [...book.leases.values()].filter((known) =>
    known.acknowledgedAt !== undefined && known.acknowledgedAt < started.step && !known.isGone && book.isKept(known)
  );
  if (plan.path === "/v1/leases" && operation.state === "done") {
    const missing = kept.find(({ id }) => !leases.some((lease) => lease.id === id));
    if (missing !== undefined) return `${operation} does not list the live lease ${missing.id}`;
    const over = leases.find(({ id }) => isOverBefore(book.leases.get(id), started.step));
    return over && `${operation} lists ${over.id}, which is over`;
  }
  const { target } = plan;
  const isMissing = target?.by === "id" && operation.state === "refused" && kept.some(({ id }) => id === target.id);
  return isMissing ? `${operation} does not find a live lease` : undefined;
}

function staleFieldOf(lease: AnsweredLease, operation: Operation, book: World["book"]): string | undefined {
  const known = book.leases.get(lease.id);
  if (known === undefined || lease.endedAt !== null) return undefined;
  const values = book.valuesOf(lease);
  const field = FIELDS.find((each) => !book.mayBe(values[each], known, each, operation.started.step));
  return field && `${operation} shows lease ${lease.id} with the ${field} ${values[field]}, which is not acknowledged`;
}

function isOverBefore(known: Known | undefined, step: number): boolean {
  return known?.overAt !== undefined && known.overAt < step;
}

function backFromTheEnd(known: Known, where: string): string | undefined {
  return known.overAt === undefined
    ? undefined
    : `lease ${known.id} on port ${known.port} is live in ${where}, and its end was acknowledged`;
}

function mayHaveExpired(known: Known, { book, time }: World): boolean {
  const lifetimes = [...book.allowed(known, "lifetime")].map((text) => JSON.parse(text) as Lifetime);
  const timed = lifetimes.filter(({ kind }) => kind !== "pinned");
  if (timed.length === 0) return false;
  if (known.isUntimed) return true;
  return timed.some((lifetime) => lifetime.kind !== "ttl" || time.monotonic >= known.renewedAt + lifetime.ttlMs);
}
