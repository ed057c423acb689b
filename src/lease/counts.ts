/** What the registry counts since the start. Each number only ever goes up. */
import { type ErrorCode, PortdError } from "../errors.ts";
import type { EndedState } from "./lease.ts";

/** How many leases have been added, and have ended in each way. An addition that fails does not count. */
export type LedgerCounts = Record<"granted" | EndedState, number>;

/** Requests for ports that were refused, by code. */
export class RefusalCounts {
  readonly #counts = new Map<ErrorCode, number>();

  /** Counts an error where it is a refusal: the end of a caller is none. */
  count(error: unknown): void {
    if (error instanceof PortdError) this.#counts.set(error.code, (this.#counts.get(error.code) ?? 0) + 1);
  }

  /** How many there were of each code. */
  get byCode(): ReadonlyMap<ErrorCode, number> {
    return this.#counts;
  }
}
