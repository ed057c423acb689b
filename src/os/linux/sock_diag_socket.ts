/** Asks the kernel for its sockets over netlink. The messages are in sock_diag.ts. */
import type { Connection, SocketRow } from "../socket.ts";
import { ENOENT, errno, type Libc } from "./libc.ts";
import { type DiagReply, type DiagRequest, encodeLookup, encodeRequest, parseReply, sequenceOf } from "./sock_diag.ts";

const AF_NETLINK = 16, SOCK_RAW = 3, SOCK_CLOEXEC = 0o2000000, NETLINK_SOCK_DIAG = 4;
const BUFFER_SIZE = 32_768;
/** A missing answer must not stop the daemon: `struct timeval` of one second. */
const SOL_SOCKET = 1, SO_RCVTIMEO = 20;
const ONE_SECOND = new Uint8Array(new BigInt64Array([1n, 0n]).buffer);

/** An open netlink socket; one question at a time. */
export class SockDiagSocket {
  readonly #libc: Libc;
  readonly #descriptor: number;
  readonly #buffer = new Uint8Array(BUFFER_SIZE);
  #sequence = 0;

  private constructor(libc: Libc, descriptor: number) {
    this.#libc = libc;
    this.#descriptor = descriptor;
  }

  /** @returns `undefined` where the kernel has no such interface (some containers and sandboxes). */
  static open(libc: Libc): SockDiagSocket | undefined {
    const descriptor = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (descriptor < 0) return undefined;
    libc.setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, ONE_SECOND, ONE_SECOND.length);
    const socket = new SockDiagSocket(libc, descriptor);
    if (socket.#canList()) return socket;
    socket.close();
    return undefined;
  }

  /** The sockets of a request. Blocking: for requests that match few sockets. */
  list(request: DiagRequest): SocketRow[] {
    this.#send(encodeRequest(request));
    const rows: SocketRow[] = [];
    for (;;) {
      const reply = readReply(this.#next(), request);
      rows.push(...reply.rows);
      if (reply.isDone) return rows;
    }
  }

  /**
   * The same, datagram by datagram, while the event loop goes on: for requests that match many sockets. It uses a netlink
   * socket of its own, so {@linkcode SockDiagSocket.list} may be called meanwhile.
   */
  async *walk(request: DiagRequest): AsyncGenerator<readonly SocketRow[]> {
    const socket = SockDiagSocket.open(this.#libc);
    if (socket === undefined) throw this.#fault();
    try {
      const message = encodeRequest(request);
      // The kernel makes the first datagram before it returns from the request, which may take it milliseconds.
      const sent = await this.#libc.sendOffLoop(socket.#descriptor, message, BigInt(message.length), 0);
      if (sent < 0) throw new Error("Cannot list sockets: the kernel does not take the request");
      for (;;) {
        const length = await this.#libc.recvOffLoop(socket.#descriptor, socket.#buffer, BigInt(BUFFER_SIZE), 0);
        // The error number is that of another thread; only SO_RCVTIMEO is known to end a call like this.
        if (length < 0) throw new Error("Cannot list sockets: the kernel does not answer");
        const reply = readReply(socket.#buffer.subarray(0, Number(length)), request);
        yield reply.rows;
        if (reply.isDone) return;
      }
    } finally {
      socket.close();
    }
  }

  /**
   * The TCP socket with these addresses, in any state; `undefined` when there is none. Where there is only a listener on
   * the local port, the kernel answers with that: the caller must compare the addresses. Blocking, some microseconds.
   */
  find(socket: Connection): SocketRow | undefined {
    this.#sequence = (this.#sequence + 1) >>> 0;
    const message = encodeLookup(socket, this.#sequence);
    if (message === undefined) return undefined;
    this.#send(message);
    for (;;) {
      const datagram = this.#next();
      if (sequenceOf(datagram) !== this.#sequence) continue; // the late answer to an earlier question that timed out
      const { rows, error } = parseReply(datagram, "tcp");
      if (error !== 0 && error !== ENOENT) throw new Error(`Cannot find a socket: errno ${error}`);
      return rows[0];
    }
  }

  close(): void {
    this.#libc.close(this.#descriptor);
  }

  #send(message: Uint8Array<ArrayBuffer>): void {
    if (Number(this.#libc.send(this.#descriptor, message, BigInt(message.length), 0)) < 0) throw this.#fault();
  }

  #next(): Uint8Array<ArrayBuffer> {
    const length = Number(this.#libc.recv(this.#descriptor, this.#buffer, BigInt(BUFFER_SIZE), 0));
    if (length < 0) throw this.#fault();
    return this.#buffer.subarray(0, length);
  }

  #canList(): boolean {
    try {
      this.list({ family: 4, protocol: "tcp", states: 0 });
      return true;
    } catch (error) {
      if (error instanceof Error && error.message.startsWith("Cannot list sockets")) return false;
      throw error;
    }
  }

  #fault(): Error {
    return new Error(`Cannot list sockets: errno ${errno(this.#libc)}`);
  }
}

function readReply(datagram: Uint8Array, { protocol }: DiagRequest): DiagReply {
  const reply = parseReply(datagram, protocol);
  if (reply.error !== 0) throw new Error(`Cannot list sockets: errno ${reply.error}`);
  return reply;
}
