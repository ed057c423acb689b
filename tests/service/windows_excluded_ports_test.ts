import assert from "node:assert/strict";
import type { PortRange } from "../../src/port/port.ts";
import { ExcludedPorts } from "../../src/service/windows/excluded_ports.ts";
import { done } from "../support/service.ts";
import { FakeKeys, FakeNetsh } from "../support/windows_service.ts";

const PATH = "SYSTEM\\CurrentControlSet\\Services\\portd\\Parameters";
const RANGE = { first: 20_000, last: 20_099 };

/** netsh, a registry and what portd has excluded by them. */
class Exclusions {
  readonly netsh = new FakeNetsh();
  readonly keys = new FakeKeys();

  /** Makes it so that just these are excluded by portd. @returns what was done. */
  async become(...ranges: readonly PortRange[]): Promise<string[]> {
    return await done(
      new ExcludedPorts({ netsh: this.netsh.run, usedPorts: this.netsh.usedPorts, keys: this.keys }).stepsTo(ranges),
    );
  }
}

Deno.test("a range is excluded for both families and protocols, and given back as just that", async () => {
  const host = new Exclusions();
  const range = "startport=20000 numberofports=100 store=persistent";
  const commands = (verb: string) =>
    ["ipv4", "ipv6"].flatMap((family) =>
      ["tcp", "udp"].map((name) => `netsh.exe int ${family} ${verb} excludedportrange protocol=${name} ${range}`)
    );
  assert.deepEqual(await host.become(RANGE), commands("add"));
  assert.deepEqual(host.netsh.changes.map((command) => `netsh.exe ${command}`), commands("add"));
  assert.deepEqual(await host.become(RANGE), [], "they are so already");
  assert.deepEqual(await host.become(), commands("delete"));
  assert.deepEqual([host.netsh.ranges, [...host.keys.values.keys()]], [[], []]);
});

Deno.test("another range takes the place of the one before", async () => {
  const host = new Exclusions();
  await host.become(RANGE);
  const steps = await host.become({ first: 30_000, last: 30_000 });
  const verbs = [...Array(4).fill("delete"), ...Array(4).fill("add")];
  assert.deepEqual(steps.map((step) => / (add|delete) /.exec(step)![1]), verbs);
  const ranges = ["ipv4 tcp", "ipv4 udp", "ipv6 tcp", "ipv6 udp"].map((start) => `${start} 30000 30000 *`);
  assert.deepEqual(host.netsh.ranges.sort(), ranges);
});

Deno.test("what an administrator has excluded before stays", async () => {
  const host = new Exclusions();
  host.netsh.ranges.push("ipv4 tcp 20000 20099 *");
  assert.equal((await host.become(RANGE)).length, 3);
  await host.become();
  assert.deepEqual(host.netsh.ranges, ["ipv4 tcp 20000 20099 *"]);
});

Deno.test("a range that Hyper-V has taken a part of is an error that names the part, and what helps", async () => {
  const host = new Exclusions();
  host.netsh.ranges.push("ipv4 udp 20050 20149", "ipv4 udp 20010 20010", "ipv4 udp 30000 30099");
  await assert.rejects(host.become(RANGE), {
    message: "Cannot reserve the ports 20000-20099 (udp, ipv4): Windows has given 20050-20149, 20010 to another " +
      'service, mostly Hyper-V or WinNAT; free them with "net stop winnat", install again, and then ' +
      '"net start winnat"',
  });
  assert.deepEqual(host.keys.texts(PATH, "ReservedPorts"), ["ipv4 tcp 20000-20099"], "what was done is remembered");
  await host.become();
  assert.ok(!host.netsh.ranges.some((range) => range.startsWith("ipv4 tcp")));
});

Deno.test("the error has netsh's words where its numbers say nothing", async () => {
  const { keys, netsh: { run } } = new Exclusions();
  const netsh = (args: readonly string[]) =>
    args.includes("show") ? run(args) : Promise.resolve({ code: 1, stdout: "\r\nAccès\r\n refusé.\r\n", stderr: "" });
  const steps = new ExcludedPorts({ netsh, keys, usedPorts: () => new Set() }).stepsTo([RANGE]);
  const refused = /^Error: Cannot reserve the ports .*: netsh says: Accès refusé\.; it reserves no port that a program/;
  await assert.rejects(done(steps), refused);
});

Deno.test("what somebody else has given back already is no error", async () => {
  const host = new Exclusions();
  await host.become(RANGE);
  host.netsh.ranges.length = 0;
  assert.equal((await host.become()).length, 4);
  assert.deepEqual(host.keys.texts(PATH, "ReservedPorts"), []);
});

/** The ranges of netsh for IPv4 and TCP. */
function tcpRanges({ netsh }: Exclusions): string[] {
  return netsh.ranges.filter((range) => range.startsWith("ipv4 tcp")).map((range) => range.slice("ipv4 tcp ".length))
    .sort();
}

Deno.test("ports in use are left out, the ranges around them are excluded, and given back one by one", async () => {
  const host = new Exclusions();
  for (const port of [20_000, 20_050, 20_099]) host.netsh.used.add(`tcp ${port}`);
  await host.become(RANGE);
  assert.deepEqual(tcpRanges(host), ["20001 20049 *", "20051 20098 *"]);
  assert.ok(host.netsh.ranges.includes("ipv6 udp 20000 20099 *"));
  assert.equal(host.netsh.ranges.length, 6);
  assert.deepEqual(await host.become(RANGE), [], "they are so already");
  host.netsh.used.delete("tcp 20050");
  assert.equal((await host.become(RANGE)).length, 2, "a port that is free now is added, for both families");
  assert.deepEqual(tcpRanges(host), ["20001 20049 *", "20050 20050 *", "20051 20098 *"]);
  await host.become();
  assert.deepEqual([host.netsh.ranges, [...host.keys.values.keys()]], [[], []]);
});

Deno.test("a port that somebody takes between the plan and its step is left out too", async () => {
  const host = new Exclusions();
  const { netsh, keys } = host;
  const steps = await new ExcludedPorts({ netsh: netsh.run, usedPorts: netsh.usedPorts, keys }).stepsTo([RANGE]);
  netsh.used.add("tcp 20010");
  for (const step of steps) await step.run();
  assert.deepEqual(tcpRanges(host), ["20000 20009 *", "20011 20099 *"]);
  await host.become();
  assert.deepEqual(netsh.ranges, []);
});

Deno.test("what somebody has excluded between the plan and its step is there already, and not portd's to give back", async () => {
  const host = new Exclusions();
  const { netsh, keys } = host;
  const steps = await new ExcludedPorts({ netsh: netsh.run, usedPorts: netsh.usedPorts, keys }).stepsTo([RANGE]);
  netsh.ranges.push("ipv4 tcp 20000 20099 *", "ipv4 udp 20040 20049 *");
  for (const step of steps) await step.run();
  await host.become();
  assert.deepEqual(netsh.ranges, ["ipv4 tcp 20000 20099 *", "ipv4 udp 20040 20049 *"]);
});
