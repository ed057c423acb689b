import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ANNOUNCE,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  MAP,
  type PcpMapping,
  type PcpOption,
  type PcpRequest,
  type PcpResponse,
  PREFER_FAILURE,
} from "../../../src/gateway/pcp/codec.ts";
import { addressText } from "../../../src/os/address.ts";
import { mutate } from "../../support/gateway/mutations.ts";
import { bytesOfHex } from "../../support/hex.ts";
import { Random } from "../../support/random.ts";

const MAPPING: PcpMapping = {
  nonce: "0102030405060708090a0b0c",
  protocol: 6,
  internalPort: 8080,
  externalPort: 20417,
  externalAddress: "0.0.0.0",
};
const REQUEST: PcpRequest = {
  opcode: MAP,
  lifetimeS: 7200,
  clientAddress: "192.0.2.10",
  mapping: MAPPING,
  options: [{ code: PREFER_FAILURE, data: new Uint8Array() }],
};
const REQUEST_BYTES = bytesOfHex(`
  02 01 0000 00001c20 00000000 00000000 0000ffff c000020a
  01020304 05060708 090a0b0c 06 000000 1f90 4fc1 00000000 00000000 0000ffff 00000000
  02 00 0000`);
const RESPONSE: PcpResponse = {
  opcode: MAP,
  result: 0,
  lifetimeS: 3600,
  epochS: 65_538,
  mapping: { ...MAPPING, externalPort: 20418, externalAddress: "203.0.113.7" },
  options: [],
};
const RESPONSE_BYTES = bytesOfHex(`
  02 81 00 00 00000e10 00010002 00000000 00000000 00000000
  01020304 05060708 090a0b0c 06 000000 1f90 4fc2 00000000 00000000 0000ffff cb007107`);

Deno.test("a MAP request is laid out as figures 2 and 9 of RFC 6887 say, with the option of figure 14", () => {
  assert.deepEqual(encodeRequest(REQUEST), REQUEST_BYTES);
  assert.deepEqual(decodeRequest(REQUEST_BYTES), REQUEST);
});

Deno.test("a MAP response is laid out as figures 3 and 10 of RFC 6887 say", () => {
  assert.deepEqual(encodeResponse(RESPONSE), RESPONSE_BYTES);
  assert.deepEqual(decodeResponse(RESPONSE_BYTES), RESPONSE);
});

Deno.test("an ANNOUNCE request and its response are headers alone", () => {
  const request = { opcode: ANNOUNCE, lifetimeS: 0, clientAddress: "2001:db8::10", mapping: null, options: [] };
  const bytes = bytesOfHex("02 00 0000 00000000 20010db8 00000000 00000000 00000010");
  assert.deepEqual(encodeRequest(request), bytes);
  assert.deepEqual(decodeRequest(bytes), request);
  const answer = bytesOfHex("02 80 00 00 00000000 0000002a 00000000 00000000 00000000");
  const response = { opcode: ANNOUNCE, result: 0, lifetimeS: 0, epochS: 42, mapping: null, options: [] };
  assert.deepEqual(decodeResponse(answer), response);
  assert.deepEqual(encodeResponse(response), answer);
});

Deno.test("options are passed over, padded to four bytes, and one that is too long spoils the packet", () => {
  const options = [{ code: 200, data: Uint8Array.of(1, 2, 3, 4, 5) }, { code: 2, data: new Uint8Array() }];
  const bytes = encodeResponse({ ...RESPONSE, options });
  assert.deepEqual([...bytes.subarray(60)], [200, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0, 2, 0, 0, 0]);
  assert.deepEqual(decodeResponse(bytes)?.options, options);
  bytes[63] = 13;
  assert.equal(decodeResponse(bytes), undefined);
});

Deno.test("another version, length or direction is no response", () => {
  const spoilt = (change: (bytes: Uint8Array) => void) => {
    const bytes = RESPONSE_BYTES.slice();
    change(bytes);
    return decodeResponse(bytes);
  };
  assert.ok(spoilt(() => {}));
  assert.equal(spoilt((bytes) => bytes[0] = 1), undefined);
  assert.equal(spoilt((bytes) => bytes[1] = 1), undefined);
  for (const length of [0, 1, 20, 24, 56, 59]) {
    assert.equal(decodeResponse(RESPONSE_BYTES.subarray(0, length)), undefined);
  }
  assert.equal(decodeResponse(new Uint8Array([...RESPONSE_BYTES, 1, 0])), undefined);
  const long = new Uint8Array(1104);
  long.set(RESPONSE_BYTES);
  assert.ok(decodeResponse(long.subarray(0, 1100)));
  assert.equal(decodeResponse(long), undefined);
});

Deno.test("what is no address or nonce is not sent", () => {
  assert.throws(() => encodeRequest({ ...REQUEST, clientAddress: "fe80::1%eth0" }), TypeError);
  for (const nonce of ["", "00", `${MAPPING.nonce}00`, "zz02030405060708090a0b0c"]) {
    assert.throws(() => encodeRequest({ ...REQUEST, mapping: { ...MAPPING, nonce } }), TypeError);
  }
});

const uint8 = fc.integer({ min: 0, max: 255 }), uint16 = fc.integer({ min: 0, max: 65535 });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const addresses = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map(addressText),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => addressText(bytes)),
  fc.constantFrom("::", "::1", "0.0.0.0", "2001:db8::ff:1"),
);
const mappings: fc.Arbitrary<PcpMapping> = fc.record({
  nonce: fc.stringMatching(/^[0-9a-f]{24}$/),
  protocol: uint8,
  internalPort: uint16,
  externalPort: uint16,
  externalAddress: addresses,
}, { noNullPrototype: true });
const datas = fc.uint8Array({ maxLength: 40 }).map((bytes) => bytes.slice());
const options: fc.Arbitrary<PcpOption[]> = fc.array(
  fc.record({ code: uint8, data: datas }, { noNullPrototype: true }),
  { maxLength: 8 },
);

Deno.test("requests and responses are read as they were written, whatever they say", () => {
  const parts = fc.record({ lifetimeS: uint32, epochS: uint32, result: uint8, clientAddress: addresses, options }, {
    noNullPrototype: true,
  });
  fc.assert(fc.property(parts, fc.option(mappings), (parts, mapping) => {
    const { lifetimeS, epochS, result, clientAddress, options } = parts;
    const opcode = mapping === null ? ANNOUNCE : MAP;
    const request = { opcode, lifetimeS, clientAddress, mapping, options };
    assert.deepEqual(decodeRequest(encodeRequest(request)), request);
    const response = { opcode, result, lifetimeS, epochS, mapping, options };
    assert.deepEqual(decodeResponse(encodeResponse(response)), response);
    assert.equal(decodeResponse(encodeRequest(request)), undefined);
    assert.equal(decodeRequest(encodeResponse(response)), undefined);
  }));
});

Deno.test("reading is total: 60,000 mutated packets, and random bytes", () => {
  const random = new Random(6887);
  const packets = [
    REQUEST_BYTES,
    RESPONSE_BYTES,
    encodeResponse({ ...RESPONSE, options: [{ code: 9, data: new Uint8Array(30) }] }),
  ];
  let read = 0;
  for (let i = 0; i < 60_000; i++) {
    const bytes = mutate(random.pick(packets), random);
    const response = decodeResponse(bytes);
    decodeRequest(bytes);
    if (response === undefined) continue;
    read++;
    for (const port of [response.mapping?.internalPort ?? 1, response.mapping?.externalPort ?? 1]) {
      assert.ok(Number.isInteger(port) && port >= 0 && port <= 65535);
    }
    assert.ok(response.options.length <= 300);
  }
  assert.ok(read > 1000, `${read} of them were read`);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 1200 }), (bytes) => {
    decodeResponse(bytes);
    decodeRequest(bytes);
  }));
});
