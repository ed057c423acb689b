/** Follows the daemon's events over broken connections, and reads server-sent events. */
import { PortdError } from "../errors.ts";
import { pause, pauseAfter, startTimer } from "../wait.ts";
import { EVENT_ID, EVENTS } from "./answer_shapes.ts";
import { type AnyShape, describeFault, object, text } from "./shape.ts";
import { type ApiAnswer, NoDaemonError, UnusableAnswerError } from "./transport.ts";
import type { AnyEvent, EventsFilter, LeaseEvent } from "./wire.ts";

/** Options of `PortdClient.events`. */
export interface EventsOptions extends EventsFilter {
  /** Ends the stream; the loop over it then ends without an error. */
  readonly signal?: AbortSignal;
  /** Called whenever the stream is open, the first time and after each break. */
  readonly onOpen?: () => void;
  /** Called when an open stream has broken, with the reason; it will be opened again. */
  readonly onBreak?: (reason: unknown) => void;
  /** How often in a row a broken stream is opened again before giving up. @default 20, which takes about a minute */
  readonly retries?: number;
  /** A stream on which nothing comes for so long has broken; a daemon sends a comment every 15 seconds. @default 45000 */
  readonly silenceMs?: number;
}

const RETRIES = 20;
const PAUSES = { pauseMs: 100, longestPauseMs: 4000 };
const SILENCE_MS = 45_000;
const TYPED = object<{ readonly type: string }>({ type: text(100) });

/** How {@linkcode followEvents} reaches the daemon. */
export interface EventSource {
  /** Its address, for messages. */
  readonly url: string;
  /** Requests the stream. Resolves with the head of the answer. */
  readonly open: (filter: EventsFilter, signal: AbortSignal) => Promise<ApiAnswer>;
}

/**
 * Yields events. After each break it opens the stream again, after the last event. An event of an unknown type is left
 * out.
 *
 * @throws {UnusableAnswerError} when an event does not have the shape of its type, or is too long.
 */
export async function* followEvents(
  source: EventSource,
  options: EventsOptions,
): AsyncGenerator<AnyEvent, void, void> {
  const { signal = new AbortController().signal, onBreak, retries = RETRIES, follow = true } = options;
  const place = { id: options.lastEventId };
  let hasBegun = false, isOpen = false;
  for (let failures = 0; !signal.aborted; failures++) {
    let reason: unknown;
    try {
      if (failures > 0) await pause(pauseAfter(failures, PAUSES), signal);
      const onBegin = () => {
        hasBegun = isOpen = true;
        failures = 0;
      };
      yield* oneStream(source, { ...options, signal, place, onBegin });
      if (!follow) return;
      reason = new NoDaemonError("the daemon has ended the stream");
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof MessageTooLongError) throw new UnusableAnswerError(source.url, error.message);
      if (!(hasBegun ? mayPass(error) : isFull(error)) || failures >= retries) throw error;
      reason = error;
    }
    if (isOpen) onBreak?.(reason);
    isOpen = false;
  }
}

/** What {@linkcode oneStream} works with. */
interface StreamOptions extends EventsOptions {
  readonly signal: AbortSignal;
  /** The id of the last event that came. */
  readonly place: { id: string | undefined };
  /** Called at the first bytes: a stream without events has at least its first line. */
  readonly onBegin: () => void;
}

/** The events until the stream ends. @throws {NoDaemonError} when it breaks, also by silence. */
async function* oneStream(
  { url, open }: EventSource,
  { signal, place, onOpen, onBegin, silenceMs = SILENCE_MS, replay, follow }: StreamOptions,
): AsyncGenerator<AnyEvent, void, void> {
  const connection = new AbortController(), end = () => connection.abort(signal.reason);
  signal.addEventListener("abort", end);
  try {
    const answer = await open({ lastEventId: place.id, replay, follow }, connection.signal);
    onOpen?.();
    const onId = (id: string) => {
      checkShape(id, { shape: EVENT_ID, what: "the id of an event", url });
      place.id = id;
    };
    const chunks = whileHeard(whenBegun(answer.chunks(), onBegin), { connection, silenceMs });
    for await (const message of parseEventStream(chunks, onId)) {
      const before = place.id, event = readEvent(message, url);
      if (message.id !== "") place.id = message.id;
      if (event?.type === "reset") yield { ...event, missed: missedBetween(before, event.id) };
      else if (event !== undefined) yield event;
    }
  } finally {
    signal.removeEventListener("abort", end);
  }
}

/** The same chunks; the connection is aborted when the next one does not come in time. */
async function* whileHeard(
  chunks: AsyncIterable<Uint8Array>,
  { connection, silenceMs }: { readonly connection: AbortController; readonly silenceMs: number },
): AsyncGenerator<Uint8Array> {
  const startListening = () =>
    startTimer(silenceMs, () => {
      const message = `Cannot follow the events: nothing has come for ${silenceMs / 1000} seconds`;
      connection.abort(new NoDaemonError(message));
    });
  let stop = startListening();
  try {
    for await (const chunk of chunks) {
      stop(); // what the caller does with it is no silence of the daemon
      yield chunk;
      stop = startListening();
    }
  } finally {
    stop();
  }
}

/** How many events are lost between two places; null where they are of different runs of the daemon. */
function missedBetween(before: string | undefined, after: string): number | null {
  const [epoch, number] = before?.split("-") ?? [], [epochAfter, numberAfter] = after.split("-");
  const missed = Number(numberAfter) - Number(number);
  return epoch === epochAfter && missed > 0 ? missed : null;
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
  if (event === "reset") return { type: "reset", id, missed: null };
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
 * @param onId is called with an id that comes without an event: the stream continues from there.
 * @throws {MessageTooLongError} when a line or a message is longer than portd sends (1 MiB).
 */
export async function* parseEventStream(
  chunks: AsyncIterable<Uint8Array>,
  onId: (id: string) => void = () => {},
): AsyncGenerator<StreamMessage> {
  let id = "", event = "", data: string[] = [], length = 0;
  for await (const line of splitLines(chunks)) {
    if (line === "") {
      if (data.length > 0) yield { id, event: event || "message", data: data.join("\n") };
      else if (id !== "") onId(id);
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
