/** Counting HTTP requests by route, and refusals by code. */
import type { ErrorCode } from "../errors.ts";

/** The classes of an HTTP status, in the order of their first digits; see RFC 9110, section 15. */
const CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

/** A class of HTTP statuses. */
export type StatusClass = (typeof CLASSES)[number];

/** How often a route was answered with a status of a class. */
export interface RequestCount {
  readonly method: string;
  /** The template of the path; for requests that no route takes, `unmatched`. */
  readonly route: string;
  readonly status: StatusClass;
  readonly count: number;
}

/** Counts the answers of one route. */
export class RouteCounts {
  readonly #counts = CLASSES.map(() => 0);

  /** Counts an answer. @param status is from 100 to 599. */
  answered(status: number): void {
    this.#counts[Math.trunc(status / 100) - 1]!++;
  }

  /** The classes that there were, with their counts. */
  *read(): Generator<readonly [StatusClass, number]> {
    for (const [i, count] of this.#counts.entries()) if (count > 0) yield [CLASSES[i]!, count];
  }
}

/**
 * The counts of all routes. How many numbers there are depends on the routes of the program alone: nothing that a caller
 * chooses, such as a path, a method or a name, makes another one.
 */
export class RequestCounts {
  /** Requests that no route takes. */
  readonly unmatched = new RouteCounts();
  /** By method and template. */
  readonly #routes = new Map<string, readonly [method: string, route: string, RouteCounts]>();
  readonly #refusals = new Map<ErrorCode, number>();

  /** The counts of a route. @param route is the template of its path. */
  add(method: string, route: string): RouteCounts {
    const counts = new RouteCounts();
    this.#routes.set(`${method} ${route}`, [method, route, counts]);
    return counts;
  }

  /** The counts of a route that was added, otherwise those of requests that no route takes. */
  find(method: string, route: string): RouteCounts {
    return this.#routes.get(`${method} ${route}`)?.[2] ?? this.unmatched;
  }

  /** Counts a refusal with a problem document. */
  refused(code: ErrorCode): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
  }

  /** How often each code was answered. */
  get refusals(): ReadonlyMap<ErrorCode, number> {
    return this.#refusals;
  }

  /** How often each route was answered. */
  *read(): Generator<RequestCount> {
    for (const [method, route, counts] of [...this.#routes.values(), ["any", "unmatched", this.unmatched] as const]) {
      for (const [status, count] of counts.read()) yield { method, route, status, count };
    }
  }
}
