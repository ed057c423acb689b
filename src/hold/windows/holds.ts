/**
 * Probes for Windows: bind and close, never listen, as the firewall would ask the user about a program that listens.
 *
 * The probe is one socket on dual-stack `[::]` with SO_EXCLUSIVEADDRUSE. Of such a bind Microsoft documents that it fails
 * beside every other socket on the port, whatever its address, family and options are. Then the tables of sockets are
 * looked at, as a second witness. A socket that is kept would refuse the port to every server, so nothing is held:
 * docs/platforms.md has the tables. Manual: "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE".
 */
import type { Protocol } from "../../port/port.ts";
import { type Binding, bindSocket, portOf } from "../../os/windows/bound_socket.ts";
import { openBlockingIphlpapi } from "../../os/windows/iphlpapi.ts";
import { type SocketLook, socketLook } from "../../os/windows/socket_look.ts";
import { openWs2, type Ws2, WSAEACCES, WSAEADDRNOTAVAIL, WSAEAFNOSUPPORT, WSAEMFILE } from "../../os/windows/ws2_32.ts";
import { localAddresses } from "../addresses.ts";
import type { Obstacle } from "../hold.ts";
import { ProbedHolds } from "../probed_holds.ts";

/** What {@linkcode WindowsHolds} work with. */
export interface WindowsHoldsParts {
  readonly ws2: Ws2;
  readonly look: SocketLook;
  /** Called when Windows denies access to a port, as it does to the ports that Hyper-V or WinNAT have taken. */
  readonly onDenied: () => void;
}

/** The probes of Windows. */
export class WindowsHolds extends ProbedHolds {
  readonly #parts: WindowsHoldsParts;
  /** Every address of the machine: both families, or IPv4 alone where there is no IPv6. */
  readonly #anywhere: Pick<Binding, "address" | "dualStack">;

  constructor(parts: WindowsHoldsParts) {
    super();
    this.#parts = parts;
    this.#anywhere = { address: "::", dualStack: true };
    const error = this.#tryToBind({ ...this.#anywhere, port: 0, protocol: "tcp", sharing: "exclusive" });
    if (isFamilyMissing(error)) this.#anywhere = { address: "0.0.0.0" };
  }

  /** @throws without permission for FFI. */
  static open(onDenied: () => void): WindowsHolds {
    return new WindowsHolds({ ws2: openWs2(), look: socketLook(openBlockingIphlpapi()), onDenied });
  }

  /** Every failure counts as taken, except that no socket can be made. */
  protected override obstacleOn(port: number, protocol: Protocol, named: boolean): Obstacle | undefined {
    const error = this.#tryToBind({ ...this.#anywhere, port, protocol, sharing: "exclusive" });
    const endpoint = { port, protocol };
    if (error === 0) {
      return this.#parts.look(endpoint, { connections: false })?.length === 0
        ? undefined
        : { reason: "in_use", protocol };
    }
    if (error === WSAEACCES) this.#parts.onDenied();
    if (error === WSAEMFILE) return { reason: "no_descriptors" };
    if (named && protocol === "tcp" && this.#hasOnlyTimeWait(port)) return undefined;
    return { reason: "in_use", protocol };
  }

  /**
   * Whether sockets in TIME_WAIT are the only obstacle on a port: they refuse the exclusive bind and no other. A socket
   * that is bound and does not listen is in no table, so every address is tried without options.
   */
  #hasOnlyTimeWait(port: number): boolean {
    const rows = this.#parts.look({ port, protocol: "tcp" }, { connections: true }) ?? [];
    if (rows.length === 0 || rows.some(({ state }) => state !== "TIME_WAIT")) return false;
    return localAddresses().every(({ address, scope }) => {
      const error = this.#tryToBind({ address, scope, port, protocol: "tcp", sharing: "default" });
      return error === 0 || isFamilyMissing(error);
    });
  }

  /** @returns 0, or the error of Windows. */
  #tryToBind(binding: Binding): number {
    const { ws2 } = this.#parts;
    const bound = bindSocket(ws2, binding);
    if (bound.error !== undefined) return bound.error;
    ws2.closesocket(bound.socket);
    return 0;
  }

  protected override portOfSystem(protocol: Protocol): number | Obstacle {
    const { ws2 } = this.#parts;
    const bound = bindSocket(ws2, { ...this.#anywhere, port: 0, protocol, sharing: "exclusive" });
    if (bound.error === WSAEMFILE) return { reason: "no_descriptors" };
    if (bound.error !== undefined) return { reason: "in_use", protocol };
    const port = portOf(ws2, bound.socket);
    ws2.closesocket(bound.socket);
    return port === 0 ? { reason: "in_use", protocol } : port;
  }
}

/** Whether this machine lacks the address, or all addresses of its family. */
function isFamilyMissing(error: number): boolean {
  return error === WSAEADDRNOTAVAIL || error === WSAEAFNOSUPPORT;
}
