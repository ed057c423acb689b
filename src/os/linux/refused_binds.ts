/**
 * Whether a program was refused a TCP port. The kernel reports each TCP socket that is closed, over netlink and without
 * its process. A socket that never had a local port has port 0 there: neither a server nor a connection leaves such a
 * one, but a program whose bind(2) has failed does. Kernel: net/core/sock_diag.c, SKNLGRP_INET_TCP_DESTROY; since 4.3.
 */
import { EADDRINUSE, errno, type Libc } from "./libc.ts";
import { AF_INET, socketAddressOf } from "./socket_address.ts";

const AF_NETLINK = 16, SOCK_STREAM = 1, SOCK_RAW = 3, SOCK_CLOEXEC = 0o2000000, NETLINK_SOCK_DIAG = 4;
/** The groups SKNLGRP_INET_TCP_DESTROY and SKNLGRP_INET6_TCP_DESTROY, as the bits of `struct sockaddr_nl`. */
const GROUPS = (1 << 0) | (1 << 2);
const SOL_SOCKET = 1, SO_RCVTIMEO = 20;
/** `struct timeval` of half a second: the kernel reports a closed socket a moment later. */
const HALF_A_SECOND = new Uint8Array(new BigInt64Array([0n, 500_000n]).buffer);
const BUFFER_SIZE = 8192;
/** The size of `struct nlmsghdr`, after which `struct inet_diag_msg` has the local port at this offset. */
const HEADER_SIZE = 16, SOURCE_PORT = 4;

/**
 * The TCP sockets of this machine that have been closed since this was opened. While it is open each of them costs the
 * kernel a message: dispose of it soon.
 */
export class RefusedBinds implements Disposable {
  readonly #libc: Libc;
  readonly #descriptor: number;
  #isOpen = true;

  private constructor(libc: Libc, descriptor: number) {
    this.#libc = libc;
    this.#descriptor = descriptor;
  }

  /** @returns `undefined` where the kernel has no such reports (some sandboxes). */
  static open(libc: Libc): RefusedBinds | undefined {
    const descriptor = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (descriptor < 0) return undefined;
    const address = new Uint8Array(12); // struct sockaddr_nl { sa_family_t; unsigned short pad; __u32 pid, groups; }
    new DataView(address.buffer).setUint16(0, AF_NETLINK, true);
    new DataView(address.buffer).setUint32(8, GROUPS, true);
    libc.setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, HALF_A_SECOND, HALF_A_SECOND.length);
    if (libc.bind(descriptor, address, address.length) === 0) return new RefusedBinds(libc, descriptor);
    libc.close(descriptor);
    return undefined;
  }

  /**
   * Whether a socket without a port has been closed since, by any program; `held` is the first of these TCP ports that a
   * socket without SO_REUSEADDR cannot bind. Blocking, up to half a second. `undefined` after the end of the reports too,
   * and where more sockets were closed than the kernel keeps reports of.
   */
  findRefusal(ports: readonly number[]): { readonly held: number | undefined } | undefined {
    return this.#isOpen && this.#wasAnyRefused() ? { held: ports.find((port) => this.#isRefused(port)) } : undefined;
  }

  /** Ends the reports. */
  [Symbol.dispose](): void {
    if (this.#isOpen) this.#libc.close(this.#descriptor);
    this.#isOpen = false;
  }

  #wasAnyRefused(): boolean {
    // Reports come in order: when that of a socket of ours has come, those before it have too.
    const own = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const last = own.addr.port;
    own.close();
    for (let port = this.#next(); port !== undefined && port !== last; port = this.#next()) if (port === 0) return true;
    return false;
  }

  #isRefused(port: number): boolean {
    const libc = this.#libc;
    const descriptor = libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return false;
    const { bytes } = socketAddressOf("0.0.0.0", port);
    const isRefused = libc.bind(descriptor, bytes, bytes.length) !== 0 && errno(libc) === EADDRINUSE;
    libc.close(descriptor);
    return isRefused;
  }

  /** The local port of the next socket that was closed; `undefined` when no report has come in time, or some are lost. */
  #next(): number | undefined {
    const buffer = new Uint8Array(BUFFER_SIZE);
    const length = Number(this.#libc.recv(this.#descriptor, buffer, BigInt(BUFFER_SIZE), 0));
    if (length < HEADER_SIZE + SOURCE_PORT + 2) return undefined;
    return new DataView(buffer.buffer).getUint16(HEADER_SIZE + SOURCE_PORT, false);
  }
}
