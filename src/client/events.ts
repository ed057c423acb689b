/** Following the daemon's events over broken connections, and reading server-sent events. */
import { PortdError } from "../errors.ts";
import type { RuleEvent } from "../firewall/sync.ts";
import type { LeaseEventType, ListenerEventType } from "../lease/events.ts";
import type { Lease } from "../lease/lease.ts";
import type { ListedSocket } from "../listener/listing.ts";
import { NoDaemonError } from "./transport.ts";
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

/** Somebody has begun to listen on a leased port, or is seen there no more. */
export interface ListenerEvent {
  readonly id: string;
  readonly type: ListenerEventType;
  /** ISO instant. */
  readonly at: string;
  readonly listener: ListedSocket;
}

/** A rule of the firewall was set, taken away, changed by hand, or cannot be set. */
export type FirewallEvent = RuleEvent & {
  readonly id: string;
  /** ISO instant. */
  readonly at: string;
};

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
): AsyncGenerator<LeaseEvent | ListenerEvent | FirewallEvent | ResetEvent, void, void> {
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
      if (!(hasBeenOpen ? mayPass(error) : isFull(error)) || failures >= retries) throw error;
    }
    await pause(Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS), signal);
  }
}

/** Whether a stream that failed so may be had again: the connection broke, or the daemon is being restarted. */
function mayPass(error: unknown): boolean {
  return error instanceof NoDaemonError || (error instanceof PortdError && error.code === "shutting_down") ||
    isFull(error);
}

/** Whether others read all the streams that there may be: one of them will leave. */
function isFull(error: unknown): boolean {
  return error instanceof PortdError && error.code === "too_many_readers";
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

/** One message of a stream. */
export interface StreamMessage {
  /** The id as it stood when the message came; empty when there has been none. */
  readonly id: string;
  /** @default "message" */
  readonly event: string;
  readonly data: string;
}

const LONGEST_LINE = 1 << 20;

/**
 * Reads messages from the bytes of a `text/event-stream` (HTML standard, section 9.2.6). Pure: bytes in, messages out; comments are skipped, an unfinished last message is dropped.
 *
 * @throws {RangeError} when a line is longer than a message of portd can be (1 MiB).
 */
export async function* parseEventStream(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<StreamMessage> {
  let id = "", event = "", data: string[] = [];
  for await (const line of splitLines(chunks)) {
    if (line === "") {
      if (data.length > 0) yield { id, event: event || "message", data: data.join("\n") };
      event = "";
      data = [];
      continue;
    }
    const [field, value] = splitField(line);
    if (field === "event") event = value;
    else if (field === "data") data.push(value);
    else if (field === "id" && !value.includes("\0")) id = value;
  }
}

async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    // A carriage return at the very end may be half of a line end: it waits for what follows.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop()!;
    if (rest.length > LONGEST_LINE) {
      throw new RangeError(`Cannot read events: a line is over ${LONGEST_LINE} characters`);
    }
    yield* lines;
  }
}

function splitField(line: string): [field: string, value: string] {
  const colon = line.indexOf(":");
  if (colon === -1) return [line, ""];
  const value = line.slice(colon + 1);
  return [line.slice(0, colon), value.startsWith(" ") ? value.slice(1) : value];
}
