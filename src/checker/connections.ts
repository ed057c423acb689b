/**
 * The connections of a checker: how many there are, how long each may take and how much it may send. Each takes one
 * request. What is beyond the limits is closed without an answer.
 */
import { PortdError, reasonOf } from "../errors.ts";
import type { WriteLine } from "../log_line.ts";
import { isBrokenConnection } from "../os/broken_connection.ts";
import { pause } from "../wait.ts";
import { canonicalCaller, type Share, sharesOf } from "./caller_address.ts";
import { encodeResponse, readRequest } from "./http_message.ts";

/** What answers requests. */
export interface Answerer {
  /** @param caller is the source address of the connection. */
  readonly answer: (request: Request, caller: string) => Promise<Response>;
  /** The answer to what is no request. */
  readonly refuse: (error: unknown) => Response;
}

/** The part of a listener that is needed. */
export type Listener = Pick<Deno.TcpListener, "accept" | "close">;

/** Limits of {@linkcode Connections}; {@linkcode mostOfOne} is that of a share of size 1. */
export interface ConnectionLimits {
  readonly most: number;
  readonly mostOfOne: number;
  /** How long a request may take to arrive, and its answer to be taken, in milliseconds. */
  readonly transferMs: number;
  /** How long the other side may go on sending after its answer, in milliseconds. */
  readonly lingerMs: number;
}

const LIMITS: ConnectionLimits = { most: 512, mostOfOne: 8, transferMs: 5000, lingerMs: 1000 };
/** So many bytes are passed over after the answer. */
const MOST_LINGER_BYTES = 64 * 1024;
/** How long nothing is accepted after a failure: there may be no descriptor. */
const ACCEPT_PAUSE_MS = 200;
const LOG_PAUSE_MS = 60_000;

/** Serves the connections of listeners. */
export class Connections {
  readonly #answerer: Answerer;
  readonly #log: WriteLine;
  readonly #limits: ConnectionLimits;
  readonly #open = new Set<Deno.Conn>();
  readonly #byNetwork = new Map<string, number>();
  #loggedAt = -Infinity;

  constructor(answerer: Answerer, options: { readonly log: WriteLine } & Partial<ConnectionLimits>) {
    const { log, ...limits } = options;
    this.#answerer = answerer;
    this.#log = log;
    this.#limits = { ...LIMITS, ...limits };
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Accepts connections until the signal is aborted, then closes the listener and all connections. */
  async serve(listener: Listener, signal: AbortSignal): Promise<void> {
    const end = () => listener.close();
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    while (!signal.aborted) {
      try {
        void this.#take(await listener.accept());
      } catch (error) {
        if (signal.aborted) break;
        this.#report(`cannot accept a connection: ${reasonOf(error)}`);
        await pause(ACCEPT_PAUSE_MS, signal).catch(() => undefined); // the signal ends the loop
      }
    }
    for (const connection of this.#open) close(connection);
  }

  /** Serves one connection. Never rejects. */
  async #take(connection: Deno.Conn): Promise<void> {
    const { hostname } = connection.remoteAddr as Deno.NetAddr;
    const caller = canonicalCaller(hostname), shares = sharesOf(caller);
    if (!this.#hasRoom(shares)) return close(connection);
    this.#open.add(connection);
    this.#count(shares, 1);
    try {
      await this.#exchange(connection, caller);
    } catch (error) {
      // Whoever closes a connection, or is too slow, is no news.
      if (!isBrokenConnection(error)) this.#report(`a connection of ${caller} failed: ${reasonOf(error)}`);
    } finally {
      this.#count(shares, -1);
      this.#open.delete(connection);
      close(connection);
    }
  }

  async #exchange(connection: Deno.Conn, caller: string): Promise<void> {
    const { transferMs, lingerMs } = this.#limits;
    const read = (into: Uint8Array) => connection.read(into);
    let response: Response, hasBody = true;
    try {
      const request = await inTime(connection, transferMs, () => readRequest(read));
      if (request === undefined) return;
      hasBody = request.method !== "HEAD";
      response = await this.#answerer.answer(request, caller);
    } catch (error) {
      if (!(error instanceof PortdError)) throw error;
      response = this.#answerer.refuse(error);
    }
    const bytes = await encodeResponse(response, { hasBody });
    await inTime(connection, transferMs, async () => {
      await writeAll(connection, bytes);
      await connection.closeWrite();
    });
    // Closing while bytes are on their way would reset the connection, and take the answer from its reader.
    await inTime(connection, lingerMs, () => passOver(read));
  }

  #hasRoom(shares: readonly Share[]): boolean {
    const { most, mostOfOne } = this.#limits;
    if (this.#open.size >= most) return false;
    return shares.every(({ network, size }) => (this.#byNetwork.get(network) ?? 0) < mostOfOne * size);
  }

  #count(shares: readonly Share[], more: 1 | -1): void {
    for (const { network } of shares) {
      const count = (this.#byNetwork.get(network) ?? 0) + more;
      if (count === 0) this.#byNetwork.delete(network);
      else this.#byNetwork.set(network, count);
    }
  }

  #report(line: string): void {
    if (performance.now() - this.#loggedAt < LOG_PAUSE_MS) return;
    this.#loggedAt = performance.now();
    this.#log(line);
  }
}

/** Closes the connection when the work takes too long: then it throws. */
async function inTime<T>(connection: Deno.Conn, ms: number, work: () => Promise<T>): Promise<T> {
  const timer = setTimeout(() => close(connection), ms);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

async function passOver(read: (into: Uint8Array) => Promise<number | null>): Promise<void> {
  const buffer = new Uint8Array(4096);
  for (let passed = 0; passed < MOST_LINGER_BYTES;) {
    const count = await read(buffer);
    if (count === null) return;
    passed += count;
  }
}

/** Closing twice does no harm. */
function close(connection: Deno.Conn): void {
  connection[Symbol.dispose]();
}
