/** A request that is repeated with its Idempotency-Key. */
import { isKeyKept } from "../rules.ts";
import type { Operation } from "../operation.ts";
import type { World } from "../world.ts";
import { firstOf, type Invariant } from "./invariant.ts";

export const REPEATS: Invariant = {
  name: "repeats",
  promise: "The same Idempotency-Key and the same request get the same leases for 24 hours, and never second ones",
  step(world) {
    return firstOf(world.change.answered, (operation) => otherAnswer(operation, world)) ??
      firstOf(world.change.appeared, ({ family }) => family === undefined ? undefined : secondLeases(family, world));
  },
};

function otherAnswer(operation: Operation, world: World): string | undefined {
  const { plan, family, state } = operation;
  if (plan.key === undefined || plan.imported !== undefined || state !== "done") return undefined;
  const first = world.book.family(family).filter(({ state }) => state === "done")
    .sort((a, b) => a.ended!.step - b.ended!.step)[0];
  if (first === undefined || first === operation || !isKeyKept(first, world)) return undefined;
  const [before, now] = [first, operation].map(({ leases }) => leases.map(({ id }) => id).join());
  return before === now ? undefined : `${operation} got ${now}; ${first} got ${before}`;
}

function secondLeases(family: number, world: World): string | undefined {
  const first = world.book.operations[family]!, { grant, key } = first.plan;
  if (key === undefined || grant === undefined || !isKeyKept(first, world)) return undefined;
  const live = [...world.book.leases.values()].filter((known) => known.family === family && known.isLive);
  return live.length <= grant.wishes.length
    ? undefined
    : `${first} asked for ${grant.wishes.length} ports, and its repetitions have ${live.length}`;
}
