/** What is counted of leases since the start. */
import type { EndedState } from "./lease.ts";

/** How many leases have been added, and have ended in each way. An addition that fails does not count. */
export type LedgerCounts = Record<"granted" | EndedState, number>;
