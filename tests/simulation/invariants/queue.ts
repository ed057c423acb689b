/** The pool and those who wait for it. */
import { canonical, type Operation } from "../operation.ts";
import type { World } from "../world.ts";
import { firstOf, type Invariant } from "./invariant.ts";

export const EXHAUSTED: Invariant = {
  name: "exhausted",
  promise: "Nobody is refused as if the pool were exhausted while what was asked for is free",
  step(world) {
    for (const operation of world.book.operations) {
      const isAnswered = operation.ended?.step === world.step;
      if (operation.state === "pending" || isAnswered) follow(operation, world);
    }
    return firstOf(world.change.answered, (operation) => {
      if (operation.code !== "pool_exhausted" || operation.free === undefined) return undefined;
      if (joinedAnother(operation, world)) return undefined;
      return isEnough(operation, operation.free)
        ? `${operation} was refused, and all the time ${[...operation.free].join(", ")} could be had`
        : undefined;
    });
  },
};

export const ORDER: Invariant = {
  name: "order",
  promise: "Who waits in line is served in the order of arrival",
  step(world) {
    return firstOf(world.change.appeared, ({ family, id }) => {
      const served = family === undefined ? undefined : world.book.operations[family];
      const shape = served && shapeOf(served);
      if (shape === undefined) return undefined;
      const overtaken = world.book.pending.find((operation) =>
        operation.plan.grant !== undefined && operation.plan.grant.waitMs > 0 &&
        operation.started.step < served!.started.step && operation.run === served!.run &&
        !operation.controller.signal.aborted && shapeOf(operation) === shape && !hasLease(operation, world) &&
        world.time.monotonic < operation.started.monotonic + operation.plan.grant.waitMs
      );
      return overtaken && `${served} got lease ${id}, and ${overtaken} has waited longer`;
    });
  },
};

export const SERVED: Invariant = {
  name: "served",
  promise: "Nobody waits for what is free",
  rest(world) {
    return firstOf(world.book.pending, (operation) => {
      const { plan } = operation;
      if (plan.grant === undefined || plan.grant.waitMs === 0 || !isPlain(operation)) return undefined;
      if (hasLease(operation, world)) return undefined;
      const free = new Set(world.portsFor(operation.plan.grant!.wishes[0]!));
      return isEnough(operation, free) ? `${operation} waits, and ${[...free].join(", ")} could be had` : undefined;
    });
  },
};

/** Keeps the ports that were free at every step since the call began. */
function follow(operation: Operation, world: World): void {
  if (!isPlain(operation) || world.kernel.isOutOfDescriptors) {
    operation.free = undefined;
    return;
  }
  const free = new Set(world.portsFor(operation.plan.grant!.wishes[0]!));
  operation.free = operation.free?.intersection(free);
}

/** Whether the same request was running already: then both get its outcome, which may have been decided before. */
function joinedAnother({ family, started }: Operation, { book }: World): boolean {
  return book.operations.some((other) =>
    other.family === family && other.started.step < started.step &&
    (other.ended === undefined || other.ended.step >= started.step)
  );
}

/** Whether it asks for any ports of the pool or of a range, all alike. */
function isPlain({ plan }: Operation): boolean {
  const { grant } = plan;
  if (grant === undefined) return false;
  const kinds = new Set(grant.wishes.map(({ range, protocols }) => canonical([range, protocols])));
  return kinds.size === 1 &&
    grant.wishes.every(({ port, prefer, pool }) => (port ?? 0) === 0 && prefer.length === 0 && pool === "default");
}

function isEnough({ plan }: Operation, free: ReadonlySet<number>): boolean {
  const { length } = plan.grant!.wishes;
  if (!plan.grant!.contiguous) return free.size >= length;
  return [...free].some((first) => Array.from({ length }, (_, i) => first + i).every((port) => free.has(port)));
}

/** Calls of one shape are served in order; `undefined` for a call whose order is not judged. */
function shapeOf(operation: Operation): string | undefined {
  const { grant, key } = operation.plan;
  if (grant === undefined || key !== undefined || !isPlain(operation)) return undefined;
  if (grant.wishes.some(({ name }) => name !== null)) return undefined;
  const { range, protocols } = grant.wishes[0]!;
  return canonical([grant.contiguous, grant.wishes.length, range, [...protocols].sort()]);
}

function hasLease({ family }: Operation, { book }: World): boolean {
  return [...book.leases.values()].some((known) => known.family === family);
}
