/** What an IP address is good for. Pure. */
import { addressBytes, addressText, withoutZone } from "../os/address.ts";
import type { AdapterAddress } from "./adapters.ts";

/**
 * How far an address reaches. `private` is what only the own network knows: RFC 1918, the shared addresses of carriers
 * (RFC 6598), and unique local addresses (RFC 4193).
 *
 * @throws {TypeError} when the text is no address.
 */
export function scopeOf(address: string): AdapterAddress["scope"] {
  const bytes = addressBytes(address);
  if (bytes === undefined) throw new TypeError(`Cannot use ${address}: it is not an IP address`);
  const [first = 0, second = 0] = bytes;
  if (bytes.length === 4) {
    if (first === 127) return "loopback";
    if (first === 169 && second === 254) return "link";
    const isShared = first === 100 && second >= 64 && second < 128;
    const isPrivate = first === 10 || (first === 172 && second >= 16 && second < 32) ||
      (first === 192 && second === 168);
    return isPrivate || isShared ? "private" : "global";
  }
  if (address === "::1") return "loopback";
  if (first === 0xfe && (second & 0xc0) === 0x80) return "link";
  return (first & 0xfe) === 0xfc ? "private" : "global";
}

/** The family of an address in text. */
export function familyOf(address: string): AdapterAddress["family"] {
  return address.includes(":") ? "ipv6" : "ipv4";
}

/** The canonical text of an address without its zone; `undefined` for any other text. */
export function canonicalAddress(text: string): string | undefined {
  const bytes = addressBytes(withoutZone(text.trim()));
  return bytes && addressText(bytes);
}

/** A router's address as a program needs it: a link-local one with its zone. */
export function withZone(address: string, adapter: string): string {
  return familyOf(address) === "ipv6" && scopeOf(address) === "link" ? `${address}%${adapter}` : address;
}

/** The mask of a prefix of IPv4: 24 is `255.255.255.0`. */
export function maskOf(prefix: number): string {
  const bits = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
  return addressText([bits >>> 24, (bits >>> 16) & 0xff, (bits >>> 8) & 0xff, bits & 0xff]);
}

/** The prefix of a mask of IPv4; `undefined` for what is none. */
export function prefixOf(mask: string): number | undefined {
  const bytes = addressBytes(mask);
  if (bytes?.length !== 4) return undefined;
  const bits = bytes.map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(bits) ? bits.replaceAll("0", "").length : undefined;
}

/** Whether an address is in the network of another one. */
export function isInNetwork(address: string, network: { readonly address: string; readonly prefix: number }): boolean {
  const bytes = addressBytes(address), base = addressBytes(network.address);
  if (bytes === undefined || base === undefined || bytes.length !== base.length) return false;
  const textOf = (each: readonly number[]) => each.map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return textOf(bytes).slice(0, network.prefix) === textOf(base).slice(0, network.prefix);
}

/** Bytes of a MAC as text: `02:42:ac:11:00:02`; null for none, and for zeros alone. */
export function macText(bytes: ArrayLike<number>): string | null {
  const parts = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"));
  return parts.length === 6 && parts.some((part) => part !== "00") ? parts.join(":") : null;
}
