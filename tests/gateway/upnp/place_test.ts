import assert from "node:assert/strict";
import { type Home, isGateway, readLocation, resolveOnRouter } from "../../../src/gateway/upnp/place.ts";

const V4: Home = { family: "ipv4", gateway: "192.168.1.1", localAddress: "192.168.1.10" };
const V6: Home = { family: "ipv6", gateway: "fe80::1%eth0", localAddress: "2400:db80:77::11" };

Deno.test("a description is accepted on the gateway's address alone", () => {
  const path = "/a%20b.xml?c=d", port = 5000;
  assert.deepEqual(readLocation(`http://192.168.1.1:5000${path}`, V4), { address: "192.168.1.1", port, path });
  assert.deepEqual(readLocation("http://192.168.1.1", V4), { address: "192.168.1.1", port: 80, path: "/" });
  for (
    const text of [
      "http://192.168.1.2:5000/x",
      "http://192.168.1.1.evil.example/x",
      "http://192.168.1.1@10.0.0.1/x",
      "http://user@192.168.1.1/x",
      "http://router.local/x",
      "http://[::ffff:192.168.1.1]/x",
      "http://[2400:db80:77::1]/x",
      "https://192.168.1.1/x",
      "ftp://192.168.1.1/x",
      "file:///etc/passwd",
      "//192.168.1.1/x",
      "/x",
      "",
      `http://192.168.1.1/${"x".repeat(2000)}`,
    ]
  ) assert.equal(readLocation(text, V4), undefined, text);
});

Deno.test("over IPv6 a description is accepted on the gateway's address, or on a global one of our own network", () => {
  const read = (host: string) => readLocation(`http://[${host}]:5000/x`, V6)?.address;
  assert.equal(read("fe80::1"), "fe80::1%eth0");
  assert.equal(read("fe80::1%25eth0"), "fe80::1%eth0");
  assert.equal(read("FE80:0::1%eth0"), "fe80::1%eth0");
  assert.equal(read("2400:db80:77:0:0:0:0:1"), "2400:db80:77::1");
  for (const host of ["fe80::2", "2400:db80:78::1", "2400:db80:77::11", "::1", "fe80::1:1"]) {
    assert.equal(read(host), undefined, host);
  }
  assert.equal(readLocation("http://192.168.1.1:5000/x", V6), undefined);
});

Deno.test("what a description names is on the router, wherever it says that it is", () => {
  const base = { address: "192.168.1.1", port: 5000, path: "/desc/root.xml" };
  const path = (text: string) => {
    const target = resolveOnRouter(text, base, V4);
    return target && `${target.address} ${target.port} ${target.path}`;
  };
  assert.equal(path("/ctl?a=b"), "192.168.1.1 5000 /ctl?a=b");
  assert.equal(path("ctl"), "192.168.1.1 5000 /desc/ctl");
  assert.equal(path("../../ctl"), "192.168.1.1 5000 /ctl");
  assert.equal(path("http://192.168.1.1:49152/ctl"), "192.168.1.1 49152 /ctl");
  assert.equal(path("//192.168.1.1/ctl"), "192.168.1.1 80 /ctl");
  assert.equal(path("/a b\r\nX: y"), "192.168.1.1 5000 /a%20bX:%20y");
  for (const text of ["http://192.168.1.2/ctl", "//evil.example/ctl", "http://[::1]/", "javascript:1", "http://"]) {
    assert.equal(path(text), undefined, text);
  }
});

Deno.test("over IPv6 the router's IPv4 address in a description stands for where that was fetched", () => {
  const base = { address: "2400:db80:77::1", port: 5000, path: "/root.xml" };
  const address = (text: string) => resolveOnRouter(text, base, V6)?.address;
  for (
    const text of ["http://192.168.1.1:5000/c", "http://[fe80::1]:5000/c", "http://[2400:db80:77::1]:5000/c", "/c"]
  ) {
    assert.equal(address(text), "2400:db80:77::1", text);
  }
  assert.equal(address("http://[2400:db80:99::1]:5000/c"), undefined);
});

Deno.test("the gateway is known by its address, however that is written", () => {
  assert.equal(isGateway("fe80:0:0::1", V6), true);
  assert.equal(isGateway("fe80::2", V6), false);
  assert.equal(isGateway("192.168.1.1", V4), true);
  assert.equal(isGateway("192.168.1.11", V4), false);
  assert.equal(isGateway("not an address", V4), false);
});
