/** The bounds of promises: what portd does not promise. */
import type { Operation } from "./operation.ts";
import type { World } from "./world.ts";

const DAY_MS = 86_400_000;

/**
 * Whether the answer to a key must still be known: for 24 hours of the wall clock, until the caller has used more keys
 * than the daemon keeps of one caller. Keys of other callers do not matter.
 */
export function isKeyKept(first: Operation, { latestWall, book, settings }: World): boolean {
  if (latestWall - first.started.wall >= DAY_MS) return false;
  const callerOf = ({ plan }: Operation) => plan.hasToken ? "token" : String(plan.user);
  const others = book.operations.filter((operation) =>
    operation.plan.key !== undefined && operation.family !== first.family && callerOf(operation) === callerOf(first)
  );
  return new Set(others.map(({ family }) => family)).size < settings.mostAnswers;
}
