/** `struct sockaddr_in` and `sockaddr_in6` (ip(7), ipv6(7)), read and written. Pure. */
import { addressBytes, addressText } from "../address.ts";
import type { SocketAddress } from "../socket.ts";

export const AF_INET = 2, AF_INET6 = 10;
const PORT = 2, ADDRESS_4 = 4, ADDRESS_6 = 8;

/** Bytes that hold either structure. */
export const SOCKET_ADDRESS_SIZE = 28;

/**
 * The structure for an IP address in text, such as `127.0.0.1` or `::1`.
 *
 * @throws {TypeError} when the text is not an IP address.
 */
export function socketAddressOf(
  hostname: string,
  port: number,
): { readonly family: number; readonly bytes: Uint8Array<ArrayBuffer> } {
  const address = addressBytes(hostname);
  if (address === undefined) throw new TypeError(`Cannot use ${hostname}: it is not an IP address`);
  const isIpv4 = address.length === 4;
  const family = isIpv4 ? AF_INET : AF_INET6;
  const bytes = new Uint8Array(isIpv4 ? 16 : SOCKET_ADDRESS_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family, true);
  view.setUint16(PORT, port, false);
  bytes.set(address, isIpv4 ? ADDRESS_4 : ADDRESS_6);
  return { family, bytes };
}

/** The address and port in a structure; `undefined` for another family. */
export function readSocketAddress(bytes: Uint8Array<ArrayBuffer>): SocketAddress | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const family = view.getUint16(0, true), port = view.getUint16(PORT, false);
  if (family === AF_INET) return { address: addressText(bytes.subarray(ADDRESS_4, ADDRESS_4 + 4)), port };
  if (family === AF_INET6) return { address: addressText(bytes.subarray(ADDRESS_6, ADDRESS_6 + 16)), port };
  return undefined;
}
