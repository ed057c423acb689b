/**
 * An address guard on Linux: a socket that is bound with SO_REUSEPORT and never listens. The kernel lets a second socket
 * bind there only with SO_REUSEPORT and for the same user (socket(7); net/ipv4/inet_connection_sock.c). So no other
 * user can take the address while nobody listens.
 *
 * SO_REUSEADDR is set for the bind alone: with it ended connections of a server before (TIME-WAIT) are no obstacle, and
 * afterwards it would let any other socket that has it bind there too.
 */
import { EADDRINUSE, errno, type Libc } from "../../os/linux/libc.ts";
import { socketAddressOf } from "../../os/linux/socket_address.ts";

const SOCK_STREAM = 1, SOCK_CLOEXEC = 0o2000000, SOL_SOCKET = 1, SO_REUSEADDR = 2, SO_REUSEPORT = 15;
const ON = new Uint8Array([1, 0, 0, 0]), OFF = new Uint8Array(4);

/** See `GuardAddress` in ../open.ts. */
export function guardAddress({ hostname, port }: Deno.NetAddr, libc: Libc): Disposable {
  const { family, bytes } = socketAddressOf(hostname, port);
  const descriptor = libc.socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw new Error(`Cannot guard ${hostname}:${port}: errno ${errno(libc)}`);
  libc.setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, ON, ON.length);
  libc.setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, ON, ON.length);
  if (libc.bind(descriptor, bytes, bytes.length) === 0) {
    libc.setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, OFF, OFF.length);
    return { [Symbol.dispose]: () => void libc.close(descriptor) };
  }
  const error = errno(libc);
  libc.close(descriptor);
  const message = `Cannot guard ${hostname}:${port}: errno ${error}`;
  throw error === EADDRINUSE ? new Deno.errors.AddrInUse(message) : new Error(message);
}
