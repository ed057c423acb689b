import assert from "node:assert/strict";
import fc from "fast-check";
import {
  canonicalAddress,
  isInNetwork,
  macText,
  maskOf,
  prefixOf,
  scopeOf,
  withZone,
} from "../../src/adapters/addresses.ts";

Deno.test("scopeOf() knows private, shared, unique local, link-local and loopback addresses", () => {
  const expected = {
    global: ["8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2001:db8::1", "::", "fec0::1"],
    private: [
      "10.0.0.1",
      "172.16.0.1",
      "172.31.255.255",
      "192.168.1.10",
      "100.64.0.1",
      "100.127.0.1",
      "fc00::1",
      "fd12::1",
    ],
    link: ["169.254.1.1", "fe80::1", "febf::1"],
    loopback: ["127.0.0.1", "127.9.9.9", "::1"],
  } as const;
  for (const [scope, addresses] of Object.entries(expected)) {
    for (const address of addresses) assert.equal(scopeOf(address), scope, address);
  }
  assert.throws(() => scopeOf("example.org"), /not an IP address/);
});

Deno.test("a mask and a prefix are each other's", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 32 }), (prefix) => assert.equal(prefixOf(maskOf(prefix)), prefix)));
  assert.deepEqual([maskOf(24), maskOf(20), maskOf(0)], ["255.255.255.0", "255.255.240.0", "0.0.0.0"]);
  for (const mask of ["255.0.255.0", "255.255.255", "::", ""]) assert.equal(prefixOf(mask), undefined, mask);
});

Deno.test("an address is in a network by its first bits, within one family", () => {
  const lan = { address: "192.168.1.10", prefix: 24 };
  assert.deepEqual(["192.168.1.1", "192.168.2.1", "::1", "x"].map((each) => isInNetwork(each, lan)), [
    true,
    false,
    false,
    false,
  ]);
  assert.equal(isInNetwork("10.0.31.1", { address: "10.0.16.9", prefix: 20 }), true);
  assert.equal(isInNetwork("10.0.32.1", { address: "10.0.16.9", prefix: 20 }), false);
});

Deno.test("a zone is put on where an address is link-local, and taken off", () => {
  assert.deepEqual([withZone("fe80::1", "eth0"), withZone("2001:db8::1", "eth0"), withZone("169.254.1.1", "eth0")], [
    "fe80::1%eth0",
    "2001:db8::1",
    "169.254.1.1",
  ]);
  assert.deepEqual([canonicalAddress(" FE80::0:1%en0 "), canonicalAddress("1.2.3"), canonicalAddress("")], [
    "fe80::1",
    undefined,
    undefined,
  ]);
});

Deno.test("a MAC is six bytes that are not all zero", () => {
  assert.equal(macText([2, 0x42, 0xac, 0x11, 0, 2]), "02:42:ac:11:00:02");
  assert.deepEqual([macText([0, 0, 0, 0, 0, 0]), macText([]), macText([1, 2, 3, 4, 5, 6, 7, 8])], [null, null, null]);
});
