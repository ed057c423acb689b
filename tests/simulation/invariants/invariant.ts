/** What an invariant is. */
import type { World } from "../world.ts";

/** Something that holds after every step. */
export interface Invariant {
  readonly name: string;
  /** The promise, as in docs/reliability.md. */
  readonly promise: string;
  /** Checks after every step. @returns what does not hold; `undefined` when all is well. */
  readonly step?: (world: World) => string | undefined;
  /** Checks when nothing moves any more. */
  readonly rest?: (world: World) => string | undefined;
}

/** The first finding of several checks. */
export function firstOf<T>(items: Iterable<T>, check: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const finding = check(item);
    if (finding !== undefined) return finding;
  }
}
