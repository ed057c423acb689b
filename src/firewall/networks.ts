/** Networks in CIDR notation, compared by what they mean, and those that this machine is on. Pure. */
import { addressText } from "../os/address.ts";

/** The IP versions. */
export type Family = 4 | 6;

/** One address of one interface, as `Deno.networkInterfaces()` tells it. */
export interface InterfaceAddress {
  /** Address and prefix length: `192.168.1.20/24`. */
  readonly cidr: string;
}

/** The interfaces of IPv6 speak to each other within this network, whether or not they have another; RFC 4291, 2.5.6. */
const LINK_LOCAL = "fe80::/10";

/** A network in its one form: `10.0.0.5/24` is `10.0.0.0/24`, and an address without length is one of that address. */
export function canonicalNetwork(text: string): string | undefined {
  const [address = "", length, ...more] = text.split("/");
  const bytes = parseAddress(address);
  if (bytes === undefined || more.length > 0 || !/^\d{1,3}$/.test(length ?? "0")) return undefined;
  const bits = length === undefined ? bytes.length * 8 : Number(length);
  if (bits > bytes.length * 8) return undefined;
  return `${addressText(bytes.map((byte, i) => byte & maskByte(bits - 8 * i)))}/${bits}`;
}

/** The version of a network that is in its one form. */
export function familyOf(network: string): Family {
  return network.includes(":") ? 6 : 4;
}

/**
 * The networks that a machine is on, sorted: what `LocalSubnet` stands for. Loopback and single addresses are no
 * networks; all of IPv6's link-local ones count as one.
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

function parseAddress(text: string): number[] | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function parseIpv6(text: string): number[] | undefined {
  const halves = text.split("::").map((half, i, all) => parseGroups(half, i === all.length - 1));
  const [head, tail] = halves;
  if (head === undefined || halves.length > 2 || halves.includes(undefined)) return undefined;
  if (tail === undefined) return head.length === 16 ? head : undefined;
  const missing = 16 - head.length - tail.length;
  return missing >= 2 ? [...head, ...Array.from({ length: missing }, () => 0), ...tail] : undefined;
}

/** The bytes of groups between colons, the last of which may be written as IPv4 where the address ends with it. */
function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes = groups.map((group, i) => {
    if (/^[\da-f]{1,4}$/i.test(group)) return [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff];
    return isEnd && i === groups.length - 1 ? parseIpv4(group) : undefined;
  });
  return bytes.includes(undefined) ? undefined : bytes.flatMap((group) => group!);
}
