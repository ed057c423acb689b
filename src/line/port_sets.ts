/**
 * The port sets of MAP-E, RFC 7597 section 5.1: subscribers who share an IPv4 address have a set of its ports each, named
 * by a number, the PSID. A port in binary is the block (offset bits, never 0), the PSID, and the rest. Pure.
 */
import { addressBytes } from "../os/address.ts";
import type { PortRange } from "../port/port.ts";
import type { PortSet } from "./line.ts";

/** How a line divides its ports: the offset in bits, and the length of the PSID in bits. */
export type Division = Pick<PortSet, "offset" | "length">;

/**
 * The divisions that are in use, in the order in which they are to be tried: each set of (4, 8) lies in a set of (6, 6),
 * so ports of the first one also fit the second.
 */
export const DIVISIONS: readonly Division[] = [{ offset: 4, length: 8 }, { offset: 6, length: 6 }];

/** How many bits a port has. */
const PORT_BITS = 16;
/** Where the 8 bits begin, of an IPv6 address under MAP-E, at whose end the PSID is: bits 48 to 55. */
const PSID_BYTE = 6;

/** The block in which a port is. Nobody has the ports of block 0. */
export function blockOf(port: number, { offset }: Division): number {
  return port >> (PORT_BITS - offset);
}

/** The PSID of those who have this port; `undefined` for a port of block 0, which nobody has. */
export function psidOfPort(port: number, division: Division): number | undefined {
  if (blockOf(port, division) === 0) return undefined;
  return (port >> restBits(division)) & highestPsid(division);
}

/** The PSID that an IPv6 address would have; `undefined` for any other text. Says nothing of whether the line has MAP-E. */
export function psidOfAddress(address: string, division: Division): number | undefined {
  const bytes = addressBytes(address);
  return bytes?.length === 16 ? bytes[PSID_BYTE]! & highestPsid(division) : undefined;
}

/** The ports of a set, ascending: one range a block. */
export function portsOf({ psid, ...division }: PortSet): PortRange[] {
  const rest = restBits(division);
  const blocks = Array.from({ length: (1 << division.offset) - 1 }, (_, i) => i + 1);
  return blocks.map((block) => {
    const first = (block << (PORT_BITS - division.offset)) | (psid << rest);
    return { first, last: first + (1 << rest) - 1 };
  });
}

/** The first port that anybody has: those below are in block 0. */
export function lowestPort({ offset }: Division): number {
  return 1 << (PORT_BITS - offset);
}

/** How many bits of a port are neither block nor PSID. */
function restBits({ offset, length }: Division): number {
  return PORT_BITS - offset - length;
}

function highestPsid({ length }: Division): number {
  return (1 << length) - 1;
}
