/** The source address of a caller: its one form, whether a checker serves it, and with whom it shares its limits. Pure. */
import { addressRange, hasRange } from "../firewall/networks.ts";
import { addressBytes, addressText } from "../os/address.ts";

/** The canonical text of a source address: an IPv4 address that an IPv6 socket shows is an IPv4 address; no zone. */
export function canonicalCaller(text: string): string {
  const bytes = addressBytes(text.split("%", 1).join());
  if (bytes === undefined) return text;
  const isMapped = bytes.length === 16 && bytes.slice(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff && bytes[11] === 0xff;
  return addressText(isMapped ? bytes.slice(12) : bytes);
}

/** Networks whose addresses are not those of one host on the internet (RFC 6890), each with its name. */
const SPECIAL_NETWORKS = ([
  ["an unspecified", "0.0.0.0/8", "::/128"],
  ["a loopback", "127.0.0.0/8", "::1/128"],
  ["a private", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"],
  ["a carrier's private", "100.64.0.0/10"],
  ["a link-local", "169.254.0.0/16", "fe80::/10"],
  ["a multicast", "224.0.0.0/4", "ff00::/8"],
  ["a reserved", "192.0.0.0/24", "240.0.0.0/4"],
  ["a translated", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"],
] as const).flatMap(([name, ...networks]) => networks.map((network) => ({ name, range: addressRange(network)! })));

/** What keeps an address from being one of the internet, as in `a private`; `undefined` where nothing does. */
export function specialKind(address: string): string | undefined {
  const range = addressRange(address);
  if (range === undefined) return "an unreadable";
  return SPECIAL_NETWORKS.find((network) => hasRange(network.range, range))?.name;
}

/** A network that has limits of its own. */
export interface Share {
  readonly network: string;
  /** How many times the limits of a single address it has. */
  readonly size: number;
}

/** How many times the limits of a /64 its /48 has. */
const SITE_SIZE = 4;

/**
 * The networks whose limits a caller shares: of IPv4 the address, of IPv6 its /64, in which a host chooses addresses as
 * it likes, and its /48, which one site may have.
 *
 * @param address is canonical.
 */
export function sharesOf(address: string): readonly Share[] {
  const bytes = addressBytes(address);
  if (bytes?.length !== 16) return [{ network: address, size: 1 }];
  const network = (length: number) => `${addressText(bytes.map((byte, i) => i < length / 8 ? byte : 0))}/${length}`;
  return [{ network: network(64), size: 1 }, { network: network(48), size: SITE_SIZE }];
}
