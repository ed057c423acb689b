/** Publishes why a mapping is not there, once for each new reason. */
import type { MappingEvent } from "./mapping.ts";
import { currentOf, type View } from "./plan.ts";
import { type Picture, present } from "./present.ts";

/** What was published of mappings that are wanted. */
export class FailureReports {
  readonly #publish: (event: MappingEvent) => void;
  /** By the keys of wishes. */
  readonly #reasons = new Map<string, string>();

  constructor(publish: (event: MappingEvent) => void) {
    this.#publish = publish;
  }

  /** Publishes what is new. */
  report(picture: Picture): void {
    const current = currentOf(picture);
    for (const [key, wish] of picture.wanted) {
      const mapping = present(picture, key, wish, current.get(key));
      const reason = mapping.state === "failed" || mapping.state === "unusable" ? mapping.reason : null;
      if (reason === null) this.#reasons.delete(key);
      else if (this.#reasons.get(key) !== reason) {
        this.#reasons.set(key, reason);
        this.#publish({ type: "mapping.failed", mapping });
      }
    }
  }

  /** Forgets mappings that nobody wants any more. */
  prune({ wanted }: Pick<View, "wanted">): void {
    for (const key of this.#reasons.keys()) if (!wanted.has(key)) this.#reasons.delete(key);
  }
}
