/** Having the peer of a connection prove that it knows the token, before that connection carries the token. */
import { type ApiRequest, tokenOf, UnprovenPeerError } from "../client/transport.ts";
import { challenge, readProof } from "../proof.ts";
import { firstExchange, type Socket, splitUrl } from "./exchange.ts";

const PATIENCE_MS = 10_000;

/**
 * Asks for the proof over a connection, which stays open for the request that bears the token.
 *
 * @throws {UnprovenPeerError} when the peer does not prove it; and as a request does. The connection is closed then.
 */
export async function demandProof(socket: Socket, { url, headers, signal, timeoutMs }: ApiRequest): Promise<void> {
  const { origin, host } = splitUrl(url);
  const { path, isProvenBy } = challenge(tokenOf(headers.authorization!), host);
  const request: ApiRequest = {
    method: "GET",
    url: `${origin}${path}`,
    headers: {},
    signal,
    timeoutMs: Math.min(timeoutMs ?? PATIENCE_MS, PATIENCE_MS),
  };
  try {
    const answer = await firstExchange(new LentSocket(socket), request);
    if (!await isProvenBy(await readProof(answer.chunks()))) {
      throw new UnprovenPeerError(origin, `HTTP ${answer.status}`);
    }
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** A connection that outlives one exchange: its end leaves it open, unless it breaks a read off. */
class LentSocket implements Socket {
  readonly #socket: Socket;
  #isReading = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  async read(into: Uint8Array): Promise<number | null> {
    this.#isReading = true;
    try {
      return await this.#socket.read(into);
    } finally {
      this.#isReading = false;
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#socket.write(bytes);
  }

  close(): void {
    if (this.#isReading) this.#socket.close();
  }
}
