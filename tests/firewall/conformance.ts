/** What every firewall backend must do, the fake as much as the real ones. */
import assert from "node:assert/strict";
import type { FirewallBackend } from "../../src/firewall/backend.ts";
import { diff, type Difference, type Direction, makeRule, type Rule, sizeOf } from "../../src/firewall/rule.ts";

/** A firewall for one test that drops what no rule lets pass, and is empty but for what the tests put there. */
export interface ConformanceHost extends AsyncDisposable {
  /** The directions in which it drops. @default ["in", "out"] */
  readonly directions?: readonly Direction[];
  /** A backend on it. Closed by {@linkcode testConformance}. */
  backend(owner: string): FirewallBackend;
  /**
   * Adds as many rules that are not portd's. Among them, where the firewall can tell them apart: without a mark; with
   * the name of one of our rules and no mark; with a mark that is ours but for a letter; with a mark and another name.
   */
  addForeign(count: number): Promise<void>;
  /** All rules that were there before portd's or came from {@linkcode addForeign}, as they are now, in any lasting form. */
  foreign(): Promise<readonly string[]>;
  /** Changes something of the rule by hand, whose mark it leaves: another port, another address, Block for Allow. */
  alter(owner: string, name: string): Promise<void>;
  /** Takes the rule away by hand. */
  takeAway(owner: string, name: string): Promise<void>;
  /** Makes a second one of the rule by hand. Absent where a firewall cannot have two. */
  duplicate?(owner: string, name: string): Promise<void>;
}

/** Options of {@linkcode testConformance}. */
export interface ConformanceOptions {
  /** Stands in front of each test's name. */
  readonly name: string;
  /** Makes the firewall of one test. */
  readonly open: () => Promise<ConformanceHost>;
  /** Registers a test. @default Deno.test */
  readonly register?: (name: string, fn: () => Promise<void>) => void;
  /** How many foreign rules there are where there are many. @default 2000 */
  readonly many?: number;
}

const OWNER = "1a2b3c4d", ANOTHER = "1a2b3c4e";
const SUBNET = ["LocalSubnet"];

/** Registers the tests. */
export function testConformance({ name, open, register = Deno.test, many = 2000 }: ConformanceOptions): void {
  for (const [sentence, fn] of Object.entries(tests(many))) {
    register(`${name}: ${sentence}`, async () => {
      await using host = await open();
      await fn(host);
    });
  }
}

type ConformanceTest = (host: ConformanceHost) => Promise<void>;

function tests(many: number): Readonly<Record<string, ConformanceTest>> {
  return { ...rules(), ...drift(), ...strangers(many) };
}

function rules(): Readonly<Record<string, ConformanceTest>> {
  return {
    "nothing of ours is there before anything was applied": async (host) => {
      using portd = open(host);
      assert.deepEqual((await portd.backend.read()).rules, []);
      assert.equal(await portd.settle([]), 0);
    },
    "a rule is read back as it was wanted, whatever it says": async (host) => {
      using portd = open(host);
      const wanted = everyKind(host);
      assert.equal(await portd.settle(wanted), wanted.length);
      assert.equal(await portd.settle(wanted), 0);
    },
    "a wish that changed is what stands afterwards, whichever part of it changed": async (host) => {
      using portd = open(host);
      const before = rule(20417, { remote: SUBNET });
      await portd.settle([before]);
      const others = [["any"], ["10.1.0.0/16"], ["10.1.0.0/16", "2001:db8::/32"], SUBNET];
      for (const remote of others) {
        assert.deepEqual(await portd.differences([rule(20417, { remote })]), ["change portd-in-tcp-20417"]);
        await portd.settle([rule(20417, { remote })]);
        assert.deepEqual(await portd.differences([rule(20417, { remote })]), []);
      }
      assert.equal(await portd.settle([rule(20417, { remote: SUBNET, profiles: ["public"] })]), 1);
      assert.equal(await portd.settle([rule(20417, { remote: SUBNET, profiles: ["public"] })]), 0);
    },
    "a rule that nobody wants any more goes, and no other": async (host) => {
      using portd = open(host);
      await portd.settle([rule(20417), rule(20418), rule(20418, { protocol: "udp" })]);
      assert.deepEqual(await portd.differences([rule(20418)]), [
        "remove portd-in-tcp-20417",
        "remove portd-in-udp-20418",
      ]);
      await portd.settle([rule(20418)]);
      assert.deepEqual(await portd.names(), ["portd-in-tcp-20418"]);
      await portd.settle([]);
      assert.deepEqual(await portd.names(), []);
    },
    "applying a difference a second time does no harm": async (host) => {
      using portd = open(host);
      const wanted = [rule(20417), rule(20418)];
      const added: Difference = { add: wanted, change: [], remove: [] };
      for (let times = 0; times < 2; times++) await portd.backend.apply(added);
      assert.equal(await portd.settle(wanted), 0);
      const removed: Difference = { add: [], change: [], remove: ["portd-in-tcp-20417"] };
      for (let times = 0; times < 2; times++) await portd.backend.apply(removed);
      assert.equal(await portd.settle([rule(20418)]), 0);
      assert.deepEqual(await portd.names(), ["portd-in-tcp-20418"]);
    },
    "adding, changing and removing go together": async (host) => {
      using portd = open(host);
      await portd.settle([rule(20417), rule(20418)]);
      const wanted = [rule(20418, { remote: ["any"] }), rule(20419)];
      assert.equal(await portd.settle(wanted), 3);
      assert.equal(await portd.settle(wanted), 0);
    },
    "names with quotes, bars, Japanese and 300 characters are taken": async (host) => {
      using portd = open(host);
      const names = [`it's "quoted" \\ $(id) \`id\` %n`, "a|b|c", "店/ウェブ 🏪", "x".repeat(300), "a\r\nb\tc\0d", ""];
      const wanted = names.map((name, i) => rule(20417 + i, {}, name));
      assert.equal(await portd.settle(wanted), names.length);
      assert.equal(await portd.settle(wanted), 0);
      assert.equal(await portd.settle([]), names.length);
      assert.deepEqual(await portd.names(), []);
    },
  };
}

function drift(): Readonly<Record<string, ConformanceTest>> {
  return {
    "a rule that was taken away by hand comes back": async (host) => {
      using portd = open(host);
      const wanted = [rule(20417), rule(20418)];
      await portd.settle(wanted);
      await host.takeAway(OWNER, "portd-in-tcp-20417");
      assert.deepEqual(await portd.differences(wanted), ["add portd-in-tcp-20417"]);
      await portd.settle(wanted);
      assert.deepEqual(await portd.differences(wanted), []);
    },
    "a rule that was altered by hand is made what it was, or goes when nobody wants it": async (host) => {
      using portd = open(host);
      const wanted = [rule(20417), rule(20418)];
      await portd.settle(wanted);
      await host.alter(OWNER, "portd-in-tcp-20417");
      assert.deepEqual(await portd.differences(wanted), ["change portd-in-tcp-20417"]);
      await portd.settle(wanted);
      assert.deepEqual(await portd.differences(wanted), []);
      await host.alter(OWNER, "portd-in-tcp-20417");
      await portd.settle([]);
      assert.deepEqual(await portd.names(), []);
    },
    "of a rule that is there twice one is left, or none when nobody wants it": async (host) => {
      if (host.duplicate === undefined) return assert.ok(true, "there cannot be two");
      using portd = open(host);
      const wanted = [rule(20417), rule(20418)];
      await portd.settle(wanted);
      await host.duplicate(OWNER, "portd-in-tcp-20417");
      assert.deepEqual(await portd.differences(wanted), ["change portd-in-tcp-20417"]);
      await portd.settle(wanted);
      assert.deepEqual(await portd.differences(wanted), []);
      await host.duplicate(OWNER, "portd-in-tcp-20417");
      await portd.settle([]);
      assert.deepEqual(await portd.names(), []);
    },
  };
}

function strangers(many: number): Readonly<Record<string, ConformanceTest>> {
  return {
    "rules of others are counted, never told and never touched, whatever their names look like": async (host) => {
      using portd = open(host);
      const empty = (await portd.backend.read()).foreign;
      await host.addForeign(8);
      const before = await host.foreign();
      const { rules, foreign } = await portd.backend.read();
      assert.deepEqual(rules, []);
      assert.equal(foreign - empty, 8);
      for (const wanted of [[rule(20417), rule(20418, { remote: ["any"] })], [rule(20417)], []]) {
        await portd.settle(wanted);
        assert.equal((await portd.backend.read()).foreign - empty, 8);
        assert.deepEqual(await host.foreign(), before);
      }
    },
    [`${many} rules of others change nothing`]: async (host) => {
      using portd = open(host);
      await host.addForeign(many);
      const before = await host.foreign();
      const wanted = [rule(20417), rule(20418, { protocol: "udp" })];
      assert.equal(await portd.settle(wanted), 2);
      assert.equal(await portd.settle(wanted), 0);
      assert.equal(await portd.settle([]), 2);
      assert.deepEqual(await host.foreign(), before);
    },
    "the rules of another portd are foreign, also those with our names": async (host) => {
      using portd = open(host);
      using neighbour = open(host, ANOTHER);
      await neighbour.settle([rule(20417), rule(20418)]);
      const wanted = [rule(20417, { remote: ["any"] })];
      assert.deepEqual(await portd.differences(wanted), ["add portd-in-tcp-20417"]);
      await portd.settle(wanted);
      assert.equal(await portd.settle(wanted), 0);
      assert.equal(await neighbour.settle([rule(20417), rule(20418)]), 0);
      await portd.settle([]);
      assert.deepEqual(await portd.names(), []);
      assert.deepEqual(await neighbour.names(), ["portd-in-tcp-20417", "portd-in-tcp-20418"]);
    },
  };
}

/** One portd on the firewall of a test. */
class Portd implements Disposable {
  readonly backend: FirewallBackend;

  constructor(backend: FirewallBackend) {
    this.backend = backend;
  }

  /** Makes what is there what is wanted. @returns how many changes that took. */
  async settle(wanted: readonly Rule[]): Promise<number> {
    const difference = await differenceTo(this.backend, wanted);
    await this.backend.apply(difference);
    return sizeOf(difference);
  }

  /** The difference in words, sorted. */
  async differences(wanted: readonly Rule[]): Promise<string[]> {
    const { add, change, remove } = await differenceTo(this.backend, wanted);
    const words = [...add.map(({ name }) => `add ${name}`), ...change.map(({ name }) => `change ${name}`)];
    return [...words, ...remove.map((name) => `remove ${name}`)].sort();
  }

  /** Names of the rules that are there, sorted. */
  async names(): Promise<string[]> {
    return (await this.backend.read()).rules.map(({ name }) => name).sort();
  }

  [Symbol.dispose](): void {
    this.backend.close();
  }
}

/** What is to be done on a firewall so that it has the rules that are wanted. */
export async function differenceTo(backend: FirewallBackend, wanted: readonly Rule[]): Promise<Difference> {
  const { rules, needed } = await backend.read();
  const desired = needed === undefined ? wanted : wanted.map(needed).filter((rule) => rule !== undefined);
  return diff(desired, rules);
}

function open(host: ConformanceHost, owner = OWNER): Portd {
  return new Portd(host.backend(owner));
}

/** A rule for a test. */
export function rule(
  port: number,
  { direction = "in", protocol = "tcp", profiles = ["domain", "private"], remote = SUBNET }: Partial<Rule> = {},
  leaseName = "shop/web",
): Rule {
  return makeRule({ direction, protocol, port, profiles, remote }, leaseName);
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
    { remote: ["10.0.0.0/24", "2001:db8::/32"] },
    { profiles: ["public"] },
    { profiles: ["domain", "private", "public"] },
  ];
  return directions.flatMap((direction) => kinds.map((kind, i) => rule(20417 + i, { ...kind, direction })));
}
