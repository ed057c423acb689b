/** An HTTP server for tests of clients: it answers with a `Response`, or with whatever bytes the test says. */
import { Buffer } from "node:buffer";

/** A request as it came. */
export interface Asked {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Headers;
  /** Read as JSON; `undefined` when there is none. */
  readonly body: unknown;
}

/** Pieces that are sent one after the other, until they end or the client has closed; then the connection is closed. */
export type Bytes = Iterable<string | Uint8Array>;

/** What is sent back. */
export type Reply = Response | Bytes;

/** Sends nothing and keeps the connection. */
export const MUTE: Bytes = [];

/** Options of {@linkcode RawServer}. */
export interface RawServerOptions {
  /** On 127.0.0.1. @default any */
  readonly port?: number;
}

/** Listens until it is disposed of, which also closes every connection. */
export class RawServer implements AsyncDisposable {
  /** Bytes that were sent and taken. */
  sent = 0;
  /** Connections that were accepted. */
  accepted = 0;
  readonly #reply: (asked: Asked) => Promise<Reply>;
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<Deno.Conn>();
  readonly #streaming = new Set<Deno.Conn>();
  /** Those that are still to get a whole answer when the server ends. */
  readonly #answering = new Set<Deno.Conn>();
  readonly #running: Promise<void>;
  #isEnding = false;
  #streamed = Promise.withResolvers<void>();

  constructor(reply: (asked: Asked) => Promise<Reply>, { port = 0 }: RawServerOptions = {}) {
    this.#reply = reply;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.#running = this.#accept();
  }

  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  /** Resolves when the next piece of a stream of events has been sent; the first one comes at once. */
  whenStreaming(): Promise<void> {
    return this.#streamed.promise;
  }

  /** Closes the connections on which a stream of events is sent. */
  breakStreams(): void {
    for (const connection of this.#streaming) close(connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    close(this.#listener);
    for (const connection of this.#connections) if (!this.#answering.has(connection)) close(connection);
    await this.#running;
  }

  async #accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.accepted++;
      this.#connections.add(connection);
      serving.push(this.#serve(connection).finally(() => this.#connections.delete(connection)));
    }
    await Promise.all(serving);
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    try {
      for (let goesOn = true; goesOn && !this.#isEnding;) {
        const asked = await readRequest(connection);
        if (asked === undefined) return;
        this.#answering.add(connection);
        const reply = await this.#reply(asked);
        if (!(reply instanceof Response)) return await this.#sendBytes(connection, reply);
        goesOn = await this.#respond(connection, reply) && asked.headers.get("connection") !== "close";
        this.#answering.delete(connection);
      }
    } catch (error) {
      if (!isGone(error)) throw error;
    } finally {
      this.#answering.delete(connection);
      close(connection);
    }
  }

  async #sendBytes(connection: Deno.Conn, bytes: Bytes): Promise<void> {
    this.#answering.delete(connection);
    if (this.#isEnding) return;
    await this.#send(connection, bytes);
    if (bytes === MUTE) await connection.read(new Uint8Array(1)); // until the client leaves
  }

  /** @returns whether the connection may be used again. */
  async #respond(connection: Deno.Conn, response: Response): Promise<boolean> {
    const { status, headers } = response;
    const isStream = headers.get("content-type") === "text/event-stream";
    const body = isStream ? undefined : new Uint8Array(await response.arrayBuffer());
    const fields = [...headers].map(([name, value]) => `${name}: ${value}\r\n`);
    if (body !== undefined && status !== 204) fields.push(`Content-Length: ${body.length}\r\n`);
    await this.#send(connection, [`HTTP/1.1 ${status} X\r\n${fields.join("")}\r\n`, ...(body ? [body] : [])]);
    if (isStream) await this.#stream(connection, response.body!);
    return !isStream;
  }

  async #stream(connection: Deno.Conn, body: ReadableStream<Uint8Array>): Promise<void> {
    this.#answering.delete(connection);
    this.#streaming.add(connection);
    try {
      for await (const piece of body) {
        await this.#send(connection, [piece]);
        this.#streamed.resolve();
        this.#streamed = Promise.withResolvers();
      }
    } finally {
      this.#streaming.delete(connection);
    }
  }

  async #send(connection: Deno.Conn, pieces: Bytes): Promise<void> {
    for (const piece of pieces) {
      const bytes = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
      this.sent += bytes.length;
    }
  }
}

/** An answer of a status and a media type that no `Response` need have. */
export function respond(body: string, { status = 200, type = "application/json" } = {}): Response {
  return new Response(body, { status, headers: { "content-type": type } });
}

/** An answer that goes on until the client leaves. */
export function* endless(head: string, piece: string): Bytes {
  yield head;
  const bytes = new TextEncoder().encode(piece);
  for (;;) yield bytes;
}

async function readRequest(connection: Deno.Conn): Promise<Asked | undefined> {
  const buffer = new Uint8Array(1 << 16);
  let bytes = Buffer.alloc(0), head = -1, length = 0;
  while (head === -1 || bytes.length < head + 4 + length) {
    const count = await connection.read(buffer);
    if (count === null) return undefined;
    bytes = Buffer.concat([bytes, buffer.subarray(0, count)]);
    head = bytes.indexOf("\r\n\r\n");
    length = Number(/^content-length: (\d+)$/im.exec(bytes.toString("latin1", 0, Math.max(head, 0)))?.[1] ?? 0);
  }
  const [start = "", ...fields] = bytes.toString("latin1", 0, head).split("\r\n");
  const [method = "", path = ""] = start.split(" ", 2);
  const headers = new Headers(fields.map((field) => field.split(/: (.*)/s, 2) as [string, string]));
  const body = bytes.toString("utf8", head + 4);
  return { method, path, headers, body: body === "" ? undefined : JSON.parse(body) };
}

function isGone(error: unknown): boolean {
  const gone = [Deno.errors.BrokenPipe, Deno.errors.ConnectionReset, Deno.errors.BadResource, Deno.errors.Interrupted];
  return gone.some((kind) => error instanceof kind);
}

function close(socket: Deno.Conn | Deno.Listener): void {
  try {
    socket.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error; // closed already
  }
}
