/** Server-sent events, as the HTML standard (section 9.2.6) parses them. Pure: bytes in, messages out. */

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
 * Reads messages from the bytes of a `text/event-stream`; comments are skipped, an unfinished last message is dropped.
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
