/** NAT-PMP's packets (RFC 6886 section 3), written and read. Pure; reading throws nothing. */
import { addressText } from "../../os/address.ts";
import { type Protocol, PROTOCOLS } from "../../port/port.ts";

export const NAT_PMP_VERSION = 0;

const RESPONSE = 0x80;
const ADDRESS_OPCODE = 0, MAP_OPCODES = { udp: 1, tcp: 2 } as const satisfies Record<Protocol, number>;
const ADDRESS_REQUEST_SIZE = 2, MAP_REQUEST_SIZE = 12;
const ERROR_SIZE = 8, ADDRESS_RESPONSE_SIZE = 12, MAP_RESPONSE_SIZE = 16;

/** The part of a request for a mapping, or of its response. */
export interface NatPmpMapping {
  readonly protocol: Protocol;
  readonly internalPort: number;
  /** Suggested in a request, mapped in a response; 0 is any. */
  readonly externalPort: number;
  readonly lifetimeS: number;
}

/** A request: for a mapping, or for the router's outer address. */
export type NatPmpRequest = { readonly kind: "address" } | ({ readonly kind: "map" } & NatPmpMapping);

/** What every response has. */
interface ResponseHead {
  /** Result code, 0 is success. */
  readonly result: number;
  /** The router's seconds since it lost its table. */
  readonly epochS: number;
}

/** A response. Refusals may end after the head: then there is no address, and no mapping. */
export type NatPmpResponse =
  & ResponseHead
  & (
    | { readonly kind: "address"; readonly address: string | null }
    | { readonly kind: "map"; readonly protocol: Protocol; readonly mapping: NatPmpMapping | null }
  );

export function encodeRequest(request: NatPmpRequest): Uint8Array<ArrayBuffer> {
  if (request.kind === "address") return Uint8Array.of(NAT_PMP_VERSION, ADDRESS_OPCODE);
  const bytes = new Uint8Array(MAP_REQUEST_SIZE), view = new DataView(bytes.buffer);
  view.setUint8(1, MAP_OPCODES[request.protocol]);
  writeMapping(view, 4, request);
  return bytes;
}

/** @param response has an address of four numbers. */
export function encodeResponse(response: NatPmpResponse): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sizeOf(response)), view = new DataView(bytes.buffer);
  const opcode = response.kind === "address" ? ADDRESS_OPCODE : MAP_OPCODES[response.protocol];
  view.setUint8(1, RESPONSE | opcode);
  view.setUint16(2, response.result);
  view.setUint32(4, response.epochS);
  if (response.kind === "map") {
    if (response.mapping !== null) writeMapping(view, ERROR_SIZE, response.mapping);
  } else if (response.address !== null) {
    bytes.set(response.address.split(".").map(Number), ERROR_SIZE);
  }
  return bytes;
}

function sizeOf(response: NatPmpResponse): number {
  if (response.kind === "address") return response.address === null ? ERROR_SIZE : ADDRESS_RESPONSE_SIZE;
  return response.mapping === null ? ERROR_SIZE : MAP_RESPONSE_SIZE;
}

function writeMapping(view: DataView, start: number, { internalPort, externalPort, lifetimeS }: NatPmpMapping): void {
  view.setUint16(start, internalPort);
  view.setUint16(start + 2, externalPort);
  view.setUint32(start + 4, lifetimeS);
}

/** @returns `undefined` when the bytes are no request. */
export function decodeRequest(bytes: Uint8Array): NatPmpRequest | undefined {
  const [version, opcode] = bytes;
  if (version !== NAT_PMP_VERSION) return undefined;
  if (opcode === ADDRESS_OPCODE && bytes.length >= ADDRESS_REQUEST_SIZE) return { kind: "address" };
  const protocol = protocolOf(opcode);
  if (protocol === undefined || bytes.length < MAP_REQUEST_SIZE) return undefined;
  return { kind: "map", ...readMapping(viewOf(bytes), 4, protocol) };
}

/** @returns `undefined` when the bytes are no response. */
export function decodeResponse(bytes: Uint8Array): NatPmpResponse | undefined {
  const [version, code = 0] = bytes, opcode = code - RESPONSE, { length } = bytes;
  if (version !== NAT_PMP_VERSION || length < ERROR_SIZE) return undefined;
  const view = viewOf(bytes), head = { result: view.getUint16(2), epochS: view.getUint32(4) };
  const mayBeShort = head.result !== 0;
  if (opcode === ADDRESS_OPCODE) {
    const address = length < ADDRESS_RESPONSE_SIZE
      ? null
      : addressText(bytes.subarray(ERROR_SIZE, ADDRESS_RESPONSE_SIZE));
    return address !== null || mayBeShort ? { ...head, kind: "address", address } : undefined;
  }
  const protocol = protocolOf(opcode);
  if (protocol === undefined) return undefined;
  const mapping = length < MAP_RESPONSE_SIZE ? null : readMapping(view, ERROR_SIZE, protocol);
  return mapping !== null || mayBeShort ? { ...head, kind: "map", protocol, mapping } : undefined;
}

function protocolOf(opcode: number | undefined): Protocol | undefined {
  return PROTOCOLS.find((protocol) => MAP_OPCODES[protocol] === opcode);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function readMapping(view: DataView, start: number, protocol: Protocol): NatPmpMapping {
  return {
    protocol,
    internalPort: view.getUint16(start),
    externalPort: view.getUint16(start + 2),
    lifetimeS: view.getUint32(start + 4),
  };
}
