/**
 * A server that knows the token and answers as the test says, byte by byte: what a daemon must never do, and a client
 * must survive.
 */
import { proofOf } from "../../src/proof.ts";

/** A request as it came. */
export interface Asked {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** `host:port`, as the Host field has it. */
  readonly host: string;
  /** Whether the token came with it. */
  readonly hasToken: boolean;
}

/** What is sent back: pieces, one after the other, until they end or the client has closed. */
export type Answer = Iterable<string | Uint8Array>;

/** Sends nothing and keeps the connection. */
export const MUTE: Answer = [];

/** The token that it proves to know. */
export const LIARS_TOKEN = "f".repeat(64);

/** Listens on a port of its own; disposing of it ends it and every connection. */
export class LyingServer implements AsyncDisposable {
  /** Every request so far, apart from the questions for a proof. */
  readonly asked: Asked[] = [];
  /** The questions for a proof so far. */
  readonly proofs: Asked[] = [];
  /** Bytes that were sent and taken. */
  sent = 0;
  /** Answers the requests from now on. */
  answer: (asked: Asked) => Answer;
  /** Answers the questions for a proof from now on. @default the proof */
  prove: (asked: Asked) => Answer | Promise<Answer> = proofFor;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.Conn>();
  readonly #running: Promise<void>;

  constructor(answer: (asked: Asked) => Answer) {
    this.answer = answer;
    this.#running = this.#accept();
  }

  /** Base address, without `/v1`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
    await this.#running;
  }

  async #accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.#connections.add(connection);
      serving.push(this.#serve(connection).finally(() => this.#connections.delete(connection)));
    }
    await Promise.all(serving);
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    try {
      // The proof and the request with the token share one connection.
      for (let isProof = true; isProof;) {
        const asked = await readRequest(connection);
        if (asked === undefined) return;
        isProof = asked.path.startsWith("/v1/proof?");
        (isProof ? this.proofs : this.asked).push(asked);
        await this.#send(connection, isProof ? await this.prove(asked) : this.answer(asked));
        if (isProof && this.prove !== proofFor) return;
      }
    } catch (error) {
      if (!isGone(error)) throw error;
    } finally {
      close(connection);
    }
  }

  async #send(connection: Deno.Conn, answer: Answer): Promise<void> {
    for (const piece of answer) {
      const bytes = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
      this.sent += bytes.length;
    }
    if (answer === MUTE) await connection.read(new Uint8Array(1)); // until the client leaves
  }
}

/** What a daemon with the token answers to a question for the proof. */
async function proofFor({ host, path }: Asked): Promise<Answer> {
  const [, nonce = ""] = path.split("nonce=");
  return respond(JSON.stringify({ proof: await proofOf({ token: LIARS_TOKEN, address: host, nonce }) }));
}

/** An answer with a head and a body of known length. */
export function respond(body: string, { status = 200, type = "application/json" } = {}): Answer {
  const bytes = new TextEncoder().encode(body);
  return [`HTTP/1.1 ${status} X\r\nContent-Type: ${type}\r\nContent-Length: ${bytes.length}\r\n\r\n`, bytes];
}

/** An answer that goes on until the client leaves. */
export function* endless(head: string, piece: string): Answer {
  yield head;
  const bytes = new TextEncoder().encode(piece);
  for (;;) yield bytes;
}

async function readRequest(connection: Deno.Conn): Promise<Asked | undefined> {
  const buffer = new Uint8Array(1 << 16);
  let text = "";
  for (;;) {
    const head = text.indexOf("\r\n\r\n");
    const length = Number(/^content-length: (\d+)$/im.exec(text)?.[1] ?? 0);
    if (head !== -1 && text.length >= head + 4 + length) break;
    const count = await connection.read(buffer);
    if (count === null) return undefined;
    text += new TextDecoder("latin1").decode(buffer.subarray(0, count)); // a character a byte
  }
  const [method = "", path = ""] = text.split(" ", 2);
  const host = /^host: (\S+)\r$/im.exec(text)?.[1] ?? "";
  return { method, path, host, hasToken: text.includes(LIARS_TOKEN) };
}

function isGone(error: unknown): boolean {
  const gone = [Deno.errors.BrokenPipe, Deno.errors.ConnectionReset, Deno.errors.BadResource, Deno.errors.Interrupted];
  return gone.some((kind) => error instanceof kind);
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error; // closed already
  }
}
