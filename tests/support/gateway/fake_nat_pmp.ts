/** What the fake router answers to NAT-PMP (RFC 6886 section 3). */
import type { SocketAddress } from "../../../src/gateway/gateway.ts";
import { decodeRequest, encodeResponse, type NatPmpMapping } from "../../../src/gateway/nat_pmp/codec.ts";
import { answerOtherVersionByPcp } from "./fake_pcp.ts";
import type { FakeRouter } from "./fake_router.ts";

/** @returns `undefined` where the router says nothing. */
export function answerNatPmp(router: FakeRouter, bytes: Uint8Array, from: SocketAddress): Uint8Array | undefined {
  const { habits, epochS } = router;
  if (!habits.speaksNatPmp) return habits.speaksPcp ? answerOtherVersionByPcp(router, bytes[1] ?? 0) : undefined;
  const request = decodeRequest(bytes);
  if (request === undefined) return undefined;
  if (request.kind === "address") {
    const { externalAddress } = habits;
    const result = externalAddress === null ? 3 : 0;
    return encodeResponse({ kind: "address", result, epochS, address: externalAddress ?? "0.0.0.0" });
  }
  const { result, mapping } = perform(router, request, from.address);
  return encodeResponse({ kind: "map", protocol: request.protocol, result, epochS, mapping });
}

/** The refusal of a request of another version (section 3.5): the head of an answer, and nothing more. */
export function answerOtherVersionByNatPmp({ epochS }: FakeRouter): Uint8Array {
  return encodeResponse({ kind: "address", result: 1, epochS, address: null });
}

interface Outcome {
  readonly result: number;
  readonly mapping: NatPmpMapping;
}

function perform({ table, habits }: FakeRouter, request: NatPmpMapping, host: string): Outcome {
  const { protocol } = request, internal = { address: host, port: request.internalPort };
  const refuse = (result: number): Outcome => ({ result, mapping: { ...request, externalPort: 0, lifetimeS: 0 } });
  if (request.lifetimeS === 0) {
    if (habits.deleteRefusal !== 0) return refuse(habits.deleteRefusal);
    table.remove({ protocol, internal });
    return refuse(0);
  }
  if (habits.refusal !== 0) return refuse(habits.refusal);
  if (habits.externalAddress === null) return refuse(3);
  const present = table.of({ protocol, internal });
  if (present === undefined && table.isFull) return refuse(4);
  const wanted = request.externalPort === 0 ? request.internalPort : request.externalPort;
  const first = habits.grantsAnother ? wanted + 1 : wanted;
  const externalPort = present?.externalPort ?? table.freePort(protocol, first);
  const lifetimeS = Math.min(Math.max(request.lifetimeS, habits.shortestLifetimeS), habits.longestLifetimeS);
  table.set({ protocol, internal, externalPort, secret: "", lifetimeS });
  return { result: 0, mapping: { ...request, externalPort, lifetimeS } };
}
