import assert from "node:assert/strict";
import { PortdError } from "../../src/errors.ts";
import { makeRule, type Rule, type RuleEvent } from "../../src/firewall/rule.ts";
import { FirewallSync, type FirewallSyncParts } from "../../src/firewall/sync.ts";
import { FakeClock } from "../support/clock.ts";
import { FakeFirewall } from "../support/firewall.ts";

const OWNER = "0a1b2c3d";

function rule(port: number, remote: readonly string[] = ["LocalSubnet"]): Rule {
  return makeRule({ direction: "in", protocol: "tcp", port, profiles: ["private"], remote }, "shop/web");
}

interface Setting {
  readonly firewall: FakeFirewall;
  readonly sync: FirewallSync;
  readonly clock: FakeClock;
  readonly events: RuleEvent[];
  wanted: Rule[];
}

function setUp(options: Partial<FirewallSyncParts> = {}): Setting {
  const firewall = new FakeFirewall(), clock = new FakeClock(), events: RuleEvent[] = [];
  const setting: Setting = {
    firewall,
    clock,
    events,
    wanted: [],
    sync: new FirewallSync({
      open: () => Promise.resolve(firewall.backend(OWNER)),
      wanted: () => setting.wanted,
      clock,
      publish: (event) => events.push(event),
      drift: "restore",
      syncMs: 60_000,
      ...options,
    }),
  };
  return setting;
}

const names = ({ firewall }: Setting) => firewall.rules.map(({ name }) => name).sort();
const types = ({ events }: Setting) => events.map(({ type }) => type);

Deno.test("sync() makes the rules equal to the wanted ones, and publishes what it did", async () => {
  const setting = setUp();
  setting.wanted = [rule(80), rule(81)];
  await setting.sync.sync();
  assert.deepEqual(names(setting), ["portd-in-tcp-80", "portd-in-tcp-81"]);
  setting.wanted = [rule(81, ["any"])];
  const { change, remove } = await setting.sync.sync();
  assert.deepEqual([change.map(({ name }) => name), remove], [["portd-in-tcp-81"], ["portd-in-tcp-80"]]);
  assert.deepEqual(names(setting), ["portd-in-tcp-81"]);
  assert.deepEqual(types(setting), ["rule.added", "rule.added", "rule.removed", "rule.added"]);
  await setting.sync.sync();
  assert.equal(setting.firewall.applied.length, 2);
});

Deno.test("the first sync removes what a crash left, and no rule of another portd", async () => {
  const setting = setUp();
  setting.firewall.set(OWNER, rule(80));
  setting.firewall.set("ffffffff", rule(81));
  await setting.sync.sync();
  assert.deepEqual(names(setting), ["portd-in-tcp-81"]);
});

Deno.test("200 rules that become wanted while a sync runs take one more at most", async () => {
  const setting = setUp();
  const gate = Promise.withResolvers<void>();
  setting.firewall.gate = gate.promise;
  setting.wanted = [rule(1)];
  const first = setting.sync.sync();
  const rest: Promise<unknown>[] = [];
  for (let port = 2; port <= 200; port++) {
    setting.wanted.push(rule(port));
    rest.push(setting.sync.sync());
  }
  assert.equal(setting.sync.isRunning, true);
  gate.resolve();
  await Promise.all([first, ...rest]);
  assert.equal(setting.firewall.rules.length, 200);
  assert.ok(setting.firewall.applied.length <= 2);
});

Deno.test("a failure changes nothing, is published once, and is tried again after a growing pause", async () => {
  const setting = setUp();
  setting.wanted = [rule(80)];
  setting.firewall.failure = new PortdError("firewall_unavailable", "Cannot read the firewall: nft needs root");
  await assert.rejects(setting.sync.sync(), { code: "firewall_unavailable" });
  await assert.rejects(setting.sync.sync(), /nft needs root/);
  assert.deepEqual(setting.events, [{ type: "rule.failed", reason: "Cannot read the firewall: nft needs root" }]);
  assert.match(setting.sync.last?.error ?? "", /nft needs root/);
  setting.firewall.failure = undefined;
  setting.clock.advance(2000);
  await setting.sync.sync();
  assert.deepEqual([names(setting), setting.sync.last?.error], [["portd-in-tcp-80"], null]);
});

Deno.test("any other error also means that the firewall is unavailable", async () => {
  const setting = setUp({ open: () => Promise.reject(new Error("boom")) });
  setting.wanted = [rule(80)];
  await assert.rejects(setting.sync.sync(), { code: "firewall_unavailable", message: /boom$/ });
});

Deno.test("a rule that was changed or deleted by hand is restored, or only reported", async () => {
  for (const drift of ["restore", "report"] as const) {
    const setting = setUp({ drift });
    setting.wanted = [rule(80), rule(81)];
    await setting.sync.sync();
    setting.firewall.rules = setting.firewall.rules.filter(({ name }) => name !== "portd-in-tcp-80")
      .map((each) => ({ ...each, rule: undefined }));
    const { drifted } = await setting.sync.sync();
    assert.deepEqual(drifted.map(({ name }) => name), ["portd-in-tcp-80", "portd-in-tcp-81"]);
    assert.deepEqual(types(setting).slice(2), ["rule.drifted", "rule.drifted"]);
    await setting.sync.sync();
    assert.equal(types(setting).length, 4); // reported once
    assert.equal(setting.firewall.rules.filter((each) => each.rule !== undefined).length, drift === "restore" ? 2 : 0);
  }
});

Deno.test("rules are checked on a timer while there are any, and not otherwise", async () => {
  const setting = setUp();
  setting.sync.request();
  setting.clock.advance(600_000);
  assert.deepEqual([setting.sync.isRunning, setting.sync.backend], [false, null]);
  setting.wanted = [rule(80)];
  await setting.sync.sync();
  setting.firewall.rules = [];
  setting.clock.advance(60_000);
  await setting.sync.sync(); // joins or follows the one that the timer began
  assert.deepEqual(names(setting), ["portd-in-tcp-80"]);
});

Deno.test("plan() answers what a sync would do and does nothing", async () => {
  const setting = setUp();
  setting.wanted = [rule(80)];
  setting.firewall.remarks = ["nothing drops"];
  const { add, remarks } = await setting.sync.plan();
  assert.deepEqual([add.map(({ name }) => name), remarks], [["portd-in-tcp-80"], ["nothing drops"]]);
  assert.deepEqual([names(setting), setting.firewall.applied.length], [[], 0]);
});

Deno.test("a change that the firewall accepts and does not keep is a failure, published once and tried again", async () => {
  const setting = setUp();
  setting.wanted = [rule(80), rule(81)];
  setting.firewall.restless.add("portd-in-tcp-81");
  const lost = "Cannot keep the rule portd-in-tcp-81: it was changed without an error and is not there";
  await assert.rejects(
    setting.sync.sync(),
    (error: PortdError) => error.code === "firewall_unavailable" && error.message.startsWith(lost),
  );
  assert.deepEqual(types(setting), ["rule.failed"]);
  setting.clock.advance(1000);
  await assert.rejects(setting.sync.sync());
  assert.deepEqual(types(setting), ["rule.failed"]);
  setting.firewall.restless.clear();
  await setting.sync.sync();
  assert.deepEqual(names(setting), ["portd-in-tcp-80", "portd-in-tcp-81"]);
  setting.firewall.restless.add("portd-in-tcp-80");
  setting.wanted = [rule(81)];
  await assert.rejects(setting.sync.sync(), /Cannot keep the rule portd-in-tcp-80: .* is still there/);
});

Deno.test("after a restart a rule that is there already is set, and deleted by hand it has drifted", async () => {
  const setting = setUp();
  setting.wanted = [rule(80)];
  setting.firewall.set(OWNER, rule(80));
  assert.equal(setting.sync.stateOf(rule(80)), "unknown");
  await setting.sync.sync();
  assert.equal(setting.sync.stateOf(rule(80)), "set");
  assert.equal(setting.sync.stateOf(rule(80, ["any"])), "missing");
  setting.firewall.rules = [];
  await setting.sync.sync();
  assert.deepEqual(types(setting), ["rule.drifted"]);
  assert.deepEqual(names(setting), ["portd-in-tcp-80"]);
});

Deno.test("a change costs one read, one apply and one read back", async () => {
  const setting = setUp();
  const cost = () => [setting.firewall.reads, setting.firewall.applied.length];
  setting.wanted = [rule(80)];
  await setting.sync.sync();
  assert.deepEqual(cost(), [2, 1]);
  await setting.sync.sync();
  assert.deepEqual(cost(), [3, 1]);
});

Deno.test("a call while a sync runs costs nothing more where that sync still reads everything after it", async () => {
  const setting = setUp();
  const gate = Promise.withResolvers<void>();
  setting.firewall.gate = gate.promise;
  setting.wanted = [rule(80)];
  setting.sync.request();
  const asked = setting.sync.sync();
  gate.resolve();
  assert.deepEqual((await asked).add, [rule(80)]);
  assert.deepEqual([setting.firewall.reads, setting.firewall.applied.length], [2, 1]);
});

Deno.test("a call after the last reading of a sync has begun takes one more sync", async () => {
  let onRead = () => {};
  const firewall = new FakeFirewall(), backend = firewall.backend(OWNER);
  const read = () => (onRead(), backend.read());
  const setting = {
    ...setUp({ open: () => Promise.resolve({ ...backend, read }), wanted: () => [rule(80)] }),
    firewall,
  };
  await setting.sync.sync();
  const gate = Promise.withResolvers<void>(), begun = Promise.withResolvers<void>();
  firewall.gate = gate.promise;
  onRead = begun.resolve;
  const running = setting.sync.sync();
  await begun.promise;
  const asked = setting.sync.sync();
  gate.resolve();
  await Promise.all([running, asked]);
  assert.deepEqual([setting.firewall.reads, setting.firewall.applied.length], [4, 1]);
});

Deno.test("a rule is set, not needed, missing, failed or unknown", async () => {
  const setting = setUp({ drift: "report" });
  const states = () => [80, 81].map((port) => setting.sync.stateOf(rule(port)));
  const shown = async () => setting.sync.rules(await setting.sync.plan()).map(({ state }) => state);
  setting.wanted = [rule(80), rule(81)];
  setting.firewall.unneeded.add("portd-in-tcp-81");
  assert.deepEqual(states(), ["unknown", "unknown"]);
  assert.deepEqual(await shown(), ["missing", "not_needed"]);
  setting.firewall.restless.add("portd-in-tcp-80");
  await assert.rejects(setting.sync.sync(), /Cannot keep the rule portd-in-tcp-80/);
  assert.deepEqual([states(), await shown()], [["failed", "not_needed"], ["failed", "not_needed"]]);
  setting.firewall.restless.clear();
  await setting.sync.sync();
  assert.deepEqual([states(), await shown()], [["set", "not_needed"], ["set", "not_needed"]]);
  setting.firewall.rules = [];
  await setting.sync.sync(); // which reports the drift
  assert.deepEqual([states(), await shown()], [["missing", "not_needed"], ["missing", "not_needed"]]);
  setting.firewall.failure = new PortdError("firewall_unavailable", "Cannot read the firewall: nft needs root");
  await assert.rejects(setting.sync.sync());
  assert.deepEqual(states(), ["unknown", "unknown"]);
  assert.deepEqual(setting.sync.rules().map(({ state }) => state), ["unknown", "unknown"]);
});
