/**
 * Soft holds on Linux: a TCP socket that is bound to dual-stack `[::]:port` and never listens.
 *
 * It is bound without SO_REUSEADDR, which is the strictest probe there is, and given the option afterwards: from then
 * on the kernel still never gives the port to bind(0) or connect(), while a server that sets SO_REUSEADDR binds and
 * listens on it. Manuals: socket(7), ip(7), ipv6(7); kernel: net/ipv4/inet_connection_sock.c.
 */
import {
  EACCES,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EMFILE,
  ENFILE,
  EPERM,
  errno,
  type Libc,
  raiseOpenFileLimit,
  reservedOf,
} from "../../os/linux/libc.ts";
import type { LinuxParts } from "../../os/linux/linux.ts";
import type { Procfs } from "../../os/linux/procfs.ts";
import { AF_INET, AF_INET6, socketAddressOf } from "../../os/linux/socket_address.ts";
import { parseSocketTable } from "../../os/linux/socket_table.ts";
import type { Protocol } from "../../port/port.ts";
import type { Claim, ClaimOptions, HoldKind, Holds, Obstacle } from "../hold.ts";

const SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1, SO_REUSEADDR = 2, IPPROTO_IPV6 = 41, IPV6_V6ONLY = 26;
const OFF = new Uint8Array(4), ON = new Uint8Array([1, 0, 0, 0]);
const TRIES_FOR_ANY = 64;
/** An address of 127.0.0.0/8 that nobody uses: it conflicts with a wildcard socket, not with a specific one. */
const UNUSED_LOOPBACK = "127.83.17.205";

/** Keeps one file descriptor for each held port. */
export class LinuxHolds implements Holds {
  readonly limit: number;
  readonly #libc: Libc;
  readonly #procfs: Procfs;
  readonly #descriptors = new Map<number, number>();
  readonly #address: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #family: number;
  /** Whether IPv6 sockets of this machine are dual-stack only when they are set so. */
  readonly #needsDualStack: boolean;

  constructor({ libc, procfs }: LinuxParts) {
    this.#libc = libc;
    this.#procfs = procfs;
    const openFiles = raiseOpenFileLimit(libc);
    this.limit = Math.max(0, openFiles - reservedOf(openFiles));
    const { family, bytes } = socketAddressOf(hasIpv6(libc) ? "::" : "0.0.0.0", 0);
    this.#family = family;
    this.#needsDualStack = this.#family === AF_INET6 && procfs.read("/proc/sys/net/ipv6/bindv6only")?.trim() !== "0";
    this.#address = bytes;
    this.#view = new DataView(this.#address.buffer);
  }

  get size(): number {
    return this.#descriptors.size;
  }

  claim(port: number, { protocols, hold, named = false }: ClaimOptions): Claim {
    if (protocols.includes("udp")) {
      const descriptor = this.#bind(SOCK_DGRAM, port);
      if (descriptor < 0) return { obstacle: obstacleOf(-descriptor, "udp") };
      this.#libc.close(descriptor);
    }
    if (!protocols.includes("tcp")) return { port, hold: "none" };
    let descriptor = this.#bind(SOCK_STREAM, port);
    if (descriptor < 0 && named && obstacleOf(-descriptor, "tcp").reason === "in_use" && this.#hasOnlyTimeWait(port)) {
      descriptor = this.#bind(SOCK_STREAM, port, true);
    }
    if (descriptor < 0) return { obstacle: obstacleOf(-descriptor, "tcp") };
    return { port, hold: this.#keep(port, descriptor, hold) };
  }

  claimAny({ protocols, hold }: ClaimOptions): Claim {
    const type = protocols.includes("tcp") ? SOCK_STREAM : SOCK_DGRAM;
    let obstacle: Obstacle = { reason: "in_use", protocol: protocols[0]! };
    for (let tries = 0; tries < TRIES_FOR_ANY; tries++) {
      const descriptor = this.#bind(type, 0);
      if (descriptor < 0) return { obstacle: obstacleOf(-descriptor, protocols[0]!) };
      const port = this.#portOf(descriptor);
      const other = protocols.length === 2 ? this.#bind(SOCK_DGRAM, port) : undefined;
      if (other !== undefined && other >= 0) this.#libc.close(other);
      if (other === undefined || other >= 0) {
        return { port, hold: this.#keep(port, descriptor, type === SOCK_STREAM ? hold : "none") };
      }
      obstacle = obstacleOf(-other, "udp");
      this.#libc.close(descriptor);
    }
    return { obstacle };
  }

  retake(port: number): boolean {
    if (this.#descriptors.has(port)) return true;
    if (this.size >= this.limit) return false;
    const descriptor = this.#bind(SOCK_STREAM, port, true);
    return descriptor >= 0 && this.#keep(port, descriptor, "soft") === "soft";
  }

  has(port: number): boolean {
    return this.#descriptors.has(port);
  }

  release(port: number): void {
    const descriptor = this.#descriptors.get(port);
    if (descriptor === undefined) return;
    this.#libc.close(descriptor);
    this.#descriptors.delete(port);
  }

  releaseAll(): void {
    for (const port of [...this.#descriptors.keys()]) this.release(port);
  }

  /** Keeps the bound socket as a hold, where one is asked for and there is room. */
  #keep(port: number, descriptor: number, asked: HoldKind): HoldKind {
    if (asked === "none" || this.size >= this.limit) {
      this.#libc.close(descriptor);
      return "none";
    }
    this.#libc.setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, ON, 4);
    this.#descriptors.set(port, descriptor);
    return "soft";
  }

  /** @returns the descriptor of a bound socket, or the negative error number. */
  #bind(type: number, port: number, reuse = false): number {
    const libc = this.#libc;
    const descriptor = libc.socket(this.#family, type | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno(libc);
    if (reuse) libc.setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, ON, 4);
    if (this.#needsDualStack) libc.setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, OFF, 4);
    this.#view.setUint16(2, port, false);
    if (libc.bind(descriptor, this.#address, this.#address.length) === 0) return descriptor;
    const error = errno(libc);
    libc.close(descriptor);
    return -error;
  }

  #portOf(descriptor: number): number {
    const address = new Uint8Array(28);
    this.#libc.getsockname(descriptor, address, new Uint32Array([address.length]));
    return new DataView(address.buffer).getUint16(2, false);
  }

  /**
   * Whether sockets in TIME_WAIT are the only obstacle on a port. A socket that is bound and does not listen, such as the
   * hold of another portd, is in no table. But its wildcard bind also refuses ours on an unused loopback address, which
   * sockets in TIME_WAIT on other addresses do not.
   */
  #hasOnlyTimeWait(port: number): boolean {
    const rows = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => [
      ...parseSocketTable(this.#procfs.read(path) ?? "", "tcp"),
    ]).filter((row) => row.localPort === port);
    return rows.length > 0 && rows.every((row) => row.state === "TIME_WAIT") && this.#isFreeOfWildcards(port);
  }

  #isFreeOfWildcards(port: number): boolean {
    const libc = this.#libc;
    const descriptor = libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return false;
    const { bytes } = socketAddressOf(UNUSED_LOOPBACK, port);
    const bound = libc.bind(descriptor, bytes, bytes.length) === 0;
    libc.close(descriptor);
    return bound;
  }
}

function hasIpv6(libc: Libc): boolean {
  const descriptor = libc.socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return false;
  const { bytes } = socketAddressOf("::", 0);
  const bound = libc.bind(descriptor, bytes, bytes.length) === 0;
  const error = bound ? 0 : errno(libc);
  libc.close(descriptor);
  return error !== EADDRNOTAVAIL && error !== EAFNOSUPPORT;
}

/** Every error counts as taken, except that no descriptor is left. */
function obstacleOf(error: number, protocol: Protocol): Obstacle {
  if (error === EMFILE || error === ENFILE) return { reason: "no_descriptors" };
  return { reason: error === EACCES || error === EPERM ? "no_permission" : "in_use", protocol };
}
