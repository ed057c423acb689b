/** A connection that sends any bytes and reads answers of HTTP/1.1. */
import { Buffer } from "node:buffer";
import { within } from "../../src/wait.ts";

/** A whole answer; of a stream only its head. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** No answer and no end came in time. */
export class HangError extends Error {
  override readonly name = "HangError";
}

/** How long an answer may take, in milliseconds, on a busy machine too. */
const PATIENCE_MS = 120_000;

/** One connection; disposing of it closes it. */
export class Connection implements Disposable {
  readonly #socket: Deno.TcpConn;
  readonly #chunk = new Uint8Array(16_384);
  #bytes = "";
  #isOpen = true;

  private constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  static async open(hostname: string, port: number): Promise<Connection> {
    return new Connection(await Deno.connect({ hostname, port }));
  }

  /** Sends all of it. @returns whether the other side took it. */
  async send(bytes: Uint8Array): Promise<boolean> {
    for (let at = 0; at < bytes.length;) {
      const written = await this.#orHang(this.#socket.write(bytes.subarray(at))).catch(ifGone);
      if (written === undefined) return false;
      at += written;
    }
    return true;
  }

  /** Says that nothing more will be sent. */
  async endSending(): Promise<void> {
    await this.#socket.closeWrite().catch(ifGone);
  }

  /** The next answer, or `undefined` when the connection ends before it is whole. @throws {HangError} */
  async answer(method: string): Promise<Answer | undefined> {
    for (;;) {
      const found = takeAnswer(this.#bytes, method);
      if (found !== undefined) {
        this.#bytes = this.#bytes.slice(found.length);
        return found.answer;
      }
      if (!await this.more()) return undefined;
    }
  }

  /** Reads one more piece. @returns whether there was one. @throws {HangError} */
  async more(): Promise<boolean> {
    const length = await this.#orHang(this.#socket.read(this.#chunk)).catch(ifGone);
    if (length === undefined || length === null) return false;
    this.#bytes += latin1(this.#chunk.subarray(0, length));
    return true;
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) this.#socket.close();
    this.#isOpen = false;
  }

  async #orHang<T>(work: Promise<T>): Promise<T> {
    const done = await within(work.then((value) => ({ value })), PATIENCE_MS);
    if (done === undefined) throw new HangError(`nothing came within ${PATIENCE_MS} ms`);
    return done.value;
  }
}

/** The other side may close the connection. */
function ifGone(error: unknown): undefined {
  const { ConnectionReset, BrokenPipe, NotConnected, ConnectionAborted } = Deno.errors;
  const gone = [ConnectionReset, BrokenPipe, NotConnected, ConnectionAborted];
  if (gone.some((kind) => error instanceof kind)) return undefined;
  throw error;
}

/** One character for each byte. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

/** The first answer in the bytes that have come, and its length. */
function takeAnswer(bytes: string, method: string): { readonly answer: Answer; readonly length: number } | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const [statusLine = "", ...lines] = bytes.slice(0, headEnd).split("\r\n");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1]);
  const start = headEnd + 4;
  if (status === 100) {
    const next = takeAnswer(bytes.slice(start), method);
    return next && { answer: next.answer, length: start + next.length };
  }
  const headers = new Headers(
    lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
  );
  const done = (body: string, end: number) => {
    return { answer: { status, headers, body: Buffer.from(body, "latin1").toString() }, length: end };
  };
  if (headers.get("content-type") === "text/event-stream" || method === "HEAD" || status === 204) {
    return done("", start);
  }
  if (headers.get("transfer-encoding") === "chunked") {
    const chunks = takeChunks(bytes, start);
    return chunks && done(chunks.body, chunks.end);
  }
  const end = start + Number(headers.get("content-length") ?? 0);
  return bytes.length < end ? undefined : done(bytes.slice(start, end), end);
}

function takeChunks(bytes: string, start: number): { readonly body: string; readonly end: number } | undefined {
  let body = "";
  for (let at = start;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd === -1) return undefined;
    const length = Number.parseInt(bytes.slice(at, lineEnd), 16);
    const next = lineEnd + 2 + length + 2;
    if (bytes.length < next) return undefined;
    if (length === 0) return { body, end: next };
    body += bytes.slice(lineEnd + 2, lineEnd + 2 + length);
    at = next;
  }
}
