import assert from "node:assert/strict";
import fc from "fast-check";
import type { CheckAnswer } from "../../src/checker/checker.ts";
import type { ReachFacts } from "../../src/reach/facts.ts";
import { judge, withOutside } from "../../src/reach/judge.ts";
import { type Layer, LAYERS, type ReachReport } from "../../src/reach/reach.ts";
import { factsWith, GAME_PORT, lineWith, mappingWith, networkWith, OUTER, OWN } from "../support/reach_facts.ts";

const URL = "http://check.example.org:7679";
const silent = { outcome: "silent", answered: false, elapsedMs: 5000 } as const;
const refused = { outcome: "refused", answered: false, elapsedMs: 1 } as const;

function failing({ layers }: ReachReport): readonly Layer[] {
  return layers.filter(({ result }) => result === "fail").map(({ layer }) => layer);
}

function answer(part: Partial<CheckAnswer> = {}): CheckAnswer {
  const open = { open: true, answered: false, outcome: "open", address: OUTER } as const;
  return { ...open, port: GAME_PORT, protocol: "tcp", elapsedMs: 20, ...part };
}

function seen(report: ReachReport, part: Partial<CheckAnswer>, isOurs = false): ReachReport {
  return withOutside(report, { url: URL, answer: answer(part), failure: null, isOurs });
}

Deno.test("where everything is in order a port is not proven open before somebody outside has tried", () => {
  const report = judge(factsWith());
  assert.deepEqual(report.layers.map(({ layer }) => layer), LAYERS.filter((layer) => layer !== "outside"));
  assert.deepEqual(new Set(report.layers.map(({ result }) => result)), new Set(["ok"]));
  assert.deepEqual([report.verdict, report.broken], ["unproven", null]);
  assert.deepEqual(report.external, { address: OUTER, port: GAME_PORT });
  assert.deepEqual([seen(report, {}).verdict, seen(report, {}).broken], ["open", null]);
});

/** One thing that is broken, and the layer that must be named. */
const BROKEN: readonly (readonly [string, Layer, Partial<ReachFacts>])[] = [
  ["nobody listens", "listener", { listeners: [], lan: refused, hairpin: null }],
  ["the server listens on loopback", "bind", {
    listeners: [{ address: "127.0.0.1", who: "pid 1 (a)" }],
    lan: refused,
    hairpin: null,
  }],
  ["the server listens on another network", "bind", {
    listeners: [{ address: "172.17.0.1", who: "pid 1 (a)" }],
    lan: refused,
  }],
  ["the mapping leads to an address that this machine no longer has", "lan", {
    network: networkWith("192.168.1.22"),
    lan: null,
    hairpin: null,
  }],
  ["this machine has no address", "lan", {
    network: {
      ...networkWith(OWN),
      adapters: [],
      internet: { ipv4: { adapter: "x", address: OWN, gateway: null }, ipv6: null },
    },
    lan: null,
  }],
  ["this machine's own address does not answer", "lan", { lan: refused, hairpin: null }],
  ["the rule is not there", "rule", { rule: { state: "missing", remote: ["any"], reason: null } }],
  ["the rule cannot be set", "rule", { rule: { state: "failed", remote: ["any"], reason: "no rights" } }],
  ["the rule is for the own network only", "rule", {
    rule: { state: "set", remote: ["LocalSubnet"], reason: null },
    needsRule: true,
  }],
  ["there is no rule, and the firewall drops", "rule", { rule: null, needsRule: true }],
  ["the router has forgotten the mapping", "mapping", { look: "gone", hairpin: silent }],
  ["the router leads the port elsewhere", "mapping", { look: "foreign", hairpin: silent }],
  ["the router refuses the mapping", "mapping", {
    mapping: mappingWith({ state: "failed", external: null, reason: "the router's table is full", via: null }),
    look: null,
    hairpin: null,
  }],
  ["the router is silent", "gateway", {
    gateway: {
      name: null,
      externalAddress: undefined,
      fault: { kind: "silent", reason: "the router does not answer" },
    },
    look: null,
    hairpin: null,
  }],
  ["the router is silent, and the mapping failed for that", "gateway", {
    gateway: { name: null, externalAddress: undefined, fault: null },
    mapping: mappingWith({ state: "failed", external: null, reason: "the router is silent", via: null }),
    look: null,
    hairpin: null,
  }],
  ["the router has no address outside", "gateway", {
    gateway: { name: "the router", externalAddress: null, fault: null },
    hairpin: null,
  }],
  ["the line does not have the port", "line", {
    line: lineWith({
      verdict: "map-e",
      usable: [{ first: 4368, last: 4383 }],
      portSet: { offset: 4, length: 8, psid: 17 },
    }),
    mapping: mappingWith({ state: "unusable", reason: "the line does not have port 25565" }),
    hairpin: silent,
  }],
  ["the line does not have the port, so the router was not asked for it", "line", {
    line: lineWith({
      verdict: "map-e",
      usable: [{ first: 4368, last: 4383 }],
      portSet: { offset: 4, length: 8, psid: 17 },
    }),
    mapping: mappingWith({
      state: "failed",
      external: null,
      wantedPort: 25565,
      reason: "25565 exists only for PSID 61",
      via: null,
    }),
    look: null,
    hairpin: null,
  }],
  ["a carrier shares the address", "line", { line: lineWith({ verdict: "shared", usable: [] }), hairpin: silent }],
  ["another router is in front", "line", { line: lineWith({ verdict: "double-nat", reason: "two routers" }) }],
];

for (const [what, layer, part] of BROKEN) {
  Deno.test(`one layer is named, with what to do: ${what}`, () => {
    const report = judge(factsWith(part));
    assert.deepEqual([failing(report), report.broken, report.verdict], [[layer], layer, "closed"]);
    assert.ok(report.layers.find((each) => each.layer === layer)!.next);
    const closed = seen(report, { open: false, outcome: "silent" });
    assert.deepEqual([closed.verdict, closed.broken], ["closed", layer]);
  });
}

Deno.test("what is not known is no fault", () => {
  const cases: readonly Partial<ReachFacts>[] = [
    { rule: null, needsRule: null },
    { rule: { state: "unknown", remote: ["any"], reason: "no rights to read it" } },
    { gateway: null, look: null, hairpin: null },
    { mapping: null, look: null, gateway: { name: null, externalAddress: undefined, fault: null } },
    { look: "unknown" },
    { line: lineWith({ verdict: "unknown" }) },
    { hairpin: silent },
    { mapping: mappingWith({ state: "making", external: null }), look: null },
  ];
  for (const part of cases) assert.deepEqual(judge(factsWith(part)).verdict, "unproven", JSON.stringify(part));
});

Deno.test("for the networks of this machine the router does not matter", () => {
  const report = judge(factsWith({ from: "lan", mapping: null, gateway: null, line: null, hairpin: null }));
  assert.deepEqual(report.layers.map(({ layer }) => layer), ["listener", "bind", "lan", "rule"]);
  const local = { state: "set", remote: ["LocalSubnet"], reason: null } as const;
  assert.deepEqual(failing(judge(factsWith({ from: "lan", rule: local }))), []);
});

Deno.test("a machine with a public address needs no router", () => {
  const network = {
    ...networkWith(OUTER),
    internet: { ipv4: { adapter: "eth0", address: OUTER, gateway: null }, ipv6: null },
  };
  const report = judge(factsWith({ network, mapping: null, gateway: null, line: null, look: null, hairpin: null }));
  assert.deepEqual([failing(report), report.external.address], [[], OUTER]);
  assert.equal(report.layers.some(({ layer }) => layer === "hairpin"), false);
});

Deno.test("by IPv6 the machine's own address is what is reached, and the line has every port", () => {
  const ipv6 = "2400:db80:77::11";
  const facts: Partial<ReachFacts> = {
    family: "ipv6",
    network: networkWith(OWN, ipv6),
    listeners: [{ address: "::", who: "pid 1 (a)" }],
    mapping: mappingWith({
      family: "ipv6",
      internal: { address: ipv6, port: GAME_PORT },
      external: { address: ipv6, port: GAME_PORT },
    }),
    line: null,
    hairpin: null,
  };
  const report = judge(factsWith(facts));
  assert.deepEqual([failing(report), report.external], [[], { address: ipv6, port: GAME_PORT }]);
  const only4 = judge(factsWith({ ...facts, listeners: [{ address: "0.0.0.0", who: "pid 1 (a)" }] }));
  assert.equal(only4.broken, "bind");
  const other = seen(report, { open: false, outcome: "silent", address: "2400:db80:77::99" });
  assert.deepEqual([other.verdict, other.layers.at(-1)!.result], ["unproven", "unknown"]);
});

Deno.test("a UDP service is not judged by its silence, and portd's own listener is", () => {
  const udp = { protocol: "udp", lan: silent, hairpin: silent, mapping: mappingWith({ protocol: "udp" }) } as const;
  const quiet = judge(factsWith(udp));
  assert.deepEqual([quiet.verdict, quiet.layers.find(({ layer }) => layer === "lan")!.result], ["unproven", "unknown"]);
  assert.equal(judge(factsWith({ ...udp, isOurs: true })).broken, "lan");
});

Deno.test("where portd's listener is there, another answer than its own proves nothing good", () => {
  const report = judge(factsWith({ isOurs: true, lan: { outcome: "open", answered: true, elapsedMs: 1 } }));
  const stranger = seen(report, { open: true, answered: false }, true);
  assert.deepEqual([stranger.verdict, stranger.broken], ["closed", "outside"]);
  assert.equal(seen(report, { open: true, answered: true }, true).verdict, "open");
});

Deno.test("a port that is reached is open, whatever else seems to be broken", () => {
  const report = judge(factsWith({ rule: { state: "missing", remote: ["any"], reason: null } }));
  assert.deepEqual([seen(report, {}).verdict, seen(report, {}).broken], ["open", null]);
});

Deno.test("a checker that cannot be asked proves nothing, and one that saw another address says so", () => {
  const report = judge(factsWith());
  const failed = withOutside(report, { url: URL, answer: null, failure: "nobody listens there", isOurs: false });
  assert.deepEqual([failed.verdict, failed.layers.at(-1)!.reason], ["unproven", "nobody listens there"]);
  const elsewhere = seen(report, { open: false, outcome: "silent", address: "198.51.100.7" });
  assert.equal(elsewhere.broken, "outside");
  assert.match(elsewhere.layers.at(-1)!.reason, /198\.51\.100\.7.*203\.0\.113\.9/);
});

Deno.test("when only the outside fails, the layers of which nothing is known are named", () => {
  const report = judge(factsWith({ line: lineWith({ verdict: "unknown" }) }));
  const closed = seen(report, { open: false, outcome: "silent" });
  assert.equal(closed.broken, "outside");
  assert.match(closed.layers.at(-1)!.reason, /not known is: line$/);
});

Deno.test("a mapping that cannot be read back is granted, and where only the outside fails it is asked for again", () => {
  const report = judge(factsWith({ look: "unknown" }));
  assert.match(report.layers.find(({ layer }) => layer === "mapping")!.reason, /cannot be read back$/);
  const closed = seen(report, { open: false, outcome: "silent" });
  assert.equal(closed.broken, "outside");
  assert.match(closed.layers.at(-1)!.next!, /portd gateway sync/);
});

Deno.test("whatever was found, every layer is there once and in order, and a broken one is one that fails", () => {
  const dialled = fc.record({
    outcome: fc.constantFrom("open", "refused", "silent", "unreachable"),
    answered: fc.boolean(),
    elapsedMs: fc.nat(9000),
  });
  const facts = fc.record({
    protocol: fc.constantFrom("tcp", "udp"),
    family: fc.constantFrom("ipv4", "ipv6"),
    from: fc.constantFrom("lan", "internet"),
    listeners: fc.array(fc.record({ address: fc.constantFrom("0.0.0.0", "::", "127.0.0.1", OWN), who: fc.string() }), {
      maxLength: 3,
    }),
    isOurs: fc.boolean(),
    lan: fc.option(dialled),
    rule: fc.option(fc.record({
      state: fc.constantFrom("set", "not_needed", "missing", "failed", "unknown"),
      remote: fc.constantFrom(["any"], ["LocalSubnet"]),
      reason: fc.option(fc.string()),
    })),
    needsRule: fc.option(fc.boolean()),
    mapping: fc.option(
      fc.record({ state: fc.constantFrom("making", "set", "failed", "unusable", "leaving") }).map(mappingWith),
    ),
    look: fc.option(fc.constantFrom("set", "gone", "foreign", "unknown")),
    gateway: fc.option(fc.record({
      name: fc.option(fc.constant("the router")),
      externalAddress: fc.constantFrom(OUTER, null, undefined),
      fault: fc.constant(null),
    })),
    line: fc.option(
      fc.record({ verdict: fc.constantFrom("unrestricted", "map-e", "double-nat", "shared", "unknown") }).map(lineWith),
    ),
    hairpin: fc.option(dialled),
  });
  fc.assert(fc.property(facts, (part) => {
    const { layers, broken, verdict } = judge(factsWith(part as Partial<ReachFacts>));
    const names = layers.map(({ layer }) => layer);
    assert.deepEqual(names, LAYERS.filter((layer) => names.includes(layer)));
    assert.equal(broken, layers.find(({ result }) => result === "fail")?.layer ?? null);
    assert.equal(verdict, broken === null ? "unproven" : "closed");
    for (const { reason } of layers) assert.ok(reason.length > 0 && !reason.endsWith("."));
  }));
});
