import assert from "node:assert/strict";
import { canonicalCaller, sharesOf, specialKind } from "../../src/checker/caller_address.ts";

Deno.test("an IPv4 address that an IPv6 socket shows is an IPv4 address", () => {
  assert.equal(canonicalCaller("::ffff:203.0.113.9"), "203.0.113.9");
  assert.equal(canonicalCaller("::ffff:c0a8:0101"), "192.168.1.1");
  assert.equal(canonicalCaller("2001:0DB8:0::1"), "2001:db8::1");
  assert.equal(canonicalCaller("fe80::1%eth0"), "fe80::1");
});

Deno.test("addresses that are not those of the internet are known, in every form", () => {
  const special = [
    ["0.0.0.0", "an unspecified"],
    ["127.9.9.9", "a loopback"],
    ["10.0.0.1", "a private"],
    ["172.31.255.255", "a private"],
    ["192.168.0.1", "a private"],
    ["100.64.0.1", "a carrier's private"],
    ["169.254.1.1", "a link-local"],
    ["224.0.0.1", "a multicast"],
    ["255.255.255.255", "a reserved"],
    ["::", "an unspecified"],
    ["::1", "a loopback"],
    ["fc00::1", "a private"],
    ["fd12:3456::1", "a private"],
    ["fe80::1", "a link-local"],
    ["ff02::1", "a multicast"],
    ["64:ff9b::7f00:1", "a translated"],
    ["::ffff:127.0.0.1", "a translated"],
    ["localhost", "an unreadable"],
  ];
  for (const [address, kind] of special) assert.equal(specialKind(address!), kind, address);
  for (const address of ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1", "2400:db80:77::11", "11.22.33.1"]) {
    assert.equal(specialKind(address), undefined, address);
  }
});

Deno.test("a caller by IPv6 shares its limits with its /64 and its /48", () => {
  assert.deepEqual(sharesOf("203.0.113.9"), [{ network: "203.0.113.9", size: 1 }]);
  assert.deepEqual(sharesOf("2400:db80:77:5:1:2:3:4"), [
    { network: "2400:db80:77:5::/64", size: 1 },
    { network: "2400:db80:77::/48", size: 4 },
  ]);
});
