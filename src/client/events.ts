/** Following the daemon's events over broken connections, and reading server-sent events. */
import { PortdError } from "../errors.ts";
import { EVENT_ID, EVENTS } from "./answer_shapes.ts";
import { type AnyShape, describeFault, object, text } from "./shape.ts";
import { type ApiAnswer, NoDaemonError, UnusableAnswerError } from "./transport.ts";
import type { FirewallEvent, LeaseEvent, ListenerEvent, ResetEvent } from "./wire.ts";

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

const RETRIES = 20;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 4000;
const TYPED = object<{ readonly type: string }>({ type: text(100) });

/** How {@linkcode followEvents} reaches the daemon. */
export interface EventSource {
  /** Its address, for messages. */
  readonly url: string;
  /** Sends the request for events after an id and answers when its head is there. */
  readonly open: (lastEventId: string | undefined, signal: AbortSignal) => Promise<ApiAnswer>;
}

type AnyEvent = LeaseEvent | ListenerEvent | FirewallEvent | ResetEvent;

/**
 * Yields events, opening the stream again behind the last one after each break. An event of a type that is not known
 * here is left out.
 *
 * @throws {UnusableAnswerError} when an event is not what its type promises, or has no end.
 */
export async function* followEvents(
  { url, open }: EventSource,
  options: EventsOptions,
): AsyncGenerator<AnyEvent, void, void> {
  const { signal = new AbortController().signal, onOpen, retries = RETRIES } = options;
  let { lastEventId } = options;
  let hasBegun = false;
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      const answer = await open(lastEventId, signal);
      onOpen?.();
      // A stream without an event has at least its first line.
      const chunks = whenBegun(answer.chunks(), () => {
        hasBegun = true;
        failures = 0;
      });
      for await (const message of parseEventStream(chunks)) {
        const event = readEvent(message, url);
        if (message.id !== "") lastEventId = message.id;
        if (event !== undefined) yield event;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof MessageTooLongError) throw new UnusableAnswerError(url, error.message);
      if (!(hasBegun ? mayPass(error) : isFull(error)) || failures >= retries) throw error;
    }
    await pause(Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS), signal);
  }
}

/** The same chunks; calls back at the first. @throws {NoDaemonError} when there is none at all. */
async function* whenBegun(chunks: AsyncIterable<Uint8Array>, begin: () => void): AsyncGenerator<Uint8Array> {
  let hasBegun = false;
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue;
    if (!hasBegun) begin();
    hasBegun = true;
    yield chunk;
  }
  if (!hasBegun) throw new NoDaemonError("Cannot follow the events: the stream ends at once");
}

/** The event in a message; `undefined` when it is of a type of a newer daemon. */
function readEvent({ id, event, data }: StreamMessage, url: string): AnyEvent | undefined {
  checkShape(id, { shape: EVENT_ID, what: "the id of an event", url });
  if (event === "reset") return { type: "reset" };
  const value = parseJson(data);
  checkShape(value, { shape: TYPED, what: "an event", url });
  const { type } = value as { readonly type: string };
  if (!Object.hasOwn(EVENTS, type)) return undefined;
  checkShape(value, { shape: EVENTS[type as keyof typeof EVENTS], what: "an event", url });
  return { ...value as LeaseEvent, id };
}

function checkShape(
  value: unknown,
  { shape, what, url }: { readonly shape: AnyShape; readonly what: string; readonly url: string },
): void {
  const fault = shape.faultOf(value);
  if (fault !== undefined) throw new UnusableAnswerError(url, describeFault(fault, what));
}

/** @returns the text itself, which is no event, when it is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
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

/** Characters of the longest message, and of the longest line: an event is some hundreds, at most some thousands. */
const LONGEST_MESSAGE = 1 << 20;

/**
 * Reads messages from the bytes of a `text/event-stream` (HTML standard, section 9.2.6). Pure: bytes in, messages out; comments are skipped, an unfinished last message is dropped.
 *
 * @throws {MessageTooLongError} when a line or a message is longer than one of portd can be (1 MiB).
 */
export async function* parseEventStream(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<StreamMessage> {
  let id = "", event = "", data: string[] = [], length = 0;
  for await (const line of splitLines(chunks)) {
    if (line === "") {
      if (data.length > 0) yield { id, event: event || "message", data: data.join("\n") };
      event = "";
      data = [];
      length = 0;
      continue;
    }
    const [field, value] = splitField(line);
    if (field === "event") event = value;
    else if (field === "id" && !value.includes("\0")) id = value;
    else if (field === "data") {
      data.push(value);
      length += value.length + 1;
      if (length > LONGEST_MESSAGE) throw new MessageTooLongError();
    }
  }
}

/** A message of a stream goes on and on. */
export class MessageTooLongError extends Error {
  override readonly name = "MessageTooLongError";

  constructor() {
    super(`an event is longer than ${LONGEST_MESSAGE} characters`);
  }
}

/** Looks at each character once, however small the chunks are. */
async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let begun = "", isAfterReturn = false;
  for await (const chunk of chunks) {
    let text = decoder.decode(chunk, { stream: true });
    if (text === "") continue;
    // A carriage return ends a line at once; a line feed right behind it belongs to that end.
    if (isAfterReturn && text.startsWith("\n")) text = text.slice(1);
    isAfterReturn = text.endsWith("\r");
    const lines = text.split(/\r\n|\n|\r/);
    lines[0] = begun + lines[0]!;
    begun = lines.pop()!;
    if (begun.length > LONGEST_MESSAGE) throw new MessageTooLongError();
    yield* lines;
  }
}

function splitField(line: string): [field: string, value: string] {
  const colon = line.indexOf(":");
  if (colon === -1) return [line, ""];
  const value = line.slice(colon + 1);
  return [line.slice(0, colon), value.startsWith(" ") ? value.slice(1) : value];
}
