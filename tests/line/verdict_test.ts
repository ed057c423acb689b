import assert from "node:assert/strict";
import fc from "fast-check";
import { type Line, LINE_VERDICTS } from "../../src/line/line.ts";
import { kindOfAddress } from "../../src/line/address_kind.ts";
import { DIVISIONS, portsOf } from "../../src/line/port_sets.ts";
import { judgeLine, type LineEvidence } from "../../src/line/verdict.ts";
import { anyPort, keepPort, lookOf, portOf, randomInt, SEEN } from "../support/line.ts";

const OTHER = "198.51.100.8";
const AT = "2026-11-28T10:00:00.000Z";
const HOME = { localAddress: "192.168.1.10", ipv6Addresses: ["fe80::1", "2400:4050:1234:ff00::10"], tunnel: null };
const ROUNDS = 200;

function judge(evidence: Partial<LineEvidence>): Line {
  return judgeLine({ look: null, routerAddress: undefined, ...HOME, ...evidence });
}

for (const division of DIVISIONS) {
  Deno.test(`MAP-E with ${division.offset} bits of offset is found with its ports, whatever the PSID`, () => {
    for (let i = 0; i < ROUNDS; i++) {
      const set = { ...division, psid: randomInt(0, 2 ** division.length - 1) };
      for (const routerAddress of [SEEN, null, undefined, "192.0.0.2"]) {
        const line = judge({ look: lookOf(portOf(set)), routerAddress });
        assert.deepEqual([line.verdict, line.portSet, line.usable], ["map-e", set, portsOf(set)]);
        assert.equal(line.externalAddress, SEEN);
      }
    }
  });
}

Deno.test("MAP-E is sure where an IPv6 address has the PSID, and only likely otherwise", () => {
  const set = { offset: 4, length: 8, psid: 0x3d } as const;
  const samples = lookOf(portOf(set));
  const confirmed = judge({ look: samples, ipv6Addresses: ["2400:4050:1234:3d00::10"] });
  assert.deepEqual([confirmed.certainty, confirmed.doubts], ["sure", []]);
  for (const address of ["2400:4050:1234:3e00::10", "fd00:4050:1234:3d00::10", "fe80:0:0:3d00::10"]) {
    const line = judge({ look: samples, ipv6Addresses: [address] });
    assert.deepEqual([line.verdict, line.certainty, line.doubts.length], ["map-e", "likely", 1], address);
  }
  const sixSix = { offset: 6, length: 6, psid: 37 } as const;
  const line = judge({ look: lookOf(portOf(sixSix)), ipv6Addresses: ["2400:4050:1234:e500::10"] });
  assert.deepEqual([line.certainty, line.portSet], ["sure", sixSix]);
});

Deno.test("a carrier that steps by 1,024 or 4,096 is not called MAP-E without a doubt", () => {
  for (const step of [1024, 4096]) {
    for (let i = 0; i < ROUNDS; i++) {
      const start = randomInt(4096, 65535 - 12 * 4096);
      const line = judge({ look: lookOf((_, j) => start + j * step), routerAddress: undefined });
      assert.equal(line.certainty, "likely");
      assert.ok(line.verdict !== "map-e" || line.doubts.some((doubt) => doubt.includes(`rise by ${step}`)));
    }
  }
});

Deno.test("a router behind the one with MAP-E is said, and the ports are those of the line", () => {
  const set = { offset: 4, length: 8, psid: 17 } as const;
  const line = judge({ look: lookOf(portOf(set)), routerAddress: "192.168.100.2" });
  assert.equal(line.verdict, "map-e");
  assert.match(line.reason, /another router stands before it/);
});

Deno.test("MAP-E behind a router that has another public address is doubtful", () => {
  const line = judge({
    look: lookOf(portOf({ offset: 4, length: 8, psid: 0x3d })),
    routerAddress: OTHER,
    ipv6Addresses: ["2400:4050:1234:3d00::10"],
  });
  assert.deepEqual([line.verdict, line.certainty], ["map-e", "likely"]);
  assert.match(line.doubts.join(), /another public address, 198\.51\.100\.8/);
});

Deno.test("kept ports are an unrestricted line: surely where the router has the address that the internet sees", () => {
  for (let i = 0; i < ROUNDS; i++) {
    const sure = judge({ look: lookOf(keepPort), routerAddress: SEEN });
    assert.deepEqual([sure.verdict, sure.certainty, sure.usable], ["unrestricted", "sure", null]);
    const likely = judge({ look: lookOf(keepPort) });
    assert.deepEqual([likely.verdict, likely.certainty], ["unrestricted", "likely"]);
  }
  const oneTaken = judge({ look: lookOf((port, i) => i === 3 ? 1234 : port), routerAddress: SEEN });
  assert.equal(oneTaken.verdict, "unrestricted");
  const direct = judge({ look: lookOf(keepPort), localAddress: SEEN });
  assert.deepEqual([direct.verdict, direct.certainty], ["unrestricted", "sure"]);
});

Deno.test("changed ports are an unrestricted line where the router has the public address, else unknown", () => {
  for (let i = 0; i < ROUNDS; i++) {
    const own = judge({ look: lookOf(anyPort), routerAddress: SEEN });
    assert.deepEqual([own.verdict, own.certainty, own.usable], ["unrestricted", "sure", null]);
    assert.match(own.reason, /changes the ports of outgoing connections/);
    const unknown = judge({ look: lookOf(anyPort) });
    assert.deepEqual([unknown.verdict, unknown.usable], ["unknown", null]);
  }
  const narrow = judge({ look: lookOf((_, i) => 20000 + 2 * i), routerAddress: SEEN });
  assert.deepEqual([narrow.verdict, narrow.certainty], ["unrestricted", "likely"]);
});

Deno.test("a port set of another division is not called an unrestricted line", () => {
  const line = judge({
    look: lookOf(() => (randomInt(1, 31) << 11) | (9 << 5) | randomInt(0, 31)),
    routerAddress: SEEN,
  });
  assert.equal(line.verdict, "unknown");
});

Deno.test("a longer PSID than the divisions have is a doubt: the set has fewer ports than is said", () => {
  const line = judge({
    look: lookOf(() => (randomInt(1, 63) << 10) | (147 << 2) | randomInt(0, 3)),
    routerAddress: SEEN,
  });
  assert.deepEqual([line.verdict, line.portSet?.psid, line.certainty], ["map-e", 147 >> 2, "likely"]);
  assert.match(line.doubts.join(), /may have fewer ports/);
});

Deno.test("a private outer address of the router is a double NAT, with STUN or without", () => {
  for (const samples of [lookOf(keepPort), lookOf(anyPort), null]) {
    const line = judge({ look: samples, routerAddress: "192.168.100.2" });
    assert.deepEqual([line.verdict, line.certainty, line.usable], ["double-nat", "sure", null]);
  }
  const other = judge({ look: lookOf(keepPort), routerAddress: OTHER });
  assert.deepEqual([other.verdict, other.certainty], ["double-nat", "likely"]);
});

Deno.test("an address of a carrier's NAT or of DS-Lite shares the line, with STUN or without", () => {
  for (const samples of [lookOf(keepPort), lookOf((_, i) => 20000 + 2 * i), lookOf(anyPort), null]) {
    for (const routerAddress of ["100.64.0.2", "100.127.255.254", "192.0.0.2"]) {
      const line = judge({ look: samples, routerAddress });
      assert.deepEqual([line.verdict, line.certainty, line.usable], ["shared", "sure", []]);
    }
    const direct = judge({ look: samples, localAddress: "192.0.0.2" });
    assert.deepEqual([direct.verdict, direct.usable], ["shared", []]);
  }
});

Deno.test("a router without an IPv4 address is DS-Lite once STUN sees another one; before it may be offline", () => {
  const seen = judge({ look: lookOf(anyPort), routerAddress: null });
  assert.deepEqual([seen.verdict, seen.usable], ["shared", []]);
  const kept = judge({ look: lookOf(keepPort), routerAddress: null });
  assert.deepEqual([kept.verdict, kept.certainty, kept.usable], ["double-nat", "likely", null]);
  const unasked = judge({ routerAddress: null });
  assert.deepEqual([unasked.verdict, unasked.certainty, unasked.usable], ["shared", "likely", null]);
});

Deno.test("0.0.0.0 as the router's outer address is none", () => {
  for (const routerAddress of ["0.0.0.0", "169.254.7.7"]) {
    const line = judge({ routerAddress });
    assert.deepEqual(line, judge({ routerAddress: null }));
    assert.equal(judge({ look: lookOf(anyPort), routerAddress }).verdict, "shared");
  }
});

Deno.test("several addresses at one time are a carrier's NAT", () => {
  const mixed = {
    ...lookOf(anyPort),
    samples: lookOf(anyPort).samples.map((s, i) => i % 2 ? { ...s, address: OTHER } : s),
  };
  const line = judge({ look: mixed });
  assert.deepEqual([line.verdict, line.certainty, line.usable], ["shared", "likely", []]);
});

Deno.test("without STUN a public address of the router is no proof of all its ports", () => {
  const line = judge({ routerAddress: SEEN });
  assert.deepEqual([line.verdict, line.externalAddress, line.usable], ["unknown", SEEN, null]);
  assert.match(line.doubts.join(), /portd line --stun/);
  assert.equal(judge({}).verdict, "unknown");
});

Deno.test("a server behind the same NAT, or one that says a private address, tells nothing", () => {
  const same = judge({ look: lookOf(keepPort, HOME.localAddress), routerAddress: SEEN });
  assert.equal(same.verdict, "unknown");
  assert.match(same.doubts.join(), /own address 192\.168\.1\.10: it is behind the same NAT/);
  const lying = judge({ look: lookOf(keepPort, "10.1.2.3"), routerAddress: SEEN });
  assert.match(lying.doubts.join(), /no public address/);
  for (const line of [same, lying]) assert.deepEqual([line.certainty, line.externalAddress], ["likely", null]);
});

Deno.test("two servers that disagree leave a doubt, and no verdict where nothing else backs the first", () => {
  const second = { localPort: 40000, address: OTHER, port: 40000 };
  const backed = judge({ look: { ...lookOf(keepPort), second }, routerAddress: SEEN });
  assert.deepEqual([backed.verdict, backed.certainty], ["unrestricted", "likely"]);
  assert.match(backed.doubts.join(), /different addresses/);
  const alone = judge({ look: { ...lookOf(keepPort), second } });
  assert.equal(alone.verdict, "unknown");
  const fromRouter = judge({ look: { ...lookOf(keepPort), second }, routerAddress: OTHER });
  assert.equal(fromRouter.verdict, "unknown");
  const set = { offset: 4, length: 8, psid: 17 } as const;
  const outside = { localPort: 40000, address: SEEN, port: 40000 };
  assert.equal(judge({ look: { ...lookOf(portOf(set)), second: outside } }).verdict, "unknown");
});

Deno.test("a tunnel on the way to the internet is a doubt of every verdict", () => {
  const line = judge({ look: lookOf(keepPort), routerAddress: SEEN, tunnel: "wg0" });
  assert.deepEqual([line.verdict, line.certainty], ["unrestricted", "likely"]);
  assert.match(line.doubts.join(), /the tunnel wg0/);
});

Deno.test("fewer than eight answers are no verdict", () => {
  const few = lookOf(portOf({ offset: 4, length: 8, psid: 17 }));
  const line = judge({ look: { ...few, samples: few.samples.slice(0, 7) }, routerAddress: SEEN });
  assert.equal(line.verdict, "unknown");
  assert.match(line.reason, /^7 of 12 local ports were answered/);
});

Deno.test("every evidence has a verdict whose members fit together", () => {
  const address = fc.constantFrom(
    SEEN,
    OTHER,
    "10.0.0.1",
    "100.64.0.1",
    "192.0.0.2",
    "127.0.0.1",
    "",
    "nonsense",
    "::1",
  );
  const port = fc.integer({ min: 0, max: 65535 });
  const sample = fc.record({ localPort: port, address, port });
  const evidence = fc.record({
    look: fc.option(fc.record({
      samples: fc.array(sample, { maxLength: 14 }),
      asked: fc.constant(12),
      second: fc.option(sample),
      at: fc.constant(AT),
    })),
    routerAddress: fc.option(fc.option(address), { nil: undefined }),
    localAddress: fc.option(address),
    ipv6Addresses: fc.array(address),
    tunnel: fc.option(fc.constant("wg0")),
  });
  fc.assert(
    fc.property(evidence, (each) => {
      const line = judgeLine(each);
      assert.ok(LINE_VERDICTS.includes(line.verdict));
      assert.equal(line.certainty === "sure", line.doubts.length === 0);
      assert.equal(line.verdict === "map-e", line.portSet !== null);
      assert.ok(line.verdict !== "unknown" || line.usable === null);
      assert.ok(line.externalAddress === null || kindOfAddress(line.externalAddress) === "public");
      assert.ok(line.reason.length > 10 && !line.reason.includes("undefined") && !line.reason.includes("null"));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("kindOfAddress() knows the networks at their edges", () => {
  const kinds: Readonly<Record<string, string | undefined>> = {
    "9.255.255.255": "public",
    "10.0.0.0": "private",
    "10.255.255.255": "private",
    "11.0.0.0": "public",
    "172.15.255.255": "public",
    "172.16.0.0": "private",
    "172.32.0.0": "public",
    "192.168.0.1": "private",
    "192.169.0.1": "public",
    "100.63.255.255": "public",
    "100.64.0.0": "carrier",
    "100.127.255.255": "carrier",
    "100.128.0.0": "public",
    "192.0.0.7": "ds-lite",
    "192.0.0.8": "public",
    "0.0.0.0": "special",
    "127.0.0.1": "special",
    "169.254.1.1": "special",
    "224.0.0.1": "special",
    "255.255.255.255": "special",
    "223.255.255.255": "public",
    "::1": undefined,
    "1.2.3": undefined,
  };
  assert.deepEqual(Object.fromEntries(Object.keys(kinds).map((each) => [each, kindOfAddress(each)])), kinds);
});
