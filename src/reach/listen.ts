/**
 * A temporary listener: a port is only proven open while somebody listens. It answers the probe with its nonce and
 * nothing else, with no more bytes than it was sent (docs/checker.md), and has a bound for everything.
 */
import { answerOf, isSame, PROBE_BYTES, probeOf } from "../checker/probe.ts";
import { PortdError } from "../errors.ts";
import { isBrokenConnection } from "../os/broken_connection.ts";
import { datagramsOf } from "../os/datagrams.ts";
import { onWildcards } from "../os/wildcard.ts";
import type { Endpoint } from "../port/port.ts";

/** A listener that is open until it is disposed of. */
export interface TemporaryListener extends AsyncDisposable {
  /** How many probes it has answered. */
  readonly answers: number;
}

/** So many connections are open at a time. Others are closed at once. */
const MOST_CONNECTIONS = 16;
/** How long a connection may take to send its probe. */
const PROBE_MS = 5000;
/** So many connections are taken, or datagrams answered, in all: a check takes three. */
const MOST_ANSWERS = 64;

/**
 * Listens on every address of this machine.
 *
 * @param nonce is 32 hexadecimal digits in lower case.
 * @throws {PortdError} `port_in_use` or `port_privileged`.
 */
export async function openTemporaryListener(endpoint: Endpoint, nonce: string): Promise<TemporaryListener> {
  const dialogue = { probe: probeOf(nonce), answer: await answerOf(nonce) };
  return endpoint.protocol === "tcp" ? new TcpListener(endpoint, dialogue) : new UdpListener(endpoint, dialogue);
}

interface Dialogue {
  readonly probe: Uint8Array;
  readonly answer: Uint8Array<ArrayBuffer>;
}

class TcpListener implements TemporaryListener {
  readonly #dialogue: Dialogue;
  readonly #listeners: readonly Deno.TcpListener[];
  readonly #open = new Set<Deno.TcpConn>();
  readonly #served: Promise<readonly PromiseSettledResult<void>[]>;
  #taken = 0;
  #answers = 0;

  constructor(endpoint: Endpoint, dialogue: Dialogue) {
    this.#dialogue = dialogue;
    this.#listeners = explained(endpoint, () => onWildcards(endpoint.port, (address) => Deno.listen(address)));
    this.#served = Promise.allSettled(this.#listeners.map((listener) => this.#serve(listener)));
  }

  get answers(): number {
    return this.#answers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const listener of this.#listeners) listener[Symbol.dispose]();
    for (const connection of this.#open) connection[Symbol.dispose]();
    throwFailure(await this.#served);
  }

  /** Ends with the listener. */
  async #serve(listener: Deno.TcpListener): Promise<void> {
    const exchanges = new Set<Promise<void>>();
    for await (const connection of listener) {
      if (this.#open.size >= MOST_CONNECTIONS || ++this.#taken > MOST_ANSWERS) {
        connection.close();
        continue;
      }
      this.#open.add(connection);
      const exchange = this.#exchange(connection).finally(() => exchanges.delete(exchange));
      exchanges.add(exchange);
    }
    await Promise.all(exchanges);
  }

  async #exchange(connection: Deno.TcpConn): Promise<void> {
    const { probe, answer } = this.#dialogue;
    const late = setTimeout(() => connection[Symbol.dispose](), PROBE_MS);
    try {
      if (!isSame(await readProbe(connection), probe)) return;
      await connection.write(answer);
      this.#answers++;
    } catch (error) {
      if (!isBrokenConnection(error)) throw error;
    } finally {
      clearTimeout(late);
      this.#open.delete(connection);
      connection[Symbol.dispose]();
    }
  }
}

/** As many bytes as a probe has, or those that came before the end. */
async function readProbe(connection: Deno.TcpConn): Promise<Uint8Array> {
  const bytes = new Uint8Array(PROBE_BYTES);
  for (let read = 0; read < PROBE_BYTES;) {
    const count = await connection.read(bytes.subarray(read));
    if (count === null) return bytes.subarray(0, read);
    read += count;
  }
  return bytes;
}

class UdpListener implements TemporaryListener {
  readonly #dialogue: Dialogue;
  readonly #sockets: readonly Deno.DatagramConn[];
  readonly #served: Promise<readonly PromiseSettledResult<void>[]>;
  #answers = 0;
  #isClosed = false;

  constructor(endpoint: Endpoint, dialogue: Dialogue) {
    this.#dialogue = dialogue;
    this.#sockets = explained(endpoint, () => openOnEach(endpoint.port));
    this.#served = Promise.allSettled(this.#sockets.map((socket) => this.#serve(socket)));
  }

  get answers(): number {
    return this.#answers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosed) { for (const socket of this.#sockets) socket.close(); }
    this.#isClosed = true;
    throwFailure(await this.#served);
  }

  /** Ends with the socket. */
  async #serve(socket: Deno.DatagramConn): Promise<void> {
    const { probe, answer } = this.#dialogue;
    for await (const [bytes, sender] of datagramsOf(socket)) {
      if (!isSame(bytes, probe) || this.#answers >= MOST_ANSWERS) continue;
      this.#answers++;
      try {
        await socket.send(answer, sender);
      } catch (error) {
        // There is no way to the sender, or the check has ended.
        if (!isBrokenConnection(error) && !isUnreachable(error)) throw error;
      }
    }
  }
}

/** @throws what ended the listener before it was disposed of. */
function throwFailure(results: readonly PromiseSettledResult<void>[]): void {
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

function isUnreachable(error: unknown): boolean {
  const codes = ["EHOSTUNREACH", "ENETUNREACH", "EACCES", "EPERM", "EINVAL", "ENOBUFS"];
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

/** So many addresses of this machine are listened on. */
const MOST_ADDRESSES = 64;
/** Takes a zone to be bound, and is of no use to others. */
const LINK_LOCAL = /^fe[89ab]/i;

/**
 * A socket for each address of this machine: one for all of them would answer from the address that the system likes
 * best, and who has asked another one would not take that for an answer.
 */
function openOnEach(port: number): readonly Deno.DatagramConn[] {
  const addresses = new Set(Deno.networkInterfaces().map(({ address }) => address));
  const usable = [...addresses].filter((address) => !LINK_LOCAL.test(address)).slice(0, MOST_ADDRESSES);
  const sockets: Deno.DatagramConn[] = [];
  try {
    for (const hostname of usable) {
      const socket = unlessGone(() => Deno.listenDatagram({ transport: "udp", hostname, port }));
      if (socket !== undefined) sockets.push(socket);
    }
    return sockets;
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
}

/** An address may go, or not be usable yet. */
function unlessGone<Socket>(open: () => Socket): Socket | undefined {
  try {
    return open();
  } catch (error) {
    if (error instanceof Deno.errors.AddrNotAvailable) return undefined;
    throw error;
  }
}

/** @throws {PortdError} instead of the failures that a user can do something about. */
function explained<Sockets>({ port, protocol }: Endpoint, open: () => Sockets): Sockets {
  try {
    return open();
  } catch (cause) {
    const data = { port, protocol };
    if (cause instanceof Deno.errors.AddrInUse) {
      const message = `Cannot listen on ${port}/${protocol}: somebody listens there already`;
      throw new PortdError("port_in_use", message, data, { cause });
    }
    if (!(cause instanceof Deno.errors.PermissionDenied)) throw cause;
    throw new PortdError("port_privileged", `Cannot listen on ${port}/${protocol}: no permission`, data, { cause });
  }
}
