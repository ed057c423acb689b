/** `struct sockaddr_in` and `sockaddr_in6` (ip(7), ipv6(7)), read and written. Pure. */
import { addressText } from "../address.ts";

export const AF_INET = 2, AF_INET6 = 10;
const PORT = 2, ADDRESS_4 = 4, ADDRESS_6 = 8;

/** Bytes that hold either. */
export const SOCKET_ADDRESS_SIZE = 28;

/** A socket address of an IP address in text, such as `127.0.0.1` or `::1`. */
export function socketAddressOf(
  hostname: string,
  port: number,
): { readonly family: number; readonly bytes: Uint8Array<ArrayBuffer> } {
  const isIpv6 = hostname.includes(":");
  const family = isIpv6 ? AF_INET6 : AF_INET;
  const bytes = new Uint8Array(isIpv6 ? SOCKET_ADDRESS_SIZE : 16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family, true);
  view.setUint16(PORT, port, false);
  if (isIpv6) bytes.set(ipv6Bytes(hostname), ADDRESS_6);
  else bytes.set(hostname.split(".").map(Number), ADDRESS_4);
  return { family, bytes };
}

/** The address and port of a socket address; `undefined` for another family. */
export function readSocketAddress(
  bytes: Uint8Array<ArrayBuffer>,
): { readonly address: string; readonly port: number } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const family = view.getUint16(0, true), port = view.getUint16(PORT, false);
  if (family === AF_INET) return { address: addressText(bytes.subarray(ADDRESS_4, ADDRESS_4 + 4)), port };
  if (family === AF_INET6) return { address: addressText(bytes.subarray(ADDRESS_6, ADDRESS_6 + 16)), port };
  return undefined;
}

/** RFC 4291, section 2.2; without a zone. */
function ipv6Bytes(text: string): number[] {
  const mapped = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (mapped !== null) {
    const [a, b, c, d] = mapped.slice(2).map(Number) as [number, number, number, number];
    return ipv6Bytes(`${mapped[1]}${(a << 8 | b).toString(16)}:${(c << 8 | d).toString(16)}`);
  }
  const [head = "", tail] = text.split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":").map((group) => parseInt(group, 16));
  const before = groups(head), after = groups(tail ?? "");
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  return [...before, ...(tail === undefined ? [] : zeros), ...after].flatMap((group) => [group >> 8, group & 0xff]);
}
