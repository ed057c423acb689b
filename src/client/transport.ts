/** How the client's requests reach a daemon: the types, and the way over `fetch`. src/cli/exchange.ts has a quicker one. */

/** Nobody answers where a daemon was looked for, or what answers is not portd. */
export class NoDaemonError extends Error {
  override readonly name: string = "NoDaemonError";
}

/** The token was not sent, as who listens there has not proven to know it. */
export class UnprovenPeerError extends NoDaemonError {
  override readonly name = "UnprovenPeerError";

  /** @param answer is what was seen in the place of a proof: `HTTP 404`. */
  constructor(origin: string, answer: string) {
    super(
      `Cannot send the token to ${origin}: who listens there has not proven to know it (${answer}). It may be ` +
        "another program, a portd with another token, or one of an older version, which a restart replaces",
    );
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
  /** How long the exchange may take to the end of the answer, in milliseconds; without it there is no bound. */
  readonly timeoutMs?: number;
}

/** An answer whose head has arrived. Its body is used once, by one of the three methods. */
export interface ApiAnswer {
  readonly status: number;
  /** The media type without its parameters, in lower case; empty when there is none. */
  readonly mediaType: string;
  /** The whole body. */
  text(): Promise<string>;
  /** The body as it arrives; leaving the loop ends the exchange. */
  chunks(): AsyncIterable<Uint8Array>;
  /** Ends the exchange without the body. */
  cancel(): Promise<void>;
}

/**
 * Sends a request. One with an Authorization header goes only to a peer that has proven to know its token.
 *
 * @throws {UnprovenPeerError} when the peer does not prove it, {NoDaemonError} when nobody answers or the connection breaks, a `TimeoutError` (`DOMException`) when the time
 * is up, the signal's reason when that is aborted.
 */
export type Transport = (request: ApiRequest) => Promise<ApiAnswer>;

/**
 * Requests over `fetch`. An `http://` peer proves that it knows the token before each request that has it; which
 * connection `fetch` then takes cannot be chosen. An `https://` peer is proven by its certificate.
 */
export function fetchTransport(send: typeof globalThis.fetch = globalThis.fetch): Transport {
  return async ({ method, url, headers, body = null, signal: given, timeoutMs }) => {
    const { origin, host, protocol } = new URL(url);
    const bound = timeoutMs === undefined ? [] : [AbortSignal.timeout(timeoutMs)];
    const signal = AbortSignal.any(given === undefined ? bound : [given, ...bound]);
    const { authorization } = headers;
    try {
      if (authorization !== undefined && protocol === "http:") {
        const { challenge, readProof } = await import("../proof.ts"); // most clients have no token
        const { path, isProvenBy } = challenge(tokenOf(authorization), host);
        const answer = await send(`${origin}${path}`, { signal, redirect: "error" });
        const isProven = await isProvenBy(await readProof(answer.body ?? []));
        if (!isProven) throw new UnprovenPeerError(origin, `HTTP ${answer.status}`);
      }
      // redirect: a daemon never redirects, and a token must not follow one elsewhere.
      const response = await send(url, { method, headers, body, signal, redirect: "error" });
      return answerOf(response, origin);
    } catch (error) {
      throw asNoDaemon(error, origin);
    }
  };
}

/** The token of an Authorization header. */
export function tokenOf(authorization: string): string {
  return authorization.replace(/^Bearer /, "");
}

function answerOf(response: Response, origin: string): ApiAnswer {
  return {
    status: response.status,
    mediaType: mediaTypeOf(response.headers.get("content-type")),
    text: () => response.text().catch((error) => Promise.reject(asNoDaemon(error, origin))),
    cancel: async () => await response.body?.cancel(),
    async *chunks() {
      try {
        if (response.body !== null) yield* response.body;
      } catch (error) {
        throw asNoDaemon(error, origin);
      }
    },
  };
}

/** `TypeError` is fetch's word for every failure of the network. */
function asNoDaemon(error: unknown, origin: string): unknown {
  if (!(error instanceof TypeError)) return error;
  return new NoDaemonError(`Cannot reach portd at ${origin}: ${error.message}`, { cause: error });
}

/** `application/json; charset=utf-8` → `application/json`. */
export function mediaTypeOf(contentType: string | null | undefined): string {
  return (contentType ?? "").split(";", 1)[0]!.trim().toLowerCase();
}
