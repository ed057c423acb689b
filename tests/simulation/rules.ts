/** Promises that have bounds: where portd promises less or more, it is said here. */
import type { Operation } from "./operation.ts";
import type { World } from "./world.ts";

const DAY_MS = 86_400_000;

/**
 * Whether the answer to a key must still be known: for 24 hours of the wall clock, however many requests with keys
 * others make.
 */
export function isKeyKept({ started }: Operation, { latestWall }: World): boolean {
  return latestWall - started.wall < DAY_MS;
}

/** Whether a port that cools down is granted where nothing else that was asked for is free. */
export const GRANTS_COOLING_PORTS = true;
