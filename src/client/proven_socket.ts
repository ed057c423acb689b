/** Makes the peer of a connection prove that it knows the token, before the token is sent over that connection. */
import { challenge, readProof } from "../proof.ts";
import { retry } from "../wait.ts";
import { encodeRequest, exchange } from "./exchange.ts";
import { openSocket, type Socket, splitUrl } from "./socket.ts";
import { type ApiRequest, NoDaemonError, NotPortdError, tokenOf, UnprovenPeerError } from "./transport.ts";

const PATIENCE_MS = 10_000;
/** A daemon that is flooded with connections closes some, and refuses others for a moment. */
const MOST_ATTEMPTS = 20, PAUSE_MS = 100;

/**
 * A connection whose peer has proven that it knows the token, for the request with the token. If the connection breaks
 * before, another one is opened: no request has been sent yet.
 *
 * @param opened is used first.
 * @throws {UnprovenPeerError} when the peer does not prove it; and as a request does.
 */
export async function provenSocket(opened: Socket, request: ApiRequest): Promise<Socket> {
  let next: Socket | undefined = opened;
  const attempt = async () => {
    const socket = next ?? await openSocket(request.url);
    next = undefined;
    await demandProof(socket, request);
    return socket;
  };
  const mayPass = (error: unknown) => error instanceof NoDaemonError && !(error instanceof NotPortdError);
  return await retry(attempt, { mostAttempts: MOST_ATTEMPTS, pauseMs: PAUSE_MS, mayPass, signal: request.signal });
}

/** Asks for the proof over a connection, and closes the connection if it does not come. */
async function demandProof(socket: Socket, asked: ApiRequest): Promise<void> {
  const { url, headers, signal, timeoutMs = asked.headMs ?? PATIENCE_MS } = asked;
  const { origin, host } = splitUrl(url);
  const { path, isProvenBy } = challenge(tokenOf(headers.authorization!), host);
  const request: ApiRequest = {
    method: "GET",
    url: `${origin}${path}`,
    headers: {},
    signal,
    timeoutMs: Math.min(timeoutMs, PATIENCE_MS),
  };
  const borrowed = new BorrowedSocket(socket);
  try {
    const answer = await exchange(borrowed, request, encodeRequest(request, "keep-alive"));
    if (!await isProvenBy(await readProof(answer.chunks()))) {
      throw new UnprovenPeerError(origin, answer.status);
    }
  } catch (error) {
    borrowed.closeForGood();
    throw error;
  }
}

/** Lends a connection to one exchange: its end leaves the connection open, unless a read is interrupted. */
class BorrowedSocket implements Socket {
  readonly #socket: Socket;
  #isReading = false;
  #hasEnded = false;
  #isClosed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  async read(into: Uint8Array): Promise<number | null> {
    this.#checkOpen();
    this.#isReading = true;
    const count = await this.#socket.read(into).finally(() => this.#isReading = false);
    this.#checkOpen(); // it may have been closed meanwhile
    return count;
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#socket.write(bytes);
  }

  close(): void {
    this.#hasEnded = true;
    if (this.#isReading) this.closeForGood();
  }

  closeForGood(): void {
    if (!this.#isClosed) this.#socket.close();
    this.#isClosed = true;
  }

  #checkOpen(): void {
    if (this.#hasEnded) throw new Deno.errors.BadResource("the exchange has ended");
  }
}
