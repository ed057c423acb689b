/** Promises that have bounds: where portd promises less or more, it is said here. */
import type { Operation } from "./operation.ts";
import type { World } from "./world.ts";

const DAY_MS = 86_400_000;

/**
 * Whether the answer to a key must still be known: for 24 hours of the wall clock, however many keys other callers use,
 * and as long as the caller has not used more than are kept of one.
 */
export function isKeyKept(first: Operation, { latestWall, book, settings }: World): boolean {
  if (latestWall - first.started.wall >= DAY_MS) return false;
  const callerOf = ({ plan }: Operation) => plan.hasToken ? "token" : String(plan.user);
  const others = book.operations.filter((operation) =>
    operation.plan.key !== undefined && operation.family !== first.family && callerOf(operation) === callerOf(first)
  );
  return new Set(others.map(({ family }) => family)).size < settings.mostAnswers;
}

/** Whether a port that cools down is granted where nothing else that was asked for is free. */
export const GRANTS_COOLING_PORTS = true;
