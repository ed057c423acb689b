/** How the client's requests reach a daemon: the types, and the transport over `fetch`. exchange.ts has a quicker one. */

import { reasonOf } from "../errors.ts";

/** Options of {@linkcode NoDaemonError}. */
export interface NoDaemonOptions extends ErrorOptions {
  /** The address, where something listens all the same. */
  readonly origin?: string;
}

/** Nobody answers at the daemon's address, or what answers is not portd. */
export class NoDaemonError extends Error {
  override readonly name: string = "NoDaemonError";
  /** The address, where something listens all the same. */
  readonly origin: string | undefined;

  constructor(message: string, { origin, ...options }: NoDaemonOptions = {}) {
    super(message, options);
    this.origin = origin;
  }
}

/** What answers is not portd: another try would get the same answer. */
export class NotPortdError extends NoDaemonError {}

/** The token was not sent, as the peer has not proven to know it. */
export class UnprovenPeerError extends NotPortdError {
  override readonly name = "UnprovenPeerError";

  /** @param status is that of what came instead of a proof. */
  constructor(origin: string, status: number) {
    const answer = status === 200 ? "its answer does not fit this token" : `HTTP ${status}`;
    super(
      `Cannot send the token to ${origin}: what listens there has not proven to know it (${answer}). It may be ` +
        "another program, a portd with another token, or an older portd that needs a restart",
      { origin },
    );
  }
}

/** What answers seems to be portd, but its answer is not what the API promises: nothing of it can be used. */
export class UnusableAnswerError extends Error {
  override readonly name = "UnusableAnswerError";

  /** @param reason is the error, as in `leases[3].port is -1, expected a port number`. */
  constructor(url: string, reason: string) {
    super(`Cannot use the answer of portd at ${url}: ${reason}`);
  }
}

/** An answer does not come in time: a `TimeoutError`, as the platform's own. */
export class NoAnswerError extends DOMException {
  readonly origin: string;

  constructor(origin: string, limitMs: number) {
    const limit = limitMs < 1000 ? `${Math.round(limitMs)}ms` : `${Math.round(limitMs / 1000)}s`;
    super(`Cannot reach portd at ${origin}: no answer within ${limit}`, "TimeoutError");
    this.origin = origin;
  }
}

/** A request, ready to be sent. */
export interface ApiRequest {
  readonly method: string;
  /** Absolute address. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the exchange, also while the answer is read. */
  readonly signal?: AbortSignal | undefined;
  /** How long the exchange may take until the end of the answer, in milliseconds. @default any time */
  readonly timeoutMs?: number;
  /** How long the head of the answer may take when the whole has no bound, in milliseconds. */
  readonly headMs?: number;
}

/** How many bytes of an answer are read at most: enough for 50,000 leases or sockets with all their details. */
export const MOST_BODY_BYTES = 64 * 1024 * 1024;

/** An answer whose head has arrived. Its body can be used once, by one of the three methods. */
export interface ApiAnswer {
  readonly status: number;
  /** The media type without its parameters, in lower case; empty when there is none. */
  readonly mediaType: string;
  /**
   * The whole body.
   *
   * @param mostBytes is how many bytes are read at most. @default MOST_BODY_BYTES
   * @throws {UnusableAnswerError} when it is longer.
   */
  text(mostBytes?: number): Promise<string>;
  /** The body as it arrives; leaving the loop ends the exchange. */
  chunks(): AsyncIterable<Uint8Array>;
  /** Ends the exchange without the body. */
  cancel(): Promise<void>;
}

/**
 * Sends a request. One with an Authorization header is sent only to a peer that has proven to know the token.
 *
 * @throws {UnprovenPeerError} when the peer does not prove it.
 * @throws {NoDaemonError} when nobody answers or the connection breaks; a `TimeoutError` (`DOMException`) after the time
 * limit; the signal's reason when that is aborted.
 */
export type Transport = (request: ApiRequest) => Promise<ApiAnswer>;

/**
 * Requests over `fetch`. An `http://` peer must prove that it knows the token before each request with the token; the
 * request itself may use another connection. An `https://` peer is proven by its certificate.
 */
export function fetchTransport(send: typeof globalThis.fetch = globalThis.fetch): Transport {
  return async ({ method, url, headers, body = null, signal: given, timeoutMs, headMs }) => {
    const { origin, host, protocol } = new URL(url);
    const bound = timeoutMs === undefined ? [] : [AbortSignal.timeout(timeoutMs)];
    const head = headMs === undefined ? undefined : new HeadLimit(headMs); // `using` is no word of Node 20's
    const bounds = head === undefined ? bound : [...bound, head.signal];
    const signal = AbortSignal.any(given === undefined ? bounds : [given, ...bounds]);
    const explain = (error: unknown) => {
      const isLate = !given?.aborted && bounds.some(({ aborted }) => aborted);
      return isLate ? new NoAnswerError(origin, timeoutMs ?? headMs!) : asNoDaemon(error, origin);
    };
    const { authorization } = headers;
    try {
      if (authorization !== undefined && protocol === "http:") {
        const { challenge, readProof } = await import("../proof.ts"); // most clients have no token
        const { path, isProvenBy } = challenge(tokenOf(authorization), host);
        const answer = await send(`${origin}${path}`, { signal, redirect: "error" });
        const isProven = await isProvenBy(await readProof(answer.body ?? []));
        if (!isProven) throw new UnprovenPeerError(origin, answer.status);
      }
      // redirect: a daemon never redirects, and a token must not follow one elsewhere.
      const response = await send(url, { method, headers, body, signal, redirect: "error" });
      return answerOf(response, { origin, explain });
    } catch (error) {
      throw explain(error);
    } finally {
      head?.end();
    }
  };
}

/** The token of an Authorization header. */
export function tokenOf(authorization: string): string {
  return authorization.replace(/^Bearer /, "");
}

function answerOf(
  response: Response,
  { origin, explain }: { readonly origin: string; readonly explain: (error: unknown) => unknown },
): ApiAnswer {
  async function* chunks() {
    try {
      if (response.body !== null) yield* response.body;
    } catch (error) {
      throw explain(error);
    }
  }
  return {
    status: response.status,
    mediaType: mediaTypeOf(response.headers.get("content-type")),
    text: (mostBytes) => readText(chunks(), origin, mostBytes),
    cancel: async () => await response.body?.cancel(),
    chunks,
  };
}

/** Aborts unless it ends in time. */
class HeadLimit {
  readonly #abort = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(limitMs: number) {
    const reason = new DOMException("Signal timed out.", "TimeoutError");
    this.#timer = setTimeout(() => this.#abort.abort(reason), limitMs);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/** A body as text. @throws {UnusableAnswerError} as soon as it is longer than `mostBytes`. */
export async function readText(
  chunks: AsyncIterable<Uint8Array>,
  origin: string,
  mostBytes: number = MOST_BODY_BYTES,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "", bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new UnusableAnswerError(origin, `it is longer than ${mostBytes} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** How Deno, Node and Bun say that what answers does not speak TLS. */
const NO_TLS = /InvalidContentType|wrong version number/i;

/** `fetch` throws a `TypeError` for every failure of the network. */
function asNoDaemon(error: unknown, origin: string): unknown {
  if (!(error instanceof TypeError)) return error;
  const { cause } = error; // Node has the reason in it
  const reason = NO_TLS.test(`${error.message} ${cause}`)
    ? `what listens there does not speak TLS; to reach portd itself, use ${origin.replace("https:", "http:")}`
    : cause instanceof Error
    ? reasonOf(cause)
    : error.message;
  return new NoDaemonError(`Cannot reach portd at ${origin}: ${reason}`, { cause: error });
}

/** `application/json; charset=utf-8` → `application/json`. */
export function mediaTypeOf(contentType: string | null | undefined): string {
  return (contentType ?? "").split(";", 1)[0]!.trim().toLowerCase();
}
