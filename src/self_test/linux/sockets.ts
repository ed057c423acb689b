/** Bound sockets of Linux for `bind.matrix`. Manuals: socket(7), ipv6(7). */
import { AF_INET6, socketAddressOf } from "../../os/linux/socket_address.ts";
import { errno, type Libc } from "../../os/linux/libc.ts";
import type { MatrixSockets, Place } from "../bind.ts";

const SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1, SO_REUSEADDR = 2, IPPROTO_IPV6 = 41, IPV6_V6ONLY = 26;
const OFF = new Uint8Array(4), ON = new Uint8Array([1, 0, 0, 0]);
/** Where `sockaddr_in6` has the interface. */
const SCOPE = 24;

/** Opens them. */
export function linuxSockets(libc: Libc): MatrixSockets {
  return {
    sharings: ["default", "reuse"],
    bind(place, port, { protocol, sharing }) {
      const { family, bytes } = addressOf(place, port);
      const descriptor = libc.socket(family, (protocol === "tcp" ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
      if (descriptor < 0) return errno(libc);
      if (family === AF_INET6) libc.setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, place.dualStack ? OFF : ON, 4);
      if (sharing === "reuse") libc.setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, ON, 4);
      if (libc.bind(descriptor, bytes, bytes.length) === 0) {
        return { [Symbol.dispose]: () => void libc.close(descriptor) };
      }
      const error = errno(libc);
      libc.close(descriptor);
      return error;
    },
  };
}

function addressOf({ address, scope }: Place, port: number) {
  const { family, bytes } = socketAddressOf(address, port);
  if (scope !== undefined) new DataView(bytes.buffer).setUint32(SCOPE, scope, true);
  return { family, bytes };
}
