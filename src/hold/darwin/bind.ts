/**
 * How macOS binds a port for a moment: without listening, and without SO_REUSEADDR unless sockets in TIME_WAIT are to be
 * passed over. Manuals: bind(2), ip(4), ip6(4).
 */
import {
  AF_INET,
  AF_INET6,
  EACCES,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EMFILE,
  ENFILE,
  EPERM,
  errnoOf,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  type LibSystem,
  SO_REUSEADDR,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../os/darwin/libsystem.ts";
import { portOf, socketAddressOf } from "../../os/darwin/socket_address.ts";
import type { Attempt, AttemptResult, Attempts } from "../generic.ts";

const ON = new Uint8Array([1, 0, 0, 0]);

/**
 * Binds through the system's library. An error that it does not know counts as taken; on a link-local address it does not,
 * as macOS makes such addresses for interfaces that it uses for itself.
 */
export function bindByLibSystem(libSystem: LibSystem): Attempts {
  return (attempt) => {
    const isIpv6 = attempt.address.includes(":");
    const type = attempt.protocol === "tcp" ? SOCK_STREAM : SOCK_DGRAM;
    const socket = libSystem.socket(isIpv6 ? AF_INET6 : AF_INET, type, 0);
    if (socket < 0) return resultOf(errnoOf(libSystem), attempt);
    try {
      if (isIpv6) libSystem.setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, ON, 4);
      if (attempt.reuse && attempt.protocol === "tcp") libSystem.setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, ON, 4);
      const name = socketAddressOf(attempt);
      if (libSystem.bind(socket, name, name.length) !== 0) return resultOf(errnoOf(libSystem), attempt);
      libSystem.getsockname(socket, name, new Uint32Array([name.length]));
      return portOf(name);
    } finally {
      libSystem.close(socket);
    }
  };
}

function resultOf(error: number, { scope }: Attempt): AttemptResult {
  if (error === EADDRINUSE) return "in_use";
  if (error === EMFILE || error === ENFILE) return "no_descriptors";
  if (error === EACCES || error === EPERM) return "no_permission";
  return error === EADDRNOTAVAIL || error === EAFNOSUPPORT || scope !== 0 ? "absent" : "in_use";
}
