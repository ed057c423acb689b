import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  type NatPmpRequest,
  type NatPmpResponse,
} from "../../../src/gateway/nat_pmp/codec.ts";
import { addressText } from "../../../src/os/address.ts";
import { mutate } from "../../support/gateway/mutations.ts";
import { bytesOfHex } from "../../support/hex.ts";
import { Random } from "../../support/random.ts";

const MAPPING = { internalPort: 8080, externalPort: 20417, lifetimeS: 7200 };

/** Section 3.2 and 3.3 of RFC 6886, field by field. */
const REQUESTS: readonly (readonly [string, NatPmpRequest])[] = [
  ["00 00", { kind: "address" }],
  ["00 01 0000 1f90 4fc1 00001c20", { kind: "map", protocol: "udp", ...MAPPING }],
  ["00 02 0000 1f90 4fc1 00001c20", { kind: "map", protocol: "tcp", ...MAPPING }],
  ["00 02 0000 1f90 0000 00000000", {
    kind: "map",
    protocol: "tcp",
    internalPort: 8080,
    externalPort: 0,
    lifetimeS: 0,
  }],
];

const RESPONSES: readonly (readonly [string, NatPmpResponse])[] = [
  ["00 80 0000 00010002 cb007107", { kind: "address", result: 0, epochS: 65_538, address: "203.0.113.7" }],
  ["00 80 0003 0000002a 00000000", { kind: "address", result: 3, epochS: 42, address: "0.0.0.0" }],
  ["00 80 0001 0000002a", { kind: "address", result: 1, epochS: 42, address: null }],
  [
    "00 81 0000 0000002a 1f90 4fc1 00001c20",
    { kind: "map", protocol: "udp", result: 0, epochS: 42, mapping: { protocol: "udp", ...MAPPING } },
  ],
  [
    "00 82 0004 0000002a 1f90 4fc1 00001c20",
    { kind: "map", protocol: "tcp", result: 4, epochS: 42, mapping: { protocol: "tcp", ...MAPPING } },
  ],
  ["00 82 0002 0000002a", { kind: "map", protocol: "tcp", result: 2, epochS: 42, mapping: null }],
];

Deno.test("requests are laid out as RFC 6886 says", () => {
  for (const [hex, request] of REQUESTS) {
    assert.deepEqual(encodeRequest(request), bytesOfHex(hex));
    assert.deepEqual(decodeRequest(bytesOfHex(hex)), request);
  }
});

Deno.test("responses are laid out as RFC 6886 says", () => {
  for (const [hex, response] of RESPONSES) {
    assert.deepEqual(encodeResponse(response), bytesOfHex(hex));
    assert.deepEqual(decodeResponse(bytesOfHex(hex)), response);
  }
});

Deno.test("another version or direction, and a success that is cut off, is no response", () => {
  const hostile = ["", "00", "00 80", "02 80 0000 0000002a cb007107", "00 00 0000 0000002a cb007107"];
  const cut = [
    "00 80 0000 0000002a",
    "00 80 0000 0000002a cb0071",
    "00 82 0000 0000002a 1f90 4fc1 00001c",
    "00 83 0000 0000002a",
  ];
  for (const hex of [...hostile, ...cut]) assert.equal(decodeResponse(bytesOfHex(hex)), undefined, hex);
});

const uint16 = fc.integer({ min: 0, max: 65535 }), uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const mappings = fc.record({
  protocol: fc.constantFrom("tcp" as const, "udp" as const),
  internalPort: uint16,
  externalPort: uint16,
  lifetimeS: uint32,
}, { noNullPrototype: true });
const addresses = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(addressText);

Deno.test("requests and responses are read as they were written, whatever they say", () => {
  fc.assert(fc.property(mappings, uint16, uint32, addresses, (mapping, result, epochS, address) => {
    const request = { kind: "map", ...mapping } as const;
    assert.deepEqual(decodeRequest(encodeRequest(request)), request);
    const response = { kind: "map", protocol: mapping.protocol, result, epochS, mapping } as const;
    assert.deepEqual(decodeResponse(encodeResponse(response)), response);
    const ofAddress = { kind: "address", result, epochS, address } as const;
    assert.deepEqual(decodeResponse(encodeResponse(ofAddress)), ofAddress);
    assert.equal(decodeResponse(encodeRequest(request)), undefined);
  }));
});

Deno.test("reading is total: 40,000 mutated packets, and random bytes", () => {
  const random = new Random(6886);
  const packets = [...REQUESTS, ...RESPONSES].map(([hex]) => bytesOfHex(hex));
  let read = 0;
  for (let i = 0; i < 40_000; i++) {
    const bytes = mutate(random.pick(packets), random);
    const response = decodeResponse(bytes);
    decodeRequest(bytes);
    if (response === undefined) continue;
    read++;
    if (response.kind === "address") assert.match(response.address ?? "0.0.0.0", /^(\d{1,3}\.){3}\d{1,3}$/);
    else assert.ok((response.mapping?.externalPort ?? 0) <= 65535);
  }
  assert.ok(read > 1000, `${read} of them were read`);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    decodeResponse(bytes);
    decodeRequest(bytes);
  }));
});
