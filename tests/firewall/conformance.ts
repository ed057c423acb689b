/** What every firewall backend must do, the fake and the real ones. */
import assert from "node:assert/strict";
import type { FirewallBackend, FirewallReading } from "../../src/firewall/backend.ts";
import { diff, type Difference, type Direction, makeRule, type Rule } from "../../src/firewall/rule.ts";

/** A firewall that drops what no rule lets pass, and has no other rules than those that the tests add. */
export interface ConformanceHost extends AsyncDisposable {
  /** The directions in which it drops. @default ["in", "out"] */
  readonly directions?: readonly Direction[];
  /** A backend on it. */
  backend(owner: string): FirewallBackend;
  /**
   * Adds this number of foreign rules. Among them, where the firewall has such: one without a mark; one with the name of
   * a rule of ours and no mark; one with a mark that differs from ours by a letter; one with our mark and another name.
   */
  addForeign(count: number): Promise<void>;
  /** All foreign rules as they are now, each as a text that changes only with the rule. */
  foreign(): Promise<readonly string[]>;
  /** Changes a rule by hand, but not its mark: another port, another address, Block instead of Allow. */
  alter(owner: string, name: string): Promise<void>;
  /** Removes a rule by hand. */
  takeAway(owner: string, name: string): Promise<void>;
  /** Copies a rule by hand. Absent where a firewall cannot have two of it. */
  duplicate?(owner: string, name: string): Promise<void>;
}

/** Options of {@linkcode testConformance}. */
export interface ConformanceOptions {
  /** Precedes the name of each test. */
  readonly name: string;
  /** Makes the firewall of one test. */
  readonly open: () => Promise<ConformanceHost>;
}

const OWNER = "1a2b3c4d", ANOTHER = "1a2b3c4e";
const SUBNET = ["LocalSubnet"], ONE_NETWORK = ["10.0.0.0/24"];
const MANY = 2000;

/** Registers the tests, each with a firewall of its own. */
export function testConformance({ name, open }: ConformanceOptions): void {
  for (const [sentence, test] of Object.entries(conformanceTests())) {
    Deno.test(`${name}: ${sentence}`, async () => {
      await using host = await open();
      await test(host);
    });
  }
}

/** One test. The firewall has no rules of ours and no foreign ones that the test would add. */
export type ConformanceTest = (host: ConformanceHost) => Promise<void>;

/** The tests by what they show. */
export function conformanceTests(): Readonly<Record<string, ConformanceTest>> {
  const tests = Object.entries({ ...RULE_TESTS, ...DRIFT_TESTS, ...FOREIGN_TESTS });
  return Object.fromEntries(tests.map(([sentence, test]) => [sentence, (host) => test(new Portd(host), host)]));
}

/** Tests of one portd on a host. */
type PortdTests = Readonly<Record<string, (portd: Portd, host: ConformanceHost) => Promise<void>>>;

const RULE_TESTS: PortdTests = {
  async "no rule of ours is there before anything was applied"(portd) {
    assert.deepEqual((await portd.backend.read()).rules, []);
    assert.deepEqual(await portd.settle([]), []);
  },
  async "a rule is read back as it was wanted, whatever it says"(portd, host) {
    const wanted = everyKind(host);
    assert.equal((await portd.settle(wanted)).length, wanted.length);
    assert.deepEqual(await portd.settle(wanted), []);
  },
  async "a rule that is wanted otherwise is changed, whichever part of it differs"(portd) {
    await portd.settle([rule(20417, { remote: SUBNET })]);
    const others: readonly Partial<Rule>[] = [
      ...[["any"], ["10.1.0.0/16"], ["10.1.0.0/16", "2001:db8::/32"], SUBNET].map((remote) => ({ remote })),
      { remote: SUBNET, profiles: ["public"] },
    ];
    for (const other of others) {
      assert.deepEqual(await portd.settle([rule(20417, other)]), ["change portd-in-tcp-20417"]);
      assert.deepEqual(await portd.settle([rule(20417, other)]), []);
    }
  },
  async "a rule that is no longer wanted is removed, and no other"(portd) {
    await portd.settle([small(20417), small(20418), small(20418, "udp")]);
    const removed = ["remove portd-in-tcp-20417", "remove portd-in-udp-20418"];
    assert.deepEqual(await portd.settle([small(20418)]), removed);
    assert.deepEqual(await portd.names(), ["portd-in-tcp-20418"]);
    await portd.settle([]);
    assert.deepEqual(await portd.names(), []);
  },
  async "applying a difference a second time does no harm"(portd) {
    const wanted = [small(20417), small(20418)];
    const added: Difference = { add: wanted, change: [], remove: [] };
    for (let times = 0; times < 2; times++) await portd.apply(added);
    assert.deepEqual(await portd.settle(wanted), []);
    const removed: Difference = { add: [], change: [], remove: ["portd-in-tcp-20417"] };
    for (let times = 0; times < 2; times++) await portd.apply(removed);
    assert.deepEqual(await portd.settle([small(20418)]), []);
  },
  async "adding, changing and removing go together"(portd) {
    await portd.settle([small(20417), small(20418)]);
    const wanted = [rule(20418, { remote: ["any"] }), small(20419)];
    const changes = ["add portd-in-tcp-20419", "change portd-in-tcp-20418", "remove portd-in-tcp-20417"];
    assert.deepEqual(await portd.settle(wanted), changes);
    assert.deepEqual(await portd.settle(wanted), []);
  },
  async "names may have quotes, bars, Japanese and 300 characters"(portd) {
    const names = [`it's "quoted" \\ $(id) \`id\` %n`, "a|b|c", "店/ウェブ 🏪", "x".repeat(300), "a\r\nb\tc\0d", ""];
    const wanted = names.map((name, i) => rule(20417 + i, { remote: ONE_NETWORK }, name));
    assert.equal((await portd.settle(wanted)).length, names.length);
    assert.deepEqual(await portd.settle(wanted), []);
    assert.equal((await portd.settle([])).length, names.length);
    assert.deepEqual(await portd.names(), []);
  },
};

const TWO_WANTED = [rule(20417), small(20418)];
const DRIFT_TESTS: PortdTests = {
  async "a rule that was removed by hand is set again"(portd, host) {
    await portd.settle(TWO_WANTED);
    await host.takeAway(OWNER, "portd-in-tcp-20417");
    assert.deepEqual(await portd.settle(TWO_WANTED), ["add portd-in-tcp-20417"]);
    assert.deepEqual(await portd.settle(TWO_WANTED), []);
  },
  async "a rule that was altered by hand is restored, or removed when it is not wanted"(portd, host) {
    await portd.settle(TWO_WANTED);
    await host.alter(OWNER, "portd-in-tcp-20417");
    assert.deepEqual(await portd.settle(TWO_WANTED), ["change portd-in-tcp-20417"]);
    assert.deepEqual(await portd.settle(TWO_WANTED), []);
    await host.alter(OWNER, "portd-in-tcp-20417");
    await portd.settle([]);
    assert.deepEqual(await portd.names(), []);
  },
  async "of a rule that is there twice one is left, or none when it is not wanted"(portd, host) {
    if (host.duplicate === undefined) return assert.ok(true, "there cannot be two");
    await portd.settle(TWO_WANTED);
    await host.duplicate(OWNER, "portd-in-tcp-20417");
    assert.deepEqual(await portd.settle(TWO_WANTED), ["change portd-in-tcp-20417"]);
    assert.deepEqual(await portd.settle(TWO_WANTED), []);
    await host.duplicate(OWNER, "portd-in-tcp-20417");
    await portd.settle([]);
    assert.deepEqual(await portd.names(), []);
  },
};

const FOREIGN_TESTS: PortdTests = {
  async "foreign rules are counted, and neither listed nor changed, whatever their names look like"(portd, host) {
    const empty = (await portd.backend.read()).foreign;
    await host.addForeign(8);
    const before = await host.foreign();
    const { rules, foreign } = await portd.backend.read();
    assert.deepEqual([rules, foreign - empty], [[], 8]);
    for (const wanted of [[small(20417), rule(20418, { remote: ["any"] })], [small(20417)], []]) {
      await portd.settle(wanted);
      assert.equal((await portd.backend.read()).foreign - empty, 8);
      assert.deepEqual(await host.foreign(), before);
    }
  },
  async [`${MANY} foreign rules make no difference`](portd, host) {
    await host.addForeign(MANY);
    const before = await host.foreign();
    const wanted = [small(20417), small(20418, "udp")];
    assert.equal((await portd.settle(wanted)).length, 2);
    assert.deepEqual(await portd.settle(wanted), []);
    assert.equal((await portd.settle([])).length, 2);
    assert.deepEqual(await host.foreign(), before);
  },
  async "the rules of another portd are foreign, even with the names of ours"(portd, host) {
    const neighbour = new Portd(host, ANOTHER);
    const theirs = [small(20417), small(20418)], ours = [rule(20417, { remote: ["any"] })];
    await neighbour.settle(theirs);
    assert.deepEqual(await portd.settle(ours), ["add portd-in-tcp-20417"]);
    assert.deepEqual(await portd.settle(ours), []);
    assert.deepEqual(await neighbour.settle(theirs), []);
    await portd.settle([]);
    assert.deepEqual(await portd.names(), []);
    assert.deepEqual(await neighbour.names(), ["portd-in-tcp-20417", "portd-in-tcp-20418"]);
  },
};

/** One portd on the firewall of a test. */
class Portd {
  readonly backend: FirewallBackend;

  constructor(host: ConformanceHost, owner = OWNER) {
    this.backend = host.backend(owner);
  }

  /** Makes the actual rules equal to the wanted ones. @returns the changes in words, sorted. */
  async settle(wanted: readonly Rule[]): Promise<readonly string[]> {
    const { add, change, remove } = await settle(this.backend, wanted);
    const words = [...add.map(({ name }) => `add ${name}`), ...change.map(({ name }) => `change ${name}`)];
    return [...words, ...remove.map((name) => `remove ${name}`)].sort();
  }

  async apply(difference: Difference): Promise<void> {
    await (await this.backend.read()).apply(difference);
  }

  /** Names of the actual rules, sorted. */
  async names(): Promise<readonly string[]> {
    return (await this.backend.read()).rules.map(({ name }) => name).sort();
  }
}

/** The changes that a firewall needs so that it has the wanted rules. */
export function differenceTo(reading: FirewallReading, wanted: readonly Rule[]): Difference {
  return diff(wanted.flatMap((rule) => reading.needed(rule) ?? []), reading.rules);
}

/** Makes the rules of a firewall equal to the wanted ones, by one read and one apply. @returns what was changed. */
export async function settle(backend: FirewallBackend, wanted: readonly Rule[]): Promise<Difference> {
  const reading = await backend.read();
  const difference = differenceTo(reading, wanted);
  await reading.apply(difference);
  return difference;
}

/** A rule for a test. */
export function rule(
  port: number,
  { direction = "in", protocol = "tcp", profiles = ["domain", "private"], remote = SUBNET }: Partial<Rule> = {},
  leaseName = "shop/web",
): Rule {
  return makeRule({ direction, protocol, port, profiles, remote }, leaseName);
}

/** A rule that is one entry in every firewall: some take half a second for each. */
function small(port: number, protocol: Rule["protocol"] = "tcp"): Rule {
  return rule(port, { protocol, remote: ONE_NETWORK });
}

function everyKind({ directions = ["in", "out"] }: ConformanceHost): Rule[] {
  const kinds: Partial<Rule>[] = [
    { protocol: "tcp" },
    { protocol: "udp" },
    { remote: ["any"] },
    { remote: ["10.0.0.0/24"] },
    { remote: ["10.0.0.0/24", "10.0.0.0/8", "LocalSubnet"] },
    { remote: ["192.0.2.7/32", "203.0.113.0/25", "203.0.113.128/25"] },
    { remote: ["2001:db8::/32", "2001:db8:1::7/128"] },
    { profiles: ["public"] },
    { profiles: ["domain", "private", "public"], protocol: "udp", remote: ["any"] },
    { remote: ["10.0.0.0/24", "2001:db8::/32"] },
  ];
  return directions.flatMap((direction) =>
    // What goes out differs in nothing but the fields that match it: three kinds show them all.
    kinds.map((kind, i) => rule(20417 + i, { ...kind, direction })).slice(direction === "in" ? 0 : -3)
  );
}
