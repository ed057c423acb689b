/** What an invariant is. */
import type { World } from "../world.ts";

/** Something that holds after every step. */
export interface Invariant {
  readonly name: string;
  /** The promise of the documentation that it stands for. */
  readonly promise: string;
  /** Looks after every step. @returns what does not hold; `undefined` when all is well. */
  readonly step?: (world: World) => string | undefined;
  /** Looks when nothing moves any more. */
  readonly rest?: (world: World) => string | undefined;
}

/** The first finding of several looks. */
export function firstOf<T>(items: Iterable<T>, look: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const finding = look(item);
    if (finding !== undefined) return finding;
  }
}
