/** IP addresses as text. Pure. */

/** The canonical text of an address (RFC 5952): 4 bytes are IPv4, 16 are IPv6. */
export function addressText(bytes: ArrayLike<number>): string {
  return bytes.length === 4 ? `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}` : ipv6Text(bytes);
}

function ipv6Text(bytes: ArrayLike<number>): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${Array.from(bytes).slice(12).join(".")}`;
  }
  const run = longestZeroRun(groups);
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  if (run.length < 2) return hex(groups);
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** The bytes of an address: 4 for IPv4, 16 for IPv6. @returns `undefined` when the text is not an address. */
export function addressBytes(text: string): readonly number[] | undefined {
  return text.includes(":") ? ipv6Bytes(text) : ipv4Bytes(text);
}

function ipv4Bytes(text: string): readonly number[] | undefined {
  const bytes = text.split(".").map((part) => /^(0|[1-9]\d{0,2})$/.test(part) ? Number(part) : NaN);
  return bytes.length === 4 && bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function ipv6Bytes(text: string): readonly number[] | undefined {
  const [head = "", tail, ...more] = text.split("::");
  const before = groupBytes(head, { isEnd: tail === undefined }), after = groupBytes(tail ?? "", { isEnd: true });
  if (before === undefined || after === undefined || more.length > 0) return undefined;
  const zeros = 16 - before.length - after.length;
  if (tail === undefined ? zeros !== 0 : zeros < 2) return undefined;
  return [...before, ...new Array<number>(zeros).fill(0), ...after];
}

/** The bytes of groups between colons; the last one of an address may be written as IPv4. */
function groupBytes(text: string, { isEnd }: { readonly isEnd: boolean }): readonly number[] | undefined {
  if (text === "") return [];
  const bytes = text.split(":").map((group, i, { length }) => {
    if (isEnd && i === length - 1 && group.includes(".")) return ipv4Bytes(group);
    return /^[0-9a-fA-F]{1,4}$/.test(group) ? [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff] : undefined;
  });
  return bytes.every((group) => group !== undefined) ? bytes.flat() : undefined;
}

/** An address without the zone of a link-local one: `fe80::1%eth0` becomes `fe80::1`. */
export function withoutZone(address: string): string {
  return address.replace(/%.*$/s, "");
}
