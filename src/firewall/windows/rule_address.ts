/** Addresses as rules of Windows' firewall write them, in one form; [MS-GPFAS] 2.2.2.9 to 2.2.2.13. Pure. */
import { isIPv4, isIPv6 } from "node:net";
import { addressText } from "../../os/address.ts";

/** An address of a rule. */
export interface RuleAddress {
  readonly family: 4 | 6;
  /**
   * A network in CIDR notation, also for a single address (`192.0.2.7/32`); a range of addresses (`10.0.0.1-10.0.0.9`);
   * a keyword (`LocalSubnet`); else the text as it stands there.
   */
  readonly text: string;
  readonly kind: "network" | "range" | "keyword" | "unknown";
}

/** Reads the value of one of the keys for addresses. Never fails. */
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
  if (family === 4) return isIPv4(text) ? text : undefined;
  return isIPv6(text) && !text.includes("%") ? addressText(ipv6Bytes(text)) : undefined;
}

/** The bytes of a valid address. */
function ipv6Bytes(text: string): number[] {
  const [front = "", back] = text.split("::");
  const head = groupBytes(front), tail = groupBytes(back ?? "");
  const gap = new Array<number>(16 - head.length - tail.length).fill(0);
  return [...head, ...gap, ...tail];
}

function groupBytes(text: string): number[] {
  const groups = text === "" ? [] : text.split(":");
  return groups.flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const number = parseInt(group, 16);
    return [number >> 8, number & 0xff];
  });
}

/** Of `8` or, for IPv4, of a mask such as `255.0.0.0`. */
function prefixLength(family: 4 | 6, text: string): number | undefined {
  if (/^\d{1,3}$/.test(text)) return Number(text) <= (family === 4 ? 32 : 128) ? Number(text) : undefined;
  if (family === 6 || !isIPv4(text)) return undefined;
  const bits = text.split(".").map((byte) => Number(byte).toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(bits) ? bits.lastIndexOf("1") + 1 : undefined;
}
