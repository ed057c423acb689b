/**
 * A client that costs little: HTTP/1.1 over one kept-alive connection, one request at a time. For answers of portd and
 * of the echo only, which are short and have a Content-Length.
 */

/** An answer read whole. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Made by {@linkcode KeptConnection.open}; disposing of it closes it. */
export class KeptConnection implements Disposable {
  readonly #connection: Deno.TcpConn;
  readonly #host: string;
  readonly #buffer = new Uint8Array(64 * 1024);
  readonly #decoder = new TextDecoder();

  private constructor(connection: Deno.TcpConn, host: string) {
    this.#connection = connection;
    this.#host = host;
  }

  /** Connects to a port of 127.0.0.1. @throws {Deno.errors.ConnectionRefused} when nobody listens. */
  static async open(port: number): Promise<KeptConnection> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    connection.setNoDelay(true);
    return new KeptConnection(connection, `127.0.0.1:${port}`);
  }

  /** The bytes of a request; what is sent often is encoded once. */
  encode(method: string, path: string, body = "", headers: Readonly<Record<string, string>> = {}): Uint8Array {
    const lines = [
      `${method} ${path} HTTP/1.1`,
      `Host: ${this.#host}`,
      "Content-Type: application/json",
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      `Content-Length: ${new TextEncoder().encode(body).length}`,
    ];
    return new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n${body}`);
  }

  /** Sends a request and reads the answer. @throws {Deno.errors.ConnectionReset} when the server closes. */
  async exchange(request: Uint8Array): Promise<Answer> {
    for (let sent = 0; sent < request.length;) sent += await this.#connection.write(request.subarray(sent));
    let text = "";
    for (;;) {
      const count = await this.#connection.read(this.#buffer);
      if (count === null) throw new Deno.errors.ConnectionReset("Cannot read the answer: the server has closed");
      text += this.#decoder.decode(this.#buffer.subarray(0, count));
      const head = text.indexOf("\r\n\r\n");
      if (head === -1) continue;
      const status = Number(text.slice(9, 12));
      const body = text.slice(head + 4);
      if (body.length >= lengthOf(status, text.slice(0, head))) return { status, body };
    }
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

/** Bytes of the body; they are characters too, as the answers are ASCII. */
function lengthOf(status: number, head: string): number {
  if (status === 204) return 0;
  const [, length] = /^content-length: (\d+)$/im.exec(head) ?? [];
  if (length === undefined) throw new SyntaxError(`Cannot read the answer: no Content-Length: ${head}`);
  return Number(length);
}
