/** What the kernel's messages say, on messages as a kernel has sent them in a network namespace. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeDump, encodeRouteTo, parseRouteReply } from "../../src/adapters/linux/rtnetlink.ts";
import { readHex } from "../support/hex.ts";

const read = async (name: string) => await readHex(`linux/rtnetlink_${name}.hex`);
/** Of the recorded requests. */
const LIST = 7, WAY = 8;

Deno.test("a list of adapters has their names, numbers, MACs, kinds, and whether they are up", async () => {
  const { links, isDone, isTorn, error } = parseRouteReply(await read("links"), LIST);
  assert.deepEqual({ isDone, isTorn, error }, { isDone: true, isTorn: false, error: 0 });
  assert.deepEqual(
    links.map(({ index, name, hardware, isUp, kind }) => [index, name, hardware, isUp, kind]),
    [[1, "lo", 772, true, null], [2, "far", 1, true, "veth"], [3, "eth0", 1, true, "veth"], [
      4,
      "br0",
      1,
      true,
      "bridge",
    ]],
  );
  assert.deepEqual(links[2]!.mac, [0x02, 0x42, 0xac, 0x11, 0x00, 0x02]);
});

Deno.test("a list of addresses has their prefixes, and whether they have an end", async () => {
  const { addresses } = parseRouteReply(await read("addresses"), LIST);
  assert.deepEqual(
    addresses.filter(({ index }) => index === 3).map((each) => [each.address, each.prefix, each.isPermanent]),
    [
      ["192.168.1.10", 24, false],
      ["10.0.0.5", 32, true], // not 10.0.0.6, the other end
      ["fd12::5", 64, false],
      ["2001:db8::10", 64, true],
      ["fe80::42:acff:fe11:2", 64, true],
    ],
  );
  assert.ok(addresses.every(({ isTemporary }) => !isTemporary));
});

Deno.test("of a list of routes the default ones are known as such, and routes to networks are left out", async () => {
  const { routes } = parseRouteReply(await read("routes"), LIST);
  const common = { index: 3, source: null, preference: 1 };
  assert.deepEqual(routes.filter(({ isDefault }) => isDefault), [
    { ...common, family: "ipv4", isDefault: true, gateway: "192.168.1.1", metric: 100 },
    { ...common, family: "ipv6", isDefault: true, gateway: "fe80::1", metric: 1024 },
  ]);
  const single = routes.filter(({ isDefault }) => !isDefault).map(({ gateway }) => gateway);
  assert.deepEqual(single, [null, "192.168.1.3"]); // the other end of 10.0.0.5, and 192.0.2.77
});

Deno.test("the route to an address has the router and our address on that way", async () => {
  const { routes } = parseRouteReply(await read("way"), WAY);
  assert.deepEqual(routes.map(({ index, gateway, source }) => ({ index, gateway, source })), [
    { index: 3, gateway: "192.168.1.1", source: "192.168.1.10" },
  ]);
});

Deno.test("an answer to another request is passed over", async () => {
  const { links, isDone } = parseRouteReply(await read("links"), LIST + 1);
  assert.deepEqual([links, isDone], [[], false]);
});

/** An attribute: its length, type and bytes, filled up to four. */
function attribute(type: number, ...bytes: readonly number[]): number[] {
  const fill = new Array((4 - bytes.length % 4) % 4).fill(0);
  return [4 + bytes.length, 0, type, 0, ...bytes, ...fill];
}

/** A message of a list: `nlmsghdr`, then the body. */
function message(type: number, body: readonly number[], flags = 2): Uint8Array {
  return new Uint8Array([16 + body.length, 0, 0, 0, type, 0, flags, 0, LIST, 0, 0, 0, 0, 0, 0, 0, ...body]);
}

/** `rtmsg` of an IPv4 default route of the main table. */
const DEFAULT_ROUTE = [2, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];

Deno.test("a default route over two routers is two", () => {
  const hop = (index: number, flags: number, last: number) => {
    const gateway = attribute(5, 192, 168, 1, last);
    return [8 + gateway.length, 0, flags, 0, index, 0, 0, 0, ...gateway];
  };
  const hops = [...hop(3, 0, 1), ...hop(4, 0, 2), ...hop(5, 1, 3)]; // the third one is dead
  const { routes } = parseRouteReply(message(24, [...DEFAULT_ROUTE, ...attribute(9, ...hops)]), LIST);
  assert.deepEqual(routes.map(({ index, gateway }) => [index, gateway]), [[3, "192.168.1.1"], [4, "192.168.1.2"]]);
});

Deno.test("a default route of IPv4 may lead over a router with an IPv6 address", () => {
  const via = [10, 0, 0xfe, 0x80, ...new Array(13).fill(0), 1];
  const body = [...DEFAULT_ROUTE, ...attribute(4, 3, 0, 0, 0), ...attribute(18, ...via)];
  assert.deepEqual(parseRouteReply(message(24, body), LIST).routes.map(({ gateway }) => gateway), ["fe80::1"]);
});

Deno.test("routes that drop packets, lead nowhere or belong to another table are no way out", () => {
  const oif = attribute(4, 3, 0, 0, 0);
  const changed = (at: number, value: number) => DEFAULT_ROUTE.map((byte, i) => i === at ? value : byte);
  for (const body of [changed(7, 6), changed(7, 7), changed(8, 1), changed(4, 100), changed(0, 28)]) {
    assert.deepEqual(parseRouteReply(message(24, [...body, ...oif]), LIST).routes, [], `${body}`);
  }
  assert.equal(parseRouteReply(message(24, [...DEFAULT_ROUTE, ...oif]), LIST).routes.length, 1);
});

Deno.test("a refusal has the error number, and a torn list is known", () => {
  assert.equal(parseRouteReply(message(2, [0x9b, 0xff, 0xff, 0xff]), LIST).error, 101); // ENETUNREACH
  assert.equal(parseRouteReply(message(3, [0, 0, 0, 0], 0x12), LIST).isTorn, true);
});

Deno.test("reading is total on random bytes, and on changed messages", async () => {
  const recorded = await Promise.all(["links", "addresses", "routes", "way"].map(read));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void parseRouteReply(bytes, LIST)));
  const change = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(fc.constantFrom(...recorded), fc.array(change, { maxLength: 8 }), fc.nat(), (bytes, changes, end) => {
      const copy = bytes.slice(0, end % (bytes.length + 1));
      for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
      void parseRouteReply(copy, LIST);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("requests are what rtnetlink(7) describes", () => {
  assert.deepEqual([...encodeDump("links", 1)].slice(0, 12), [32, 0, 0, 0, 18, 0, 1, 3, 1, 0, 0, 0]);
  assert.equal(encodeDump("addresses", 1)[4], 22);
  const way = encodeRouteTo("198.41.0.4", 2);
  assert.deepEqual([...way.slice(16, 18)], [2, 32]);
  assert.deepEqual([...way.slice(-8)], [8, 0, 1, 0, 198, 41, 0, 4]);
  assert.throws(() => encodeRouteTo("example.org", 3), /not an IP address/);
});
