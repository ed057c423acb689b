/** PCP's packets (RFC 6887 sections 7, 11 and 14), written and read. Pure; reading throws nothing. */
import { addressBytes, addressText } from "../../os/address.ts";
import { LARGEST_DATAGRAM } from "../udp_exchange.ts";

export const PCP_VERSION = 2;

/** The opcodes that portd uses. */
export const ANNOUNCE = 0, MAP = 1;

/** The option with which a router makes no mapping rather than one of another port (section 13.2). */
export const PREFER_FAILURE = 2;

const RESPONSE = 0x80;
const HEADER_SIZE = 24, MAP_SIZE = 36, OPTION_SIZE = 4, NONCE_SIZE = 12, ADDRESS_SIZE = 16;
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** The part of a MAP request or response. */
export interface PcpMapping {
  /** 24 hexadecimal digits, small letters. */
  readonly nonce: string;
  /** IANA's number: 6 is TCP, 17 is UDP. */
  readonly protocol: number;
  readonly internalPort: number;
  /** Suggested in a request, assigned in a response; 0 is any. */
  readonly externalPort: number;
  /** Likewise; `0.0.0.0` and `::` are any. */
  readonly externalAddress: string;
}

/** An option. */
export interface PcpOption {
  readonly code: number;
  readonly data: Uint8Array;
}

/** A request. */
export interface PcpRequest {
  readonly opcode: number;
  readonly lifetimeS: number;
  readonly clientAddress: string;
  /** Of a MAP request, null of others. */
  readonly mapping: PcpMapping | null;
  /** Empty of opcodes other than MAP and ANNOUNCE, which are not read any further. */
  readonly options: readonly PcpOption[];
}

/** A response. */
export interface PcpResponse {
  readonly opcode: number;
  /** Result code, 0 is success. */
  readonly result: number;
  /** Of the mapping; of an error, how long it is likely to last. */
  readonly lifetimeS: number;
  /** The router's seconds since it lost its table. */
  readonly epochS: number;
  /** Of a MAP response, null of others. */
  readonly mapping: PcpMapping | null;
  readonly options: readonly PcpOption[];
}

/** @throws {TypeError} when an address or the nonce is none. */
export function encodeRequest({ opcode, lifetimeS, clientAddress, ...body }: PcpRequest): Uint8Array<ArrayBuffer> {
  const { bytes, view } = newPacket(body);
  view.setUint8(1, opcode);
  view.setUint32(4, lifetimeS);
  bytes.set(fieldOfAddress(clientAddress), 8);
  return bytes;
}

/** @throws {TypeError} when an address or the nonce is none. */
export function encodeResponse({ opcode, result, lifetimeS, epochS, ...body }: PcpResponse): Uint8Array<ArrayBuffer> {
  const { bytes, view } = newPacket(body);
  view.setUint8(1, RESPONSE | opcode);
  view.setUint8(3, result);
  view.setUint32(4, lifetimeS);
  view.setUint32(8, epochS);
  return bytes;
}

type Body = Pick<PcpRequest, "mapping" | "options">;

function newPacket({ mapping, options }: Body): { readonly bytes: Uint8Array<ArrayBuffer>; readonly view: DataView } {
  const body = mapping === null ? [] : encodeMapping(mapping);
  const bytes = Uint8Array.from([...new Array(HEADER_SIZE).fill(0), ...body, ...options.flatMap(encodeOption)]);
  bytes[0] = PCP_VERSION;
  return { bytes, view: new DataView(bytes.buffer) };
}

function encodeMapping({ nonce, protocol, internalPort, externalPort, externalAddress }: PcpMapping): number[] {
  const ports = [internalPort >> 8, internalPort & 0xff, externalPort >> 8, externalPort & 0xff];
  return [...bytesOfNonce(nonce), protocol, 0, 0, 0, ...ports, ...fieldOfAddress(externalAddress)];
}

function bytesOfNonce(nonce: string): number[] {
  if (!/^[0-9a-f]{24}$/.test(nonce)) {
    throw new TypeError(`Cannot use ${JSON.stringify(nonce)} as nonce: it is not 24 hexadecimal digits`);
  }
  return Array.from({ length: NONCE_SIZE }, (_, i) => parseInt(nonce.slice(2 * i, 2 * i + 2), 16));
}

function encodeOption({ code, data }: PcpOption): number[] {
  const padding = new Array<number>(-data.length & 3).fill(0);
  return [code, 0, data.length >> 8, data.length & 0xff, ...data, ...padding];
}

/** The 16 bytes of an address; of an IPv4 one those of the IPv4-mapped address (section 5). */
function fieldOfAddress(text: string): readonly number[] {
  const bytes = addressBytes(text);
  if (bytes === undefined) throw new TypeError(`Cannot use ${text}: it is not an IP address`);
  return bytes.length === 4 ? [...MAPPED_PREFIX, ...bytes] : bytes;
}

function addressOfField(field: Uint8Array): string {
  const isIpv4 = MAPPED_PREFIX.every((byte, i) => field[i] === byte);
  return addressText(isIpv4 ? field.subarray(MAPPED_PREFIX.length) : field);
}

/** @returns `undefined` when the bytes are no request of this version. */
export function decodeRequest(bytes: Uint8Array): PcpRequest | undefined {
  const opcode = bytes[1];
  if (!isPacket(bytes) || opcode === undefined || opcode >= RESPONSE) return undefined;
  const view = viewOf(bytes), body = decodeBody(opcode, bytes);
  if (body === undefined) return undefined;
  return {
    opcode,
    lifetimeS: view.getUint32(4),
    clientAddress: addressOfField(bytes.subarray(8, HEADER_SIZE)),
    ...body,
  };
}

/** @returns `undefined` when the bytes are no response of this version. */
export function decodeResponse(bytes: Uint8Array): PcpResponse | undefined {
  const code = bytes[1];
  if (!isPacket(bytes) || code === undefined || code < RESPONSE) return undefined;
  const view = viewOf(bytes), opcode = code - RESPONSE, body = decodeBody(opcode, bytes);
  if (body === undefined) return undefined;
  return { opcode, result: view.getUint8(3), lifetimeS: view.getUint32(4), epochS: view.getUint32(8), ...body };
}

function isPacket(bytes: Uint8Array): boolean {
  const { length } = bytes;
  return bytes[0] === PCP_VERSION && length >= HEADER_SIZE && length <= LARGEST_DATAGRAM && length % 4 === 0;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function decodeBody(opcode: number, bytes: Uint8Array): Body | undefined {
  if (opcode !== MAP && opcode !== ANNOUNCE) return { mapping: null, options: [] };
  const end = opcode === MAP ? HEADER_SIZE + MAP_SIZE : HEADER_SIZE;
  if (bytes.length < end) return undefined;
  const options = decodeOptions(bytes.subarray(end));
  if (options === undefined) return undefined;
  return { mapping: opcode === MAP ? decodeMapping(bytes.subarray(HEADER_SIZE, end)) : null, options };
}

function decodeMapping(bytes: Uint8Array): PcpMapping {
  const view = viewOf(bytes);
  return {
    nonce: Array.from(bytes.subarray(0, NONCE_SIZE), (byte) => byte.toString(16).padStart(2, "0")).join(""),
    protocol: view.getUint8(12),
    internalPort: view.getUint16(16),
    externalPort: view.getUint16(18),
    externalAddress: addressOfField(bytes.subarray(MAP_SIZE - ADDRESS_SIZE)),
  };
}

/** @returns `undefined` when an option is longer than what is left of the packet. */
function decodeOptions(bytes: Uint8Array): readonly PcpOption[] | undefined {
  const view = viewOf(bytes), options: PcpOption[] = [];
  for (let start = 0; start < bytes.length;) {
    const length = view.getUint16(start + 2), data = start + OPTION_SIZE;
    if (data + length > bytes.length) return undefined;
    options.push({ code: view.getUint8(start), data: bytes.slice(data, data + length) });
    start = data + length + (-length & 3);
  }
  return options;
}
