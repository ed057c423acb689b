/** Follows the daemon's events over broken connections, and reads server-sent events. */
import { PortdError } from "../errors.ts";
import { pause, pauseAfter } from "../wait.ts";
import { EVENT_ID, EVENTS } from "./answer_shapes.ts";
import { type AnyShape, describeFault, object, text } from "./shape.ts";
import { type ApiAnswer, NoDaemonError, UnusableAnswerError } from "./transport.ts";
import type { AnyEvent, LeaseEvent } from "./wire.ts";

/** Options of `PortdClient.events`. */
export interface EventsOptions {
  /** Ends the stream; the loop over it then ends without an error. */
  readonly signal?: AbortSignal;
  /** The stream continues after this event. */
  readonly lastEventId?: string;
  /** Called whenever the stream is open, the first time and after each break. */
  readonly onOpen?: () => void;
  /** How often in a row a broken stream is opened again before giving up. @default 20, which takes about a minute */
  readonly retries?: number;
}

const RETRIES = 20;
const PAUSES = { pauseMs: 100, longestPauseMs: 4000 };
const TYPED = object<{ readonly type: string }>({ type: text(100) });

/** How {@linkcode followEvents} reaches the daemon. */
export interface EventSource {
  /** Its address, for messages. */
  readonly url: string;
  /** Requests the events after an id. Resolves with the head of the answer. */
  readonly open: (lastEventId: string | undefined, signal: AbortSignal) => Promise<ApiAnswer>;
}

/**
 * Yields events. After each break it opens the stream again, after the last event. An event of an unknown type is left
 * out.
 *
 * @throws {UnusableAnswerError} when an event does not have the shape of its type, or is too long.
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
      if (failures > 0) await pause(pauseAfter(failures, PAUSES), signal);
      const answer = await open(lastEventId, signal);
      onOpen?.();
      // A stream without events has at least its first line.
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
  }
}

/** The same chunks; calls `begin` at the first. @throws {NoDaemonError} when there is none. */
async function* whenBegun(chunks: AsyncIterable<Uint8Array>, begin: () => void): AsyncGenerator<Uint8Array> {
  let hasBegun = false;
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue;
    if (!hasBegun) begin();
    hasBegun = true;
    yield chunk;
  }
  if (!hasBegun) throw new NoDaemonError("Cannot follow the events: the stream ended at once");
}

/** The event in a message; `undefined` when its type is unknown. */
function readEvent({ id, event, data }: StreamMessage, url: string): AnyEvent | undefined {
  checkShape(id, { shape: EVENT_ID, what: "the id of an event", url });
  if (event === "reset") return { type: "reset" };
  const value = parseJson(data);
  checkShape(value, { shape: TYPED, what: "an event", url });
  const shape = EVENTS.get((value as { readonly type: string }).type);
  if (shape === undefined) return undefined;
  checkShape(value, { shape, what: "an event", url });
  return { ...value as LeaseEvent, id };
}

function checkShape(
  value: unknown,
  { shape, what, url }: { readonly shape: AnyShape; readonly what: string; readonly url: string },
): void {
  const fault = shape.faultOf(value);
  if (fault !== undefined) throw new UnusableAnswerError(url, describeFault(fault, what));
}

/** @returns the text itself, which is not an event, when it is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

/** Whether the stream can be opened again after an error: the connection broke, or the daemon restarts. */
function mayPass(error: unknown): boolean {
  return error instanceof NoDaemonError || (error instanceof PortdError && error.code === "shutting_down") ||
    isFull(error);
}

/** Whether all streams that the daemon allows are in use: one of them will end. */
function isFull(error: unknown): boolean {
  return error instanceof PortdError && error.code === "too_many_readers";
}

/** One message of a stream. */
export interface StreamMessage {
  /** The last id up to this message; empty when there was none. */
  readonly id: string;
  /** @default "message" */
  readonly event: string;
  readonly data: string;
}

/** How many characters a message or a line has at most: events have hundreds, or thousands. */
const LONGEST_MESSAGE = 1 << 20;

/**
 * Reads messages from the bytes of a `text/event-stream` (HTML standard, section 9.2.6). Pure. Comments are skipped, an
 * unfinished last message is dropped.
 *
 * @throws {MessageTooLongError} when a line or a message is longer than portd sends (1 MiB).
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

/** A message of a stream is too long. */
export class MessageTooLongError extends Error {
  override readonly name = "MessageTooLongError";

  constructor() {
    super(`an event is longer than ${LONGEST_MESSAGE} characters`);
  }
}

/** Splits text into lines. Reads each character once, however small the chunks are. */
async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "", isAfterReturn = false;
  for await (const chunk of chunks) {
    let text = decoder.decode(chunk, { stream: true });
    if (text === "") continue;
    // A carriage return ends a line at once; a line feed right after it belongs to the same line end.
    if (isAfterReturn && text.startsWith("\n")) text = text.slice(1);
    isAfterReturn = text.endsWith("\r");
    const lines = text.split(/\r\n|\n|\r/);
    lines[0] = rest + lines[0]!;
    rest = lines.pop()!;
    if (rest.length > LONGEST_MESSAGE) throw new MessageTooLongError();
    yield* lines;
  }
}

function splitField(line: string): [field: string, value: string] {
  const colon = line.indexOf(":");
  if (colon === -1) return [line, ""];
  const value = line.slice(colon + 1);
  return [line.slice(0, colon), value.startsWith(" ") ? value.slice(1) : value];
}
