/** What the fake router answers to PCP (RFC 6887 sections 8 and 11 to 15). */
import type { SocketAddress } from "../../../src/gateway/gateway.ts";
import {
  ANNOUNCE,
  decodeRequest,
  encodeResponse,
  MAP,
  type PcpMapping,
  type PcpRequest,
  PREFER_FAILURE,
} from "../../../src/gateway/pcp/codec.ts";
import { PCP_RESULTS, type PcpResultName } from "../../../src/gateway/pcp/results.ts";
import type { Protocol } from "../../../src/port/port.ts";
import { answerOtherVersionByNatPmp } from "./fake_nat_pmp.ts";
import type { FakeRouter } from "./fake_router.ts";

const PROTOCOLS: Readonly<Record<number, Protocol>> = { 6: "tcp", 17: "udp" };

/** A mapping that was made, or the code of a refusal. */
type Outcome = { readonly granted: PcpMapping; readonly lifetimeS: number } | { readonly refused: number };

/** @returns `undefined` where the router says nothing. */
export function answerPcp(router: FakeRouter, bytes: Uint8Array, from: SocketAddress): Uint8Array | undefined {
  if (!router.habits.speaksPcp) return router.habits.speaksNatPmp ? answerOtherVersionByNatPmp(router) : undefined;
  const request = decodeRequest(bytes);
  if (request === undefined) return undefined;
  const outcome = request.clientAddress === from.address ? perform(router, request) : refuse("ADDRESS_MISMATCH");
  const { opcode } = request;
  if (outcome === "done" || "refused" in outcome) {
    const result = outcome === "done" ? 0 : outcome.refused;
    const lifetimeS = result === 0 ? 0 : router.habits.refusalLifetimeS;
    return respond(router, { opcode, result, lifetimeS, mapping: request.mapping });
  }
  return respond(router, { opcode, result: 0, lifetimeS: outcome.lifetimeS, mapping: outcome.granted });
}

/** The refusal of a request of another version. */
export function answerOtherVersionByPcp(router: FakeRouter, opcode: number): Uint8Array {
  return respond(router, { opcode: opcode === MAP ? ANNOUNCE : opcode, result: 1, lifetimeS: 1800, mapping: null });
}

function respond(
  { epochS }: FakeRouter,
  answer: { opcode: number; result: number; lifetimeS: number; mapping: PcpMapping | null },
): Uint8Array {
  return encodeResponse({ ...answer, epochS, options: [] });
}

function refuse(name: PcpResultName): { readonly refused: number } {
  return { refused: PCP_RESULTS.findIndex((each) => each.name === name) };
}

function perform(router: FakeRouter, request: PcpRequest): Outcome | "done" {
  if (request.opcode === ANNOUNCE) return router.habits.knowsAnnounce ? "done" : refuse("UNSUPP_OPCODE");
  const { mapping } = request;
  if (mapping === null) return refuse("UNSUPP_OPCODE");
  const protocol = PROTOCOLS[mapping.protocol];
  if (protocol === undefined) return refuse("UNSUPP_PROTOCOL");
  const key = { protocol, internal: { address: request.clientAddress, port: mapping.internalPort } };
  return request.lifetimeS === 0 ? remove(router, mapping, key) : make(router, { ...request, mapping }, key);
}

/** Whose mapping a request is about. */
interface Key {
  readonly protocol: Protocol;
  readonly internal: SocketAddress;
}

function remove({ table, habits }: FakeRouter, mapping: PcpMapping, key: Key): Outcome {
  if (habits.deleteRefusal !== 0) return { refused: habits.deleteRefusal };
  const present = table.of(key);
  if (present === undefined && habits.missingDeletion !== 0) return { refused: habits.missingDeletion };
  if (present !== undefined && present.secret !== mapping.nonce) return refuse("NOT_AUTHORIZED");
  table.remove(key);
  return { granted: mapping, lifetimeS: 0 };
}

function make(router: FakeRouter, request: PcpRequest & { readonly mapping: PcpMapping }, key: Key): Outcome {
  const { table, habits } = router, { mapping, options } = request;
  const isIpv6 = key.internal.address.includes(":");
  if (habits.refusal !== 0) return { refused: habits.refusal };
  if (options.some(({ code }) => code < 128 && !(habits.knowsPreferFailure && code === PREFER_FAILURE))) {
    return refuse("UNSUPP_OPTION");
  }
  const externalAddress = isIpv6 ? key.internal.address : habits.externalAddress;
  if (externalAddress === null) return refuse("NETWORK_FAILURE");
  const present = table.of(key);
  if (present !== undefined && present.secret !== mapping.nonce && !habits.losesNonces) return refuse("NOT_AUTHORIZED");
  if (present === undefined && table.isFull) return refuse("NO_RESOURCES");
  const externalPort = present?.externalPort ?? choosePort(router, mapping, key, isIpv6);
  const isOther = mapping.externalPort !== 0 && externalPort !== mapping.externalPort;
  if (isOther && options.length > 0) return refuse("CANNOT_PROVIDE_EXTERNAL");
  const lifetimeS = Math.min(Math.max(request.lifetimeS, habits.shortestLifetimeS), habits.longestLifetimeS);
  const isLosing = habits.losesNonces && present !== undefined;
  table.set({ ...key, externalPort, secret: isLosing ? "lost" : mapping.nonce, lifetimeS });
  const answered = isLosing ? mapping.externalPort : externalPort;
  return { granted: { ...mapping, externalPort: answered, externalAddress }, lifetimeS };
}

function choosePort({ table, habits }: FakeRouter, mapping: PcpMapping, { protocol, internal }: Key, isIpv6: boolean) {
  if (isIpv6) return internal.port;
  const wanted = mapping.externalPort === 0 ? internal.port : mapping.externalPort;
  return table.freePort(protocol, habits.grantsAnother ? wanted + 1 : wanted);
}
