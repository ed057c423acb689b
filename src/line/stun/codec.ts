/** STUN as far as a client needs it to learn its outer address: the binding request and its answers, RFC 8489. Pure. */
import { addressText } from "../../os/address.ts";

/** Marks STUN, in every message; section 5. */
const MAGIC_COOKIE = 0x2112a442;
const HEADER_BYTES = 20;
/** How many bytes a transaction id has. */
export const TRANSACTION_ID_BYTES = 12;

/** The message types of the binding method; section 5. */
const TYPES = { request: 0x0001, success: 0x0101, error: 0x0111 } as const;
/** The attributes that are read; section 14. */
const ATTRIBUTES = { mappedAddress: 0x0001, errorCode: 0x0009, xorMappedAddress: 0x0020, fingerprint: 0x8028 } as const;
/** What the checksum of a fingerprint is XORed with; section 14.7. */
const FINGERPRINT_MASK = 0x5354554e;
/** How many characters of a server's reason are kept. */
const LONGEST_REASON = 100;

/** What a server answers. */
export type BindingAnswer =
  /** The address and port from which the server got the request. */
  | { readonly kind: "mapped"; readonly address: string; readonly port: number }
  /** The server refuses. The reason is its own text. */
  | { readonly kind: "refused"; readonly code: number; readonly reason: string };

/** A transaction id that nobody can guess. */
export function newTransactionId(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(TRANSACTION_ID_BYTES));
}

/** A binding request without attributes. */
export function encodeBindingRequest(transactionId: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(HEADER_BYTES);
  const view = new DataView(message.buffer);
  view.setUint16(0, TYPES.request);
  view.setUint32(4, MAGIC_COOKIE);
  message.set(transactionId, 8);
  return message;
}

/**
 * Reads an answer to a binding request.
 *
 * @returns `undefined` for anything that is not a whole, well-formed answer to this transaction. A fingerprint may be
 * missing, and is checked where it is there.
 */
export function decodeBindingAnswer(message: Uint8Array, transactionId: Uint8Array): BindingAnswer | undefined {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  if (message.length < HEADER_BYTES || view.getUint32(4) !== MAGIC_COOKIE) return undefined;
  if (view.getUint16(2) !== message.length - HEADER_BYTES) return undefined;
  if (!transactionId.every((byte, i) => message[8 + i] === byte)) return undefined;
  const attributes = readAttributes(message, view);
  if (attributes === undefined) return undefined;
  const type = view.getUint16(0);
  if (type === TYPES.error) return readError(attributes.get(ATTRIBUTES.errorCode));
  if (type !== TYPES.success) return undefined;
  const xored = attributes.get(ATTRIBUTES.xorMappedAddress);
  // Bytes 4 to 19 of the message are the cookie and the transaction id, which an address is XORed with.
  if (xored !== undefined) return readAddress(xored, message.subarray(4, HEADER_BYTES));
  return readAddress(attributes.get(ATTRIBUTES.mappedAddress), new Uint8Array(16));
}

/** The first attribute of each type; `undefined` where one is cut off or the fingerprint is wrong. */
function readAttributes(message: Uint8Array, view: DataView): ReadonlyMap<number, Uint8Array> | undefined {
  const attributes = new Map<number, Uint8Array>();
  for (let at = HEADER_BYTES; at < message.length;) {
    if (at + 4 > message.length) return undefined;
    const type = view.getUint16(at), length = view.getUint16(at + 2);
    const end = at + 4 + length, next = at + 4 + Math.ceil(length / 4) * 4;
    if (next > message.length) return undefined;
    if (type === ATTRIBUTES.fingerprint) {
      const isRight = length === 4 && next === message.length &&
        view.getUint32(at + 4) === fingerprintOf(message.subarray(0, at));
      return isRight ? attributes : undefined; // nothing may follow it
    }
    if (!attributes.has(type)) attributes.set(type, message.subarray(at + 4, end));
    at = next;
  }
  return attributes;
}

/** The fingerprint of what stands before it. The length in the header counts it already. */
export function fingerprintOf(message: Uint8Array): number {
  return (crc32(message) ^ FINGERPRINT_MASK) >>> 0;
}

/** The CRC-32 of ITU V.42. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** An address attribute; section 14.1. @param mask is XORed with the address, and its first two bytes with the port. */
function readAddress(value: Uint8Array | undefined, mask: Uint8Array): BindingAnswer | undefined {
  if (value === undefined) return undefined;
  const length = value[1] === 1 ? 4 : value[1] === 2 ? 16 : undefined;
  if (length === undefined || value.length !== 4 + length) return undefined;
  const port = (value[2]! ^ mask[0]!) << 8 | (value[3]! ^ mask[1]!);
  if (port === 0) return undefined;
  return { kind: "mapped", address: addressText(value.subarray(4).map((byte, i) => byte ^ mask[i]!)), port };
}

/** An error code; section 14.8. */
function readError(value: Uint8Array | undefined): BindingAnswer | undefined {
  if (value === undefined || value.length < 4) return undefined;
  const reason = new TextDecoder().decode(value.subarray(4)).slice(0, LONGEST_REASON);
  return { kind: "refused", code: (value[2]! & 7) * 100 + value[3]! % 100, reason };
}
