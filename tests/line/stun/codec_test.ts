import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeBindingAnswer,
  encodeBindingRequest,
  fingerprintOf,
  newTransactionId,
} from "../../../src/line/stun/codec.ts";
import { addressText } from "../../../src/os/address.ts";
import { bytesOfHex } from "../../support/hex.ts";
import { mappedAddress, stunMessage, xorMappedAddress } from "../../support/stun_server.ts";

const ID = bytesOfHex("b7e7a701 bc34d686 fa87dfae");

/** RFC 5769 section 2.1: a request with attributes of ICE. */
const RFC_REQUEST = bytesOfHex(`
  00010058 2112a442 b7e7a701 bc34d686 fa87dfae
  80220010 5354554e 20746573 7420636c 69656e74
  00240004 6e0001ff
  80290008 932ff9b1 51263b36
  00060009 6576746a 3a683676 59202020
  00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2
  80280004 e57a3bcf`);

/** RFC 5769 section 2.2: an answer with an IPv4 address. */
const RFC_IPV4_ANSWER = bytesOfHex(`
  0101003c 2112a442 b7e7a701 bc34d686 fa87dfae
  8022000b 74657374 20766563 746f7220
  00200008 0001a147 e112a643
  00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7
  80280004 c07d4c96`);

/** RFC 5769 section 2.3: an answer with an IPv6 address. */
const RFC_IPV6_ANSWER = bytesOfHex(`
  01010048 2112a442 b7e7a701 bc34d686 fa87dfae
  8022000b 74657374 20766563 746f7220
  00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9
  00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41
  80280004 c8fb0b4c`);

Deno.test("the answers of RFC 5769 are read: addresses of both families, with their fingerprints", () => {
  assert.deepEqual(decodeBindingAnswer(RFC_IPV4_ANSWER, ID), { kind: "mapped", address: "192.0.2.1", port: 32853 });
  assert.deepEqual(decodeBindingAnswer(RFC_IPV6_ANSWER, ID), {
    kind: "mapped",
    address: "2001:db8:1234:5678:11:2233:4455:6677",
    port: 32853,
  });
});

Deno.test("the fingerprints of RFC 5769 are reckoned", () => {
  for (const message of [RFC_REQUEST, RFC_IPV4_ANSWER, RFC_IPV6_ANSWER]) {
    const at = message.length - 8;
    assert.equal(fingerprintOf(message.subarray(0, at)), new DataView(message.buffer).getUint32(at + 4));
  }
});

Deno.test("one changed byte anywhere in an answer with a fingerprint makes it no answer", () => {
  for (const message of [RFC_IPV4_ANSWER, RFC_IPV6_ANSWER]) {
    for (let at = 0; at < message.length; at++) {
      const changed = message.slice();
      changed[at]! ^= 0x01;
      const inFingerprintType = at >= message.length - 8 && at < message.length - 6; // then it has no fingerprint
      if (!inFingerprintType) assert.equal(decodeBindingAnswer(changed, ID), undefined, `byte ${at}`);
    }
  }
});

Deno.test("a request is no answer, nor is an answer to another transaction", () => {
  assert.equal(decodeBindingAnswer(RFC_REQUEST, ID), undefined);
  assert.equal(decodeBindingAnswer(RFC_IPV4_ANSWER, newTransactionId()), undefined);
});

Deno.test("a request is the header of RFC 8489 alone, byte by byte", () => {
  assert.deepEqual(encodeBindingRequest(ID), bytesOfHex("00010000 2112a442 b7e7a701 bc34d686 fa87dfae"));
});

Deno.test("transaction ids have 96 bits and do not repeat", () => {
  const ids = Array.from({ length: 1000 }, () => newTransactionId());
  assert.ok(ids.every((id) => id.length === 12));
  assert.equal(new Set(ids.map(String)).size, 1000);
});

Deno.test("an older server's MAPPED-ADDRESS counts where there is no XOR-MAPPED-ADDRESS", () => {
  const plain = mappedAddress("198.51.100.7", 4711), xored = xorMappedAddress("198.51.100.8", 4712, ID);
  const read = (...attributes: (typeof plain)[]) => decodeBindingAnswer(stunMessage(0x0101, ID, attributes), ID);
  assert.deepEqual(read(plain), { kind: "mapped", address: "198.51.100.7", port: 4711 });
  for (const both of [[plain, xored], [xored, plain]]) {
    assert.deepEqual(read(...both), { kind: "mapped", address: "198.51.100.8", port: 4712 });
  }
});

Deno.test("an error answer is read with its code, and its text is bounded", () => {
  const text = new TextEncoder().encode("é".repeat(400));
  const message = stunMessage(0x0111, ID, [[0x0009, [0, 0, 4, 20, ...text]]], { hasFingerprint: true });
  const answer = decodeBindingAnswer(message, ID);
  assert.ok(answer?.kind === "refused");
  assert.deepEqual([answer.code, answer.reason.length], [420, 100]);
});

Deno.test("answers without a usable address are no answers", () => {
  const attributes = [
    [],
    [[0x0020, []]],
    [[0x0020, [0, 1, 0xa1, 0x47]]],
    [[0x0020, [0, 3, 0xa1, 0x47, 1, 2, 3, 4]]],
    [[0x0020, [0, 1, 0xa1, 0x47, 1, 2, 3, 4, 5]]],
    [[0x0020, [0, 1, 0x21, 0x12, 1, 2, 3, 4]]], // port 0
  ] as const;
  for (const each of attributes) assert.equal(decodeBindingAnswer(stunMessage(0x0101, ID, each), ID), undefined);
});

Deno.test("every address and port survives the way through an answer, with a fingerprint or without", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(fc.property(bytes, fc.integer({ min: 1, max: 65535 }), fc.boolean(), (ip, port, hasFingerprint) => {
    const id = newTransactionId(), address = addressText(ip);
    const message = stunMessage(0x0101, id, [xorMappedAddress(address, port, id)], { hasFingerprint });
    assert.deepEqual(decodeBindingAnswer(message, id), { kind: "mapped", address, port });
  }));
});

Deno.test("decoding is total: random bytes, and 100,000 changed and cut answers", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    assert.equal(decodeBindingAnswer(bytes, ID), undefined);
  }));
  const originals = [RFC_IPV4_ANSWER, RFC_IPV6_ANSWER, stunMessage(0x0111, ID, [[9, [0, 0, 4, 1, 65]]])];
  const seen = new Set<string>();
  for (let i = 0; i < 100_000; i++) {
    const original = originals[i % originals.length]!;
    const changed = original.slice(0, Math.random() < 0.3 ? Math.floor(Math.random() * original.length) : undefined);
    for (let n = Math.floor(Math.random() * 4); n >= 0 && changed.length > 0; n--) {
      changed[Math.floor(Math.random() * changed.length)] = Math.floor(Math.random() * 256);
    }
    seen.add(decodeBindingAnswer(changed, ID)?.kind ?? "none");
  }
  assert.ok(seen.has("none"));
});
