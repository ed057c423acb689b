import assert from "node:assert/strict";
import * as fc from "fast-check";
import { commandsFor, type Entries, neededRule, readRules } from "../../src/firewall/linux/entries.ts";
import { parseRuleset, type Ruleset } from "../../src/firewall/linux/nft_json.ts";
import { entriesIn, type NftCommand } from "../../src/firewall/linux/nft_rules.ts";
import type { Rule } from "../../src/firewall/rule.ts";
import { rule } from "./conformance.ts";

const MARK = "portd 1a2b3c4d portd-in-tcp-20417 domain,private";
const FOLDER = new URL("../testdata/linux/nft/", import.meta.url);

type Statement = Record<string, unknown>;

const ACCEPT: Statement = { accept: null }, DROP: Statement = { drop: null };

function match(left: unknown, right: unknown, op = "=="): Statement {
  return { match: { op, left, right } };
}

function meta(key: string, right?: unknown, op?: string): Statement {
  return match({ meta: { key } }, right, op);
}

function field(protocol: string, field: string, right: unknown, op?: string): Statement {
  return match({ payload: { protocol, field } }, right, op);
}

/** A condition on the state of the connection. */
function state(...states: readonly string[]): Statement {
  return match({ ct: { key: "state" } }, states, "in");
}

const PORT = field("tcp", "dport", 20417);

function saddr(addr: string, len?: number): Statement {
  const right = len === undefined ? addr : { prefix: { addr, len } };
  return field(addr.includes(":") ? "ip6" : "ip", "saddr", right);
}

type NftEntries = Entries<NftCommand>;

const OPTIONS = { owner: "1a2b3c4d", local: ["192.168.1.0/24", "fe80::/10"] };

/** A ruleset with one table with a base chain `input` that has these rules, and more chains by name. */
function rulesetOf(
  rules: readonly (readonly Statement[])[],
  { policy = "accept", family = "inet", hook = "input", chains = {} }: {
    policy?: string;
    family?: string;
    hook?: string;
    chains?: Record<string, readonly (readonly Statement[])[]>;
  } = {},
): Ruleset {
  const place = { family, table: "filter" };
  const all = { input: rules, ...chains };
  const nftables = Object.entries(all).flatMap(([chain, rules], i) => [
    { chain: { ...place, name: chain, ...(i === 0 ? { hook, policy, type: "filter", prio: 0 } : {}) } },
    ...rules.map((expr, j) => ({ rule: { ...place, chain, handle: 100 * i + j, expr } })),
  ]);
  return parseRuleset({ nftables })!;
}

function entriesOf(...ruleset: Parameters<typeof rulesetOf>): NftEntries {
  return entriesIn(rulesetOf(...ruleset), OPTIONS);
}

function isNeeded(entries: NftEntries, wanted: Rule = rule(20417, { remote: ["any"] })): boolean {
  return neededRule(entries, wanted) !== undefined;
}

async function captured(name: string): Promise<NftEntries> {
  const ruleset = parseRuleset(JSON.parse(await Deno.readTextFile(new URL(`${name}.json`, FOLDER))))!;
  return entriesIn(ruleset, OPTIONS);
}

/** Chain and remote of each entry that a rule would get. */
function insertions(entries: NftEntries, wanted: Rule): string[] {
  return commandsFor(entries, { add: [wanted], change: [], remove: [] }).map((command) => {
    const { family, table, chain, expr } = (command as { insert: { rule: Statement } }).insert.rule;
    const source = (expr as Statement[]).length === 2 ? "any" : "network";
    return `${family} ${table} ${chain} ${source}`;
  });
}

Deno.test("rules go into the chains that drop, as iptables, ufw, firewalld and nftables' own samples make them", async () => {
  const any = rule(20417, { remote: ["any"] });
  assert.deepEqual(insertions(await captured("workstation"), any), ["inet filter input any"]);
  assert.deepEqual(insertions(await captured("iptables"), any), ["ip filter INPUT any"]);
  assert.deepEqual(insertions(await captured("ufw"), any), ["ip filter INPUT any", "ip6 filter INPUT any"]);
  assert.deepEqual(insertions(await captured("firewalld"), any), ["inet firewalld filter_INPUT any"]);
});

Deno.test("Docker's chains drop what is passed on and nothing that comes in: nothing is added", async () => {
  const docker = await captured("docker");
  assert.deepEqual(insertions(docker, rule(20417, { remote: ["any"] })), []);
  assert.equal(isNeeded(docker), false);
});

Deno.test("a chain of one IP version gets the networks of that version alone, and only those are needed", async () => {
  const mixed = rule(20417, { remote: ["10.0.0.5/24", "2001:db8::/32", "LocalSubnet"] });
  const iptables = await captured("iptables");
  assert.deepEqual(insertions(iptables, mixed), ["ip filter INPUT network", "ip filter INPUT network"]);
  assert.deepEqual(neededRule(iptables, mixed)?.remote, ["10.0.0.0/24", "LocalSubnet"]);
  assert.equal(neededRule(iptables, rule(20417, { remote: ["2001:db8::/32"] })), undefined);
});

/** The rules of a chain, and how it differs from one that accepts what it does not drop. */
type Chain = Parameters<typeof rulesetOf>;

const TO_OTHER: Chain[1] = { chains: { other: [[DROP]] } };
const DROPPING: Readonly<Record<string, Chain>> = {
  "by policy": [[], { policy: "drop" }],
  "by its last rule": [[[DROP]]],
  "by a rule that also counts and logs": [[[{ counter: { packets: 1, bytes: 2 } }, { log: { prefix: "x" } }, DROP]]],
  "by reject": [[[{ reject: { type: "icmpx", expr: "port-unreachable" } }]]],
  "by iptables' REJECT": [[[{ xt: { type: "target", name: "REJECT" } }]]],
  "in a chain that it jumps to": [[[{ jump: { target: "other" } }]], TO_OTHER],
  "in a chain that it goes to": [[[{ goto: { target: "other" } }]], TO_OTHER],
  "by policy behind a chain that it goes to": [
    [[{ goto: { target: "other" } }], [ACCEPT]],
    { policy: "drop", chains: { other: [] } },
  ],
  "what comes over an interface": [[[meta("iifname", "eth0"), DROP]]],
  "what does not come from this machine itself": [[[meta("iifname", "lo", "!="), DROP]]],
  "the protocol": [[[meta("l4proto", { set: ["udp", "tcp"] }), DROP]]],
  "the protocol of IPv4": [[[field("ip", "protocol", "tcp"), DROP]]],
  "the port": [[[PORT, DROP]]],
  "a range with the port": [[[field("tcp", "dport", { range: [20000, 21000] }), DROP]]],
  "every port but others": [[[field("th", "dport", { set: [22, 80] }, "!="), DROP]]],
  "new connections": [[[state("new", "untracked"), DROP]]],
  "first packets": [[[
    match({ "&": [{ payload: { protocol: "tcp", field: "flags" } }, ["fin", "syn", "rst", "ack"]] }, "syn"),
    DROP,
  ]]],
  "by a verdict map": [[[{ vmap: { key: { meta: { key: "l4proto" } }, data: { set: [["tcp", DROP]] } } }]]],
  "behind an accept of some": [[[saddr("192.0.2.1"), ACCEPT], [DROP]]],
  "behind an accept of what is established": [[
    [{ vmap: { key: { ct: { key: "state" } }, data: { set: [["established", ACCEPT], ["invalid", DROP]] } } }],
    [DROP],
  ]],
};

for (const [what, dropping] of Object.entries(DROPPING)) {
  Deno.test(`a rule is needed where a chain drops ${what}`, () => {
    assert.equal(isNeeded(entriesOf(...dropping)), true);
  });
}

const PASSING: Readonly<Record<string, Chain>> = {
  "nothing": [[]],
  "a block list": [[[saddr("192.0.2.0", 24), DROP], [field("ip", "saddr", "@bad"), DROP]]],
  "what comes too often": [[[{ limit: { rate: 3, burst: 5, per: "second" } }, DROP]]],
  "what is invalid": [[[match({ ct: { key: "state" } }, "invalid", "in"), DROP]]],
  "another port": [[[field("tcp", "dport", { set: [22, { range: [1, 100] }] }), DROP]]],
  "the other protocol": [[[meta("l4proto", "udp"), DROP]]],
  "what an extension of iptables chooses": [[[{ xt: { type: "match", name: "recent" } }, DROP], [{ xt: null }, DROP]]],
  "what is behind an accept of all": [[[{ counter: null }, ACCEPT], [DROP]], { policy: "drop" }],
  "what it never comes to": [[[{ return: null }], [DROP]]],
  "in a chain that nothing jumps to": [[], TO_OTHER],
  "what is passed on": [[], { policy: "drop", hook: "forward" }],
  "frames of a bridge": [[], { policy: "drop", family: "bridge" }],
  "in a chain that jumps to itself": [[[{ jump: { target: "input" } }]]],
};

for (const [what, chain] of Object.entries(PASSING)) {
  Deno.test(`no rule is needed where a chain drops ${what}`, () => {
    const passing = entriesOf(...chain);
    assert.equal(isNeeded(passing), false);
    assert.deepEqual(commandsFor(passing, { add: [rule(20417)], change: [], remove: [] }), []);
  });
}

const WHOLE_NETWORK: Readonly<Record<string, Statement>> = {
  "that network": saddr("192.168.1.0", 24),
  "a larger network": saddr("192.168.0.0", 16),
  "a range of addresses with it": field("ip", "saddr", { range: ["192.168.0.0", "192.168.2.255"] }),
  "a set of networks with it": field("ip", "saddr", {
    set: ["10.0.0.1", { prefix: { addr: "192.168.0.0", len: 23 } }],
  }),
  "every network but another": field("ip", "saddr", { prefix: { addr: "10.0.0.0", len: 8 } }, "!="),
};

for (const [what, condition] of Object.entries(WHOLE_NETWORK)) {
  Deno.test(`a rule for a network is needed where a chain drops ${what}, and in the form of that network alone`, () => {
    const entries = entriesOf([[condition, DROP]]);
    assert.deepEqual(neededRule(entries, rule(20417, { remote: ["192.168.1.0/24", "10.1.0.0/16"] }))?.remote, [
      "192.168.1.0/24",
    ]);
  });
}

Deno.test("no rule for a network is needed where a chain drops a part of it, another one or all others", () => {
  const conditions = [
    saddr("192.168.1.66"),
    saddr("192.168.2.0", 24),
    field("ip", "daddr", "192.168.1.20"),
    field("ip", "saddr", "@bad"),
    field("ip", "saddr", { prefix: { addr: "192.168.0.0", len: 16 } }, "!="),
    field("ip6", "saddr", { prefix: { addr: "::", len: 0 } }),
  ];
  for (const condition of conditions) {
    const entries = entriesOf([[condition, DROP]]);
    assert.equal(isNeeded(entries, rule(20417, { remote: ["192.168.1.0/24"] })), false, JSON.stringify(condition));
  }
  const allButOne = entriesOf([[field("ip", "saddr", { prefix: { addr: "192.168.0.0", len: 16 } }, "!="), DROP]]);
  assert.equal(isNeeded(allButOne), true, "everybody is nearly all others");
});

Deno.test("a rule of direction out is needed where a chain drops what goes to its network", () => {
  const toNetwork = field("ip", "daddr", { prefix: { addr: "192.168.0.0", len: 16 } });
  const entries = entriesOf([[toNetwork, DROP]], { hook: "output" });
  const wanted = rule(20417, { direction: "out", remote: ["192.168.1.0/24"] });
  assert.equal(isNeeded(entries, wanted), true);
  assert.equal(isNeeded(entries, { ...wanted, remote: ["10.0.0.0/8"] }), false);
});

Deno.test("a remark says whether nothing that comes in is dropped, or only some of it", () => {
  const remark = (...chain: Chain) => entriesOf(...chain).remarks.join();
  const nothing = /^nftables does not drop what comes in: no port needs a rule$/, some = /^nftables drops only some of/;
  assert.match(remark([]), nothing);
  assert.match(remark([[saddr("192.0.2.1"), ACCEPT]], TO_OTHER), nothing);
  assert.match(remark([], { policy: "drop", hook: "forward" }), nothing);
  assert.match(remark([[saddr("192.168.0.0", 16), DROP]]), some);
  assert.match(remark([[PORT, DROP]]), some);
  assert.match(remark([[{ limit: { rate: 3, per: "second" } }, { jump: { target: "other" } }]], TO_OTHER), some);
  assert.equal(remark([], { policy: "drop" }), "");
});

/** A chain that drops, with these entries as nft gives them back. */
function withEntries(
  entries: readonly { readonly comment: string; readonly expr: readonly Statement[] }[],
): NftEntries {
  const [chain] = rulesetOf([], { policy: "drop" });
  const { family, table } = chain!;
  const rules = entries.map((entry, i) => ({ family, table, chain: "input", handle: i + 1, ...entry }));
  return entriesIn([{ ...chain!, rules }], OPTIONS);
}

const LOCAL4 = { comment: `${MARK} local`, expr: [saddr("192.168.1.0", 24), PORT, ACCEPT] };
const LOCAL6 = { comment: `${MARK} local`, expr: [saddr("fe80::", 10), PORT, ACCEPT] };

Deno.test("entries are read back as the rule that they stand for, in whatever order and with counters", () => {
  const counted = { ...LOCAL4, expr: [saddr("192.168.1.0", 24), PORT, { counter: { packets: 1, bytes: 2 } }, ACCEPT] };
  const left = { payload: { field: "saddr", protocol: "ip6" } };
  const reordered = { match: { right: { prefix: { len: 10, addr: "fe80::" } }, op: "==", left } };
  const other = { ...LOCAL6, expr: [reordered, PORT, ACCEPT] };
  for (const entries of [[LOCAL4, LOCAL6], [LOCAL6, LOCAL4], [counted, other]]) {
    const [{ name, rule: there } = { name: "" }] = readRules(withEntries(entries));
    assert.equal(name, "portd-in-tcp-20417");
    assert.deepEqual([there?.remote, there?.profiles, there?.port], [["LocalSubnet"], ["domain", "private"], 20417]);
  }
});

const ALTERED: Readonly<Record<string, readonly Parameters<typeof withEntries>[0][number][]>> = {
  "one entry lacks": [LOCAL4],
  "one is there twice": [LOCAL4, LOCAL4, LOCAL6],
  "one has another port": [LOCAL4, { ...LOCAL6, expr: [saddr("fe80::", 10), ACCEPT] }],
  "one lets another network in": [{ ...LOCAL4, expr: [saddr("192.168.0.0", 16), PORT, ACCEPT] }, LOCAL6],
  "one drops": [{ ...LOCAL4, expr: [saddr("192.168.1.0", 24), PORT, DROP] }, LOCAL6],
  "one has a condition more": [{ ...LOCAL4, expr: [saddr("192.168.1.0", 24), ...LOCAL4.expr] }, LOCAL6],
  "they name different profiles": [LOCAL4, { ...LOCAL6, comment: LOCAL6.comment.replace("domain,", "") }],
  "a drop stands in front": [{ comment: "", expr: [DROP] }, LOCAL4, LOCAL6],
};

for (const [what, entries] of Object.entries(ALTERED)) {
  Deno.test(`a rule has no content when ${what}`, () => {
    assert.deepEqual(readRules(withEntries(entries)), [{ name: "portd-in-tcp-20417", rule: undefined }]);
  });
}

Deno.test("what differs from our mark by a letter is foreign", () => {
  const altered = [
    ["portd ", "portd  "],
    ["4d", "4e"],
    ["tcp", "sctp"],
    ["20417", "020417"],
    ["20417", "0"],
    ["domain,private", "private,domain"],
    ["domain,private", ""],
  ].map(([from, to]) => `${MARK.replace(from!, to!)} local`);
  const comments = ["", "portd", MARK, `${MARK} locals`, `${MARK} local `, ` ${MARK} local`, ...altered];
  const foreign = withEntries(comments.map((comment) => ({ ...LOCAL4, comment })));
  assert.deepEqual(readRules(foreign), []);
  assert.equal(foreign.foreign, comments.length);
  assert.deepEqual(commandsFor(foreign, { add: [], change: [], remove: ["portd-in-tcp-20417"] }), []);
});

Deno.test("the commands delete by handle what is there of a name, and only that, and insert what is wanted", () => {
  const stranger = { comment: "portd-in-tcp-20417", expr: [PORT, ACCEPT] };
  const there = withEntries([LOCAL4, stranger, LOCAL6]);
  const commands = commandsFor(there, { add: [], change: [rule(20417, { remote: ["any"] })], remove: [] });
  const place = { family: "inet", table: "filter", chain: "input" };
  assert.deepEqual(commands, [
    { delete: { rule: { ...place, handle: 1 } } },
    { delete: { rule: { ...place, handle: 3 } } },
    { insert: { rule: { ...place, comment: `${MARK} any`, expr: [PORT, ACCEPT] } } },
  ]);
});

Deno.test("no ruleset at all is not taken for an empty one", () => {
  for (const answer of [undefined, null, 1, "", [], {}, { nftables: {} }]) {
    assert.equal(parseRuleset(answer), undefined);
  }
  assert.deepEqual(parseRuleset({ nftables: [] }), []);
});

Deno.test("any JSON is read without a throw, and its rules are compared without one", () => {
  const keys = "rule chain hook policy expr match left right op drop accept jump target".split(" ");
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "medium" },
      fc.constantFrom("input", "drop", "inet", "filter", "==", "tcp", `${MARK} local`, null, 20417, true),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(
        fc.constantFrom(...keys, "family", "table", "name", "handle", "comment", "vmap", "set"),
        tie("value"),
      ),
    ),
  })).value;
  const chain = fc.record({ chain: fc.record({ family: json, table: json, name: json, hook: json, policy: json }) });
  const entry = fc.record({
    rule: fc.record({ family: json, table: json, chain: json, handle: json, comment: json, expr: json }),
  });
  const real = fc.constant({
    chain: { family: "inet", table: "filter", name: "input", hook: "input", policy: "accept" },
  });
  const inChain = fc.array(fc.dictionary(fc.constantFrom(...keys, "vmap", "xt"), json)).map((expr) => ({
    rule: { family: "inet", table: "filter", chain: "input", handle: 1, comment: `${MARK} local`, expr },
  }));
  fc.assert(fc.property(fc.array(fc.oneof(json, chain, entry, real, inChain)), (nftables) => {
    const ruleset: Ruleset = parseRuleset({ nftables })!;
    const entries = entriesIn(ruleset, OPTIONS);
    neededRule(entries, rule(20417));
    assert.ok(readRules(entries).length + entries.foreign >= 0);
  }));
});
