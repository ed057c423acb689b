/** Networks in CIDR notation in canonical form, and those that this machine is on. Pure. */
import { addressBytes, addressText } from "../os/address.ts";

/** The IP versions. */
export type Family = 4 | 6;

/** One address of one interface, as in `Deno.networkInterfaces()`. */
export interface InterfaceAddress {
  /** Address and prefix length: `192.168.1.20/24`. */
  readonly cidr: string;
}

/** The network in which every IPv6 interface has an address; RFC 4291, 2.5.6. */
const LINK_LOCAL = "fe80::/10";

/**
 * The canonical form of a network: `10.0.0.5/24` becomes `10.0.0.0/24`, an address without length the network of that
 * address alone. `undefined` for any other text.
 */
export function canonicalNetwork(text: string): string | undefined {
  const [address = "", length, ...more] = text.split("/");
  const bytes = addressBytes(address);
  if (bytes === undefined || more.length > 0 || !/^\d{1,3}$/.test(length ?? "0")) return undefined;
  const bits = length === undefined ? bytes.length * 8 : Number(length);
  if (bits > bytes.length * 8) return undefined;
  return `${addressText(bytes.map((byte, i) => byte & maskByte(bits - 8 * i)))}/${bits}`;
}

/** A network in canonical form as nft and ufw write it: without a length where it is a single address. */
export function shortNetwork(network: string): string {
  return network.replace(familyOf(network) === 4 ? /\/32$/ : /\/128$/, "");
}

/** The IP version of a network in canonical form. */
export function familyOf(network: string): Family {
  return network.includes(":") ? 6 : 4;
}

/** The addresses from one to another, each as hexadecimal digits of the same number. */
export interface AddressRange {
  readonly first: string;
  readonly last: string;
}

/** All addresses of an IP version. */
export const EVERYBODY: Readonly<Record<Family, string>> = { 4: "0.0.0.0/0", 6: "::/0" };

/** The addresses of a network, or from the first one of a network to the last one of another; `undefined` for any other text. */
export function addressRange(first: string, last = first): AddressRange | undefined {
  const [from, to] = [canonicalNetwork(first), canonicalNetwork(last)];
  if (from === undefined || to === undefined || familyOf(from) !== familyOf(to)) return undefined;
  return { first: digitsOf(from, 0), last: digitsOf(to, 0xff) };
}

/** Whether a range of addresses has all of another one. */
export function hasRange(outer: AddressRange, inner: AddressRange): boolean {
  return outer.first.length === inner.first.length && outer.first <= inner.first && inner.last <= outer.last;
}

/** An address of a network in canonical form. @param filler are the bits behind its prefix. */
function digitsOf(network: string, filler: number): string {
  const [address, bits] = network.split("/");
  return [...addressBytes(address!)!].map((byte, i) => byte | (filler & ~maskByte(Number(bits) - 8 * i)))
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The networks that a machine is on, sorted: what `LocalSubnet` stands for. Loopback and single addresses do not count;
 * all link-local networks of IPv6 count as one.
 */
export function onLinkNetworks(addresses: readonly InterfaceAddress[]): string[] {
  const networks = addresses.map(({ cidr }) => canonicalNetwork(cidr)).filter((network) => network !== undefined)
    .filter((network) => !/\/(32|128|0)$/.test(network) && !network.startsWith("127."))
    .map((network) => /^fe[89ab]/.test(network) && familyOf(network) === 6 ? LINK_LOCAL : network);
  return [...new Set(networks)].sort();
}

function maskByte(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 8 ? 0xff : (0xff << (8 - bits)) & 0xff;
}
