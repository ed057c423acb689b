/** What an IPv4 address on the outer side of a router says of the line. Pure. */
import { addressBytes } from "../os/address.ts";

/**
 * - `private`: of a network behind a router (RFC 1918).
 * - `carrier`: between a subscriber and the NAT of a carrier (RFC 6598).
 * - `ds-lite`: of the tunnel of DS-Lite and of 464XLAT (RFC 6333, RFC 7335).
 * - `special`: of no use on the internet: loopback, link-local, multicast and others (RFC 6890).
 * - `public`: any other.
 */
export type AddressKind = "private" | "carrier" | "ds-lite" | "special" | "public";

/** Networks that do not overlap, with the length of their prefix. */
const NETWORKS: readonly (readonly [network: readonly number[], bits: number, kind: AddressKind])[] = [
  [[10, 0, 0, 0], 8, "private"],
  [[172, 16, 0, 0], 12, "private"],
  [[192, 168, 0, 0], 16, "private"],
  [[100, 64, 0, 0], 10, "carrier"],
  [[192, 0, 0, 0], 29, "ds-lite"],
  [[0, 0, 0, 0], 8, "special"],
  [[127, 0, 0, 0], 8, "special"],
  [[169, 254, 0, 0], 16, "special"],
  [[224, 0, 0, 0], 3, "special"],
];

/** The kind of an IPv4 address; `undefined` for any other text. */
export function kindOfAddress(address: string): AddressKind | undefined {
  const bytes = addressBytes(address);
  if (bytes?.length !== 4) return undefined;
  return NETWORKS.find(([network, bits]) => isIn(bytes, network, bits))?.[2] ?? "public";
}

function isIn(bytes: readonly number[], network: readonly number[], bits: number): boolean {
  const shift = 32 - bits;
  return numberOf(bytes) >>> shift === numberOf(network) >>> shift;
}

function numberOf(bytes: readonly number[]): number {
  return bytes.reduce((number, byte) => (number << 8) | byte, 0) >>> 0;
}
