/** What the daemon counts beside its domain: requests over HTTP, readers of events, and how late its event loop is. */
import { Histogram } from "./histogram.ts";
import { RequestCounts } from "./request_counts.ts";

/** Those who read events. */
export interface ReaderCounts {
  /** How many read at this moment. */
  open: number;
  /** How often one had missed events, as it was too slow or came back too late, and went on with `reset`. */
  reset: number;
  /** How many were dropped, as they had taken nothing for a minute. */
  dropped: number;
}

/** The counts of one run of the daemon. */
export interface ServerCounts {
  readonly requests: RequestCounts;
  readonly readers: ReaderCounts;
  /** How much later than it should a timer of the daemon went off, in seconds; each look of the watch adds one. */
  readonly loopLag: Histogram;
}

const LAG_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** Counts that begin with 0. */
export function newServerCounts(): ServerCounts {
  const readers = { open: 0, reset: 0, dropped: 0 };
  return { requests: new RequestCounts(), readers, loopLag: new Histogram(LAG_SECONDS) };
}
