/**
 * Keeps granted ports from everybody until the command that is to use them is started: exclusive sockets of this process,
 * which are closed in the moment before. It is as near as Windows comes to a hold: holds.ts says why.
 */
import { bindSocket } from "../../os/windows/bound_socket.ts";
import { openWs2, type SocketHandle, type Ws2 } from "../../os/windows/ws2_32.ts";
import type { Protocol } from "../../port/port.ts";
import type { Holds } from "../hold.ts";
import { WindowsHolds } from "./holds.ts";

/** A port that has been granted. */
export interface GrantedPort {
  readonly port: number;
  readonly protocols: readonly Protocol[];
}

/** Ports that are kept until it is disposed of. */
export interface PortGuard extends Disposable {
  /** The first port that somebody has taken since its grant. */
  readonly lost: number | undefined;
}

/** What {@linkcode guardPorts} works with. */
export interface GuardParts {
  readonly ws2: Ws2;
  /** Asked about a port that cannot be kept: connections in TIME_WAIT refuse it to us, but not to a server. */
  readonly holds: Pick<Holds, "claim">;
}

/** Keeps those of the ports that nobody uses. @param parts are those of this Windows by default. */
export function guardPorts(ports: readonly GrantedPort[], parts: GuardParts = openParts()): PortGuard {
  const { ws2, holds } = parts;
  const sockets: SocketHandle[] = [];
  let lost: number | undefined;
  for (const { port, protocols } of ports) {
    for (const protocol of protocols) {
      const bound = bindSocket(ws2, { address: "::", dualStack: true, port, protocol, sharing: "exclusive" });
      if (bound.error === undefined) sockets.push(bound.socket);
      else if (isTaken(holds, port, protocol)) lost ??= port;
    }
  }
  return {
    lost,
    [Symbol.dispose]() {
      for (const socket of sockets.splice(0)) ws2.closesocket(socket);
    },
  };
}

function isTaken(holds: Pick<Holds, "claim">, port: number, protocol: Protocol): boolean {
  const { obstacle } = holds.claim(port, { protocols: [protocol], hold: "none", named: true });
  return obstacle?.reason === "in_use";
}

function openParts(): GuardParts {
  return { ws2: openWs2(), holds: WindowsHolds.open(() => {}) };
}
