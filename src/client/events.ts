/** Following the daemon's events over broken connections. */
import { PortdError } from "../errors.ts";
import type { LeaseEventType } from "../lease/events.ts";
import type { Lease } from "../lease/lease.ts";
import { parseEventStream } from "./event_stream.ts";
import { NoDaemonError } from "./no_daemon_error.ts";
import type { ApiAnswer } from "./transport.ts";

/** Options of `PortdClient.events`. */
export interface EventsOptions {
  /** Ends the stream; the loop over it then ends without an error. */
  readonly signal?: AbortSignal;
  /** Goes on behind this event. */
  readonly lastEventId?: string;
  /** Called whenever the stream has been opened, the first time and after each break. */
  readonly onOpen?: () => void;
  /** How often in a row a broken stream is opened anew before giving up. @default 20, which takes about a minute */
  readonly retries?: number;
}

/** Something that happened to a lease, as the stream tells it. */
export interface LeaseEvent {
  /** Goes on from here when it is given as `lastEventId`. */
  readonly id: string;
  readonly type: LeaseEventType;
  /** ISO instant. */
  readonly at: string;
  /** The lease as it was right after. */
  readonly lease: Lease;
}

/** Some events cannot be had any more: read the leases anew. */
export interface ResetEvent {
  readonly type: "reset";
}

const RETRIES = 20;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 4000;

/**
 * Yields events, opening the stream anew behind the last one after each break.
 *
 * @param open sends the request for events after an id and answers when its head is there.
 */
export async function* followEvents(
  open: (lastEventId: string | undefined, signal: AbortSignal) => Promise<ApiAnswer>,
  options: EventsOptions,
): AsyncGenerator<LeaseEvent | ResetEvent, void, void> {
  const { signal = new AbortController().signal, onOpen, retries = RETRIES } = options;
  let { lastEventId } = options;
  let hasBeenOpen = false;
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      const answer = await open(lastEventId, signal);
      hasBeenOpen = true;
      failures = 0;
      onOpen?.();
      for await (const { id, event, data } of parseEventStream(answer.chunks())) {
        if (id !== "") lastEventId = id;
        yield event === "reset" ? { type: "reset" } : { id, ...JSON.parse(data) };
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!hasBeenOpen || !mayPass(error) || failures >= retries) throw error;
    }
    await pause(Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS), signal);
  }
}

/** Whether a stream that failed so may be had again: the connection broke, or the daemon is being restarted. */
function mayPass(error: unknown): boolean {
  return error instanceof NoDaemonError || (error instanceof PortdError && error.code === "shutting_down");
}

/** Waits, or until the signal is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
