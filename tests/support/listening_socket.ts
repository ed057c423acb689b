/** Listening sockets of this process, to be broken under whoever accepts from them. */
import { openLibc } from "../../src/os/linux/libc.ts";
import { readSocketAddress, SOCKET_ADDRESS_SIZE } from "../../src/os/linux/socket_address.ts";

const SHUT_RDWR = 2, MOST_DESCRIPTORS = 4096;

/** Ends the listening on a TCP port, so that whoever accepts there gets an error. Linux. */
export function breakListening(port: number): void {
  const libc = openLibc();
  for (let descriptor = 0; descriptor < MOST_DESCRIPTORS; descriptor++) {
    const address = new Uint8Array(SOCKET_ADDRESS_SIZE), length = () => new Uint32Array([SOCKET_ADDRESS_SIZE]);
    if (libc.getsockname(descriptor, address, length()) !== 0) continue;
    const isConnection = libc.getpeername(descriptor, new Uint8Array(SOCKET_ADDRESS_SIZE), length()) === 0;
    if (!isConnection && readSocketAddress(address)?.port === port) libc.shutdown(descriptor, SHUT_RDWR);
  }
}
