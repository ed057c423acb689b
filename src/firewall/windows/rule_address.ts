/** Addresses in rules of Windows' firewall, read into a canonical form; [MS-GPFAS] 2.2.2.9 to 2.2.2.13. Pure. */
import { addressBytes, addressText } from "../../os/address.ts";

/** An address of a rule. */
export interface RuleAddress {
  readonly family: 4 | 6;
  /**
   * A network in CIDR notation, also for a single address (`192.0.2.7/32`); a range of addresses (`10.0.0.1-10.0.0.9`);
   * a keyword (`LocalSubnet`); else the text as it is written.
   */
  readonly text: string;
  readonly kind: "network" | "range" | "keyword" | "unknown";
}

/** Reads an address as a rule has it. Never fails. */
export function parseRuleAddress(family: 4 | 6, text: string): RuleAddress {
  const [, first = "", separator, second = ""] = /^([^-/]+)(?:([-/])(.*))?$/.exec(text) ?? [];
  const address = canonicalAddress(family, first);
  if (address === undefined) return { family, text, kind: /^[a-z]\w*$/i.test(text) ? "keyword" : "unknown" };
  if (separator === undefined) return { family, text: `${address}/${family === 4 ? 32 : 128}`, kind: "network" };
  if (separator === "-") {
    const last = canonicalAddress(family, second);
    return last === undefined
      ? { family, text, kind: "unknown" }
      : { family, text: `${address}-${last}`, kind: "range" };
  }
  const length = prefixLength(family, second);
  return length === undefined
    ? { family, text, kind: "unknown" }
    : { family, text: `${address}/${length}`, kind: "network" };
}

function canonicalAddress(family: 4 | 6, text: string): string | undefined {
  const bytes = addressBytes(text);
  return bytes?.length === (family === 4 ? 4 : 16) ? addressText(bytes) : undefined;
}

/** The length in `8` or, for IPv4, in a mask such as `255.0.0.0`. */
function prefixLength(family: 4 | 6, text: string): number | undefined {
  if (/^\d{1,3}$/.test(text)) return Number(text) <= (family === 4 ? 32 : 128) ? Number(text) : undefined;
  const mask = family === 4 ? addressBytes(text) : undefined;
  if (mask?.length !== 4) return undefined;
  const bits = mask.map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(bits) ? bits.lastIndexOf("1") + 1 : undefined;
}
