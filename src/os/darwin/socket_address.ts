/** `struct sockaddr_in` and `sockaddr_in6` of macOS, which begin with their length (netinet/in.h, netinet6/in6.h). Pure. */
import { addressBytes } from "../address.ts";
import { AF_INET, AF_INET6 } from "./libsystem.ts";

const LENGTH = 0, FAMILY = 1, PORT = 2, ADDRESS_4 = 4, ADDRESS_6 = 8, SCOPE = 24, SIZE_4 = 16, SIZE_6 = 28;

/** What a socket is bound to. */
export interface SocketName {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
  /** The interface of a link-local IPv6 address, or 0. */
  readonly scope: number;
}

/** The structure. @throws {TypeError} when the address is none. */
export function socketAddressOf({ address, port, scope }: SocketName): Uint8Array<ArrayBuffer> {
  const bytes = addressBytes(address);
  if (bytes === undefined) throw new TypeError(`Cannot bind to ${address}: it is not an IP address`);
  const isIpv4 = bytes.length === 4;
  const name = new Uint8Array(isIpv4 ? SIZE_4 : SIZE_6);
  const view = new DataView(name.buffer);
  name[LENGTH] = name.length;
  name[FAMILY] = isIpv4 ? AF_INET : AF_INET6;
  view.setUint16(PORT, port, false);
  name.set(bytes, isIpv4 ? ADDRESS_4 : ADDRESS_6);
  if (!isIpv4) view.setUint32(SCOPE, scope, true);
  return name;
}

/** The port in a structure. */
export function portOf(name: Uint8Array<ArrayBuffer>): number {
  return new DataView(name.buffer, name.byteOffset).getUint16(PORT, false);
}
