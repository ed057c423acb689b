/** Security identifiers of Windows, [MS-DTYP] 2.4.2. Pure. */

/** A SID as text: `S-1-5-18`. */
export function sidText(sid: Uint8Array): string {
  const view = new DataView(sid.buffer, sid.byteOffset, sid.byteLength);
  const authority = view.getUint16(2) * 2 ** 32 + view.getUint32(4);
  const parts = Array.from({ length: sid[1]! }, (_, i) => view.getUint32(8 + 4 * i, true));
  return ["S", sid[0], authority, ...parts].join("-");
}

/** The bytes of a SID from its text. */
export function sidBytes(text: string): Uint8Array<ArrayBuffer> {
  const [, revision, authority, ...parts] = text.split("-").map(Number);
  const view = new DataView(new ArrayBuffer(8 + 4 * parts.length));
  view.setUint8(0, revision!);
  view.setUint8(1, parts.length);
  view.setUint16(2, Math.floor(authority! / 2 ** 32));
  view.setUint32(4, authority! >>> 0);
  for (const [i, part] of parts.entries()) view.setUint32(8 + 4 * i, part, true);
  return new Uint8Array(view.buffer);
}

/** The bytes of the SID that begins at an offset: its second byte says how long it is. */
export function sidBytesAt(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.subarray(at, at + 8 + 4 * bytes[at + 1]!);
}
