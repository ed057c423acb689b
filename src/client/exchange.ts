/**
 * One HTTP/1.1 exchange (RFC 9112) over a plain socket. In a short-lived process the first `fetch` costs 7 ms, the first
 * `Response` 3 and the first timer 5. The socket costs less than one, and the whole start of the CLI takes 17.
 */
import { reasonOf } from "../errors.ts";
import { type Socket, splitUrl } from "./socket.ts";
import {
  type ApiAnswer,
  type ApiRequest,
  mediaTypeOf,
  NoAnswerError,
  NoDaemonError,
  NotPortdError,
  readText,
  UnusableAnswerError,
} from "./transport.ts";

/**
 * Sends a request and reads the answer. The socket is closed when the body has been read.
 *
 * @param bytes is the encoded request.
 */
export async function exchange(
  socket: Socket,
  request: ApiRequest,
  bytes = encodeRequest(request),
): Promise<ApiAnswer> {
  return await new Exchange(socket, request).run(bytes, request);
}

/**
 * A request as it is sent.
 *
 * @param connection says what the peer does with the connection afterwards.
 * @throws {Error} when a header has an unprintable character.
 */
export function encodeRequest(
  { method, url, headers, body }: ApiRequest,
  connection: "close" | "keep-alive" = "close",
): Uint8Array {
  const { host, path } = splitUrl(url);
  const content = new TextEncoder().encode(body ?? "");
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, `Connection: ${connection}`];
  for (const [name, value] of Object.entries(headers)) {
    // Header injection: a line end in a value would begin another header, or another request.
    if (/[^\t\x20-\x7e]/.test(value)) {
      throw new Error(`Cannot send header ${name}: it has an unprintable character`);
    }
    lines.push(`${name}: ${value}`);
  }
  if (method !== "GET") lines.push(`Content-Length: ${content.length}`);
  const head = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
  const request = new Uint8Array(head.length + content.length);
  request.set(head);
  request.set(content, head.length);
  return request;
}

const MOST_HEAD_BYTES = 64 * 1024;
/** How many heads of status 1xx may come before the answer (RFC 9110, section 15.2); portd sends none. */
const MOST_INTERIM = 8;
/** How many characters of an answer a message quotes. */
const LONGEST_QUOTE = 40;

interface Head {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

class Exchange {
  readonly #socket: Socket;
  readonly #origin: string;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.#close();
  #bound: AbortSignal | undefined;
  #limitMs = Infinity;
  /** What was read and is not used yet. */
  #buffer: Uint8Array = new Uint8Array(0);
  #isClosed = false;

  constructor(socket: Socket, { url, signal }: ApiRequest) {
    this.#socket = socket;
    this.#origin = splitUrl(url).origin;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort);
    if (signal?.aborted) this.#close();
  }

  async run(request: Uint8Array, { timeoutMs, headMs }: ApiRequest): Promise<ApiAnswer> {
    try {
      const writing = this.#write(request);
      // The first timer of a process takes half a millisecond to set up: the daemon works meanwhile.
      const limitMs = timeoutMs ?? headMs;
      if (limitMs !== undefined) this.#limit(limitMs);
      await writing;
      const head = await this.#readFinalHead();
      if (timeoutMs === undefined) this.#unlimit();
      return this.#answer(head);
    } catch (error) {
      this.#close();
      throw this.#explain(error);
    }
  }

  #limit(limitMs: number): void {
    this.#limitMs = limitMs;
    this.#bound = AbortSignal.timeout(limitMs);
    this.#bound.addEventListener("abort", this.#abort);
  }

  #unlimit(): void {
    this.#bound?.removeEventListener("abort", this.#abort);
    this.#bound = undefined;
  }

  #answer(head: Head): ApiAnswer {
    const chunks = () => this.#body(head);
    return {
      status: head.status,
      mediaType: mediaTypeOf(head.headers.get("content-type")),
      chunks,
      cancel: () => Promise.resolve(this.#close()),
      text: (mostBytes) => readText(chunks(), this.#origin, mostBytes),
    };
  }

  async *#body({ status, headers }: Head): AsyncGenerator<Uint8Array> {
    try {
      if (status === 204 || status === 304) return;
      const length = headers.get("content-length");
      if (headers.get("transfer-encoding")?.toLowerCase().endsWith("chunked")) yield* this.#chunked();
      else if (length === undefined) yield* this.#untilEnd();
      else {yield* this.#exactly(
          parseNumber(length, 10, /^\d{1,15}$/) ?? this.#fail(`Content-Length is "${quote(length)}"`),
        );}
    } catch (error) {
      throw this.#explain(error);
    } finally {
      this.#close();
    }
  }

  /** RFC 9112, section 7.1. */
  async *#chunked(): AsyncGenerator<Uint8Array> {
    while (true) {
      const line = await this.#readLine();
      const size = parseNumber(line.split(";", 1)[0]!.trim(), 16, /^[0-9a-f]{1,12}$/i) ??
        this.#fail(`a chunk's size is "${quote(line)}"`);
      if (size === 0) break;
      yield* this.#exactly(size);
      if (await this.#readLine() !== "") this.#fail("a chunk is longer than its size");
    }
    await this.#readFields(); // trailers
  }

  async *#exactly(bytes: number): AsyncGenerator<Uint8Array> {
    for (let left = bytes; left > 0;) {
      if (this.#buffer.length === 0 && !await this.#fill()) throw this.#broken("the answer is cut short");
      const part = this.#buffer.subarray(0, left);
      this.#buffer = this.#buffer.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  async *#untilEnd(): AsyncGenerator<Uint8Array> {
    do {
      const part = this.#buffer;
      this.#buffer = new Uint8Array(0);
      if (part.length > 0) yield part;
    } while (await this.#fill());
  }

  /** The head of the answer itself, after heads of status 1xx. */
  async #readFinalHead(): Promise<Head> {
    for (let interim = 0; interim <= MOST_INTERIM; interim++) {
      const head = await this.#readHead();
      if (head.status >= 200) return head;
      if (head.status === 101) this.#fail("the answer is HTTP 101, which was not asked for");
    }
    this.#fail("there are only heads of status 1xx and no answer");
  }

  async #readHead(): Promise<Head> {
    const line = await this.#readLine();
    const status = Number(/^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/.exec(line)?.[1] ?? this.#fail("the answer is not HTTP"));
    return { status, headers: await this.#readFields() };
  }

  /** The lines up to an empty one, by name in lower case. */
  async #readFields(): Promise<ReadonlyMap<string, string>> {
    const fields = new Map<string, string>();
    for (let bytes = 0; bytes <= MOST_HEAD_BYTES;) {
      const field = await this.#readLine();
      if (field === "") return fields;
      bytes += field.length;
      const colon = field.indexOf(":");
      if (colon > 0) fields.set(field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim());
    }
    this.#fail("the head of the answer is too long");
  }

  /** One line without its end. */
  async #readLine(): Promise<string> {
    let end = this.#buffer.indexOf(LINE_FEED);
    while (end === -1) {
      if (this.#buffer.length > MOST_HEAD_BYTES) this.#fail("a line of the answer is too long");
      const before = this.#buffer.length;
      if (!await this.#fill()) {
        throw this.#broken(before === 0 ? "it closed the connection" : "the answer is cut short");
      }
      end = this.#buffer.indexOf(LINE_FEED, before);
    }
    const line = new TextDecoder().decode(this.#buffer.subarray(0, end));
    this.#buffer = this.#buffer.subarray(end + 1);
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  }

  /** Reads more into the buffer. @returns whether there was more. */
  async #fill(): Promise<boolean> {
    const room = new Uint8Array(this.#buffer.length + 16 * 1024);
    room.set(this.#buffer);
    const count = await this.#socket.read(room.subarray(this.#buffer.length));
    if (count === null) return false;
    this.#buffer = room.subarray(0, this.#buffer.length + count);
    return true;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) sent += await this.#socket.write(bytes.subarray(sent));
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#bound?.removeEventListener("abort", this.#abort);
    this.#socket.close();
  }

  /** After an abort the error is the signal's reason; any other failure is a broken connection. */
  #explain(error: unknown): unknown {
    if (this.#signal?.aborted) return this.#signal.reason;
    if (this.#bound?.aborted) return new NoAnswerError(this.#origin, this.#limitMs);
    const isOurs = error instanceof NoDaemonError || error instanceof UnusableAnswerError;
    return isOurs ? error : this.#broken(reasonOf(error), error);
  }

  #fail(reason: string): never {
    throw new NotPortdError(this.#failure(reason), { origin: this.#origin });
  }

  #broken(reason: string, cause?: unknown): NoDaemonError {
    return new NoDaemonError(this.#failure(reason), { cause, origin: this.#origin });
  }

  #failure(reason: string): string {
    return `Cannot talk to portd at ${this.#origin}: ${reason}`;
  }
}

const LINE_FEED = 10;

function parseNumber(text: string, radix: number, pattern: RegExp): number | undefined {
  return pattern.test(text) ? parseInt(text, radix) : undefined;
}

function quote(text: string): string {
  return text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
}
