/**
 * Tests of the firewall of Windows, run by Deno for Windows under Wine, where firewall_com_server.c stands in for the
 * firewall's COM classes: tests/os/wine_test.ts starts them. They change the registry of the whole machine, so on a real
 * Windows they refuse to run.
 */
import assert from "node:assert/strict";
import { PortdClient } from "../../../src/client/client.ts";
import { openHost } from "../../../src/firewall/windows/host.ts";
import { LOCAL_RULES } from "../../../src/firewall/windows/policy.ts";
import { differenceTo, rule, settle, testConformance } from "../../firewall/conformance.ts";
import { conformanceHost, ruleLine, unavailable } from "../windows_firewall.ts";
import { linesOf } from "./lines.ts";
import { CLASSES, OWNER, POLICY, WineFirewall } from "./wine_firewall_host.ts";
import { requireWine } from "./wine_only.ts";

requireWine("change its firewall");

testConformance({
  name: "Windows",
  open: () => {
    const firewall = new WineFirewall();
    return Promise.resolve(conformanceHost(firewall, firewall.parts, () => firewall[Symbol.dispose]()));
  },
});

Deno.test("what COM is given arrives whole, in the words of [MS-GPFAS]", async () => {
  using firewall = new WineFirewall();
  const remote = ["192.0.2.7/32", "10.0.0.0/8", "2001:db8::/32", "2001:db8::7/128", "LocalSubnet"];
  await settle(firewall.backend(), [
    rule(20417, { remote }, "店/ウェブ 🏪"),
    rule(20418, { protocol: "udp", direction: "out", remote: ["any"], profiles: ["public"] }, ""),
  ]);
  const rules = await firewall.list();
  for (const { name } of rules) assert.match(name, /^\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}$/);
  const desc = `Lets a leased port be reached until the lease ends; changes by hand are undone. [portd ${OWNER}]`;
  assert.deepEqual(rules.map(({ text }) => text).sort(), [
    "v2.33|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=20417|" +
    "RA4=10.0.0.0/255.0.0.0|RA4=192.0.2.7|RA6=2001:db8::/32|RA6=2001:db8::7|RA4=LocalSubnet|RA6=LocalSubnet|" +
    `Name=portd-in-tcp-20417 店/ウェブ 🏪|Desc=${desc}|EmbedCtxt=portd|`,
    "v2.33|Action=Allow|Active=TRUE|Dir=Out|Protocol=17|Profile=Public|LPort=20418|" +
    `Name=portd-out-udp-20418|Desc=${desc}|EmbedCtxt=portd|`,
  ]);
});

Deno.test("half a character in a name does not keep a rule from being found again", async () => {
  using firewall = new WineFirewall();
  await settle(firewall.backend(), [rule(20417, {}, "a\ud800b")]);
  assert.match((await firewall.list())[0]!.text, /\|Name=portd-in-tcp-20417 a\ufffdb\|/);
  await settle(firewall.backend(), []);
  assert.deepEqual(await firewall.list(), []);
});

Deno.test("where COM refuses because rights are missing, the error says so, and nothing has changed", async () => {
  using firewall = new WineFirewall();
  const backend = firewall.backend();
  await settle(backend, [rule(20417)]);
  const before = await firewall.list();
  firewall.configure("Result", 0x80070005);
  const reason = "that takes an administrator's rights: run portd as administrator or as a service";
  assert.equal(
    await unavailable(settle(backend, [rule(20417), rule(20418)])),
    `Cannot add the rule portd-in-tcp-20418: ${reason}`,
  );
  assert.equal(await unavailable(settle(backend, [])), `Cannot remove the rule portd-in-tcp-20417: ${reason}`);
  assert.deepEqual(await firewall.list(), before);
  firewall.configure("Result", 0);
  await settle(backend, [rule(20418)]);
  assert.deepEqual((await backend.read()).rules.map(({ name }) => name), ["portd-in-tcp-20418"]);
});

Deno.test("where the service does not answer, or classes are not there, the error says so", async () => {
  using firewall = new WineFirewall();
  firewall.configure("Result", 0x800706d9);
  assert.match(await unavailable(settle(firewall.backend(), [rule(20417)])), /service \(mpssvc\) does not run$/);
  for (const clsid of CLASSES) firewall.registry.deleteKey(`Software\\Classes\\CLSID\\${clsid}`);
  const message = await unavailable(settle(firewall.backend(), [rule(20417)]));
  assert.equal(message, "Cannot change the firewall: this Windows has no Windows Defender Firewall");
});

Deno.test("a field that Windows does not take is named, and the other rules are added", async () => {
  using firewall = new WineFirewall();
  const backend = firewall.backend();
  firewall.configure("FailPorts", 20417);
  assert.match(
    await unavailable(settle(backend, [rule(20417), rule(20418)])),
    /^Cannot add the rule portd-in-tcp-20417: Windows takes no such value for LocalPorts \(.* answered 0x80070057\)$/,
  );
  assert.deepEqual((await backend.read()).rules.map(({ name }) => name), ["portd-in-tcp-20418"]);
});

/** Exchanges something over the loopback, which takes turns of the event loop. */
async function exchange(): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using server = await listener.accept();
  await client.write(new Uint8Array([1]));
  assert.equal(await server.read(new Uint8Array(1)), 1);
}

Deno.test("while Windows takes its time over a rule, the event loop goes on and rules can be read", async () => {
  using firewall = new WineFirewall();
  const backend = firewall.backend();
  firewall.configure("Held", 1); // Windows waits until the event loop says otherwise
  let isDone = false;
  const added = settle(backend, [rule(20417)]).then(() => isDone = true);
  for (let i = 0; i < 50; i++) {
    await exchange();
    assert.deepEqual((await backend.read()).rules, []);
  }
  assert.equal(isDone, false);
  firewall.configure("Held", 0);
  await added;
  assert.deepEqual((await backend.read()).rules.map(({ name }) => name), ["portd-in-tcp-20417"]);
});

Deno.test("changes that are asked for at once reach Windows one after the other", async () => {
  using firewall = new WineFirewall();
  const backend = firewall.backend();
  const reading = await backend.read();
  const add = (port: number) => reading.apply({ add: [rule(port)], change: [], remove: [] });
  await Promise.all([20417, 20418, 20419, 20420].map(add)); // two at once would be answered with E_UNEXPECTED
  assert.equal((await backend.read()).rules.length, 4);
});

Deno.test("what Windows says of its state when a rule was written is remarked", async () => {
  using firewall = new WineFirewall();
  const backend = firewall.backend();
  firewall.configure("ModifyState", 1);
  await settle(backend, [rule(20417)]);
  assert.match((await backend.read()).remarks.join("\n"), /group policy overrides .* \(LocalPolicyModifyState\)/);
});

Deno.test("a group policy that makes the rules of this machine void is remarked", async () => {
  using firewall = new WineFirewall();
  firewall.registry.setNumber(`${POLICY}\\PublicProfile`, "AllowLocalPolicyMerge", 0);
  const { remarks } = await firewall.backend().read();
  assert.match(remarks.join("\n"), /void in the public profile \(AllowLocalPolicyMerge=0\)/);
});

Deno.test("a rule that blocks the program of a listener is remarked", async () => {
  using firewall = new WineFirewall();
  const block = (app: string) => `v2.33|Action=Block|Active=TRUE|Dir=In|App=${app}|Name=deno|`;
  firewall.set("nonsense", block("%a=b%\\%\0%\\%%\\deno.exe"));
  firewall.set("x", block(Deno.execPath().toUpperCase()));
  const { remarks } = await firewall.backend().read();
  assert.ok(remarks.some((remark) => remark.startsWith('The rule "deno" blocks the program ')), remarks.join("\n"));
});

Deno.test("whether the firewall's service is stopped, disabled or unknown comes from Windows", async () => {
  using firewall = new WineFirewall();
  const path = "SYSTEM\\CurrentControlSet\\Services\\mpssvc", backend = firewall.backend();
  const sc = async (...args: readonly string[]) => {
    const command = new Deno.Command("C:\\windows\\system32\\sc.exe", {
      args: [...args],
      stdout: "null",
      stderr: "null",
    });
    assert.equal((await command.output()).code, 0, args.join(" "));
  };
  assert.equal(await openHost().serviceState(), "unknown");
  assert.doesNotMatch((await backend.read()).remarks.join("\n"), /mpssvc/);
  await sc("create", "mpssvc", "binPath=", Deno.execPath());
  assert.equal(await openHost().serviceState(), "stopped");
  assert.match((await backend.read()).remarks.join("\n"), /\(mpssvc\) does not run/);
  firewall.registry.setNumber(path, "Start", 4);
  assert.match((await backend.read()).remarks.join("\n"), /\(mpssvc\) is disabled/);
  await sc("delete", "mpssvc");
});

Deno.test("whether this process has an administrator's rights is known", () => {
  assert.equal(typeof openHost().isElevated(), "boolean");
});

Deno.test("values that are no texts are no rules, and long ones are read whole", async () => {
  using firewall = new WineFirewall();
  firewall.registry.setNumber(LOCAL_RULES, "number", 1);
  firewall.registry.setBytes(LOCAL_RULES, "bytes", new Uint8Array(70_000));
  const long = ruleLine("portd-in-tcp-20417 web").replace("Desc=x", `Desc=${"x".repeat(20_000)}`);
  firewall.set("L".repeat(1000), long);
  firewall.set("", "v2.33|");
  const { rules, foreign } = await firewall.backend().read();
  assert.deepEqual(rules.map(({ name }) => name), ["portd-in-tcp-20417"]);
  assert.equal(foreign, 1);
  assert.deepEqual((await firewall.list()).map(({ text }) => text.length).sort(), [6, long.length].sort());
});

Deno.test("rules that change while they are read are read as they were at one moment", async () => {
  using firewall = new WineFirewall();
  for (let i = 0; i < 3000; i++) firewall.set(`foreign ${i}`, ruleLine(`portd-in-tcp-20417 web ${i}`, { group: "" }));
  const reading = firewall.list();
  // Between two of the reader's turns: it has seen some of these, and whoever went on counting would miss others.
  for (let i = 0; i < 1500; i++) firewall.delete(`foreign ${i}`);
  const names = (await reading).map(({ name }) => name);
  assert.deepEqual(names.sort(), Array.from({ length: 1500 }, (_, i) => `foreign ${1500 + i}`).sort());
});

Deno.test("a Windows that keeps no rules is unknown, not without rules", async () => {
  using firewall = new WineFirewall();
  firewall.registry.deleteKey(LOCAL_RULES);
  assert.match(
    await unavailable(firewall.backend().read()),
    /^Cannot read the firewall: this Windows keeps no rules at /,
  );
});

Deno.test("of 1,000 foreign rules and 200 of ours every one is counted", async () => {
  using firewall = new WineFirewall();
  for (let i = 0; i < 1000; i++) firewall.set(`foreign ${i}`, ruleLine(`Shop ${i}`, { port: i + 1 }));
  const wanted = Array.from({ length: 200 }, (_, i) => rule(20400 + i));
  const backend = firewall.backend();
  await settle(backend, wanted);
  const { rules, foreign } = await backend.read();
  assert.deepEqual([rules.length, foreign], [200, 1000]);
  assert.deepEqual(differenceTo(await backend.read(), wanted), { add: [], change: [], remove: [] });
});

/** Starts `portd serve` with a state folder of its own, and answers its address when it is ready. */
async function startDaemon(stateDir: string): Promise<{ readonly child: Deno.ChildProcess; readonly url: string }> {
  const program = ["run", "--no-prompt", "-A", "--no-check", "--cached-only", "main.ts", "serve"];
  const settings = ["--state-dir", stateDir, "--listen", "127.0.0.1:0", "--json"];
  const args = [...program, ...settings, "--set", "firewall.backend=windows"];
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "null" }).spawn();
  const { value, done } = await linesOf(child.stdout).next();
  if (done) throw new Error("Cannot start the daemon");
  return { child, url: JSON.parse(value).url };
}

Deno.test("while Windows takes its time over a rule, the daemon answers and grants, and the rule is set in the end", async () => {
  using firewall = new WineFirewall();
  const stateDir = await Deno.makeTempDir();
  const { child, url } = await startDaemon(stateDir);
  const token = (await Deno.readTextFile(`${stateDir}/admin.token`)).trim();
  const portd = new PortdClient({ url, token });
  firewall.configure("Held", 1);
  const lease = await portd.grant({ name: "game", exposure: { firewall: { remote: ["any"] } } });
  const ruleState = async () => (await portd.describePort(lease.port)).rules.map(({ state }) => state);
  for (let i = 0; i < 100; i++) {
    const response = await fetch(`${url}/healthz`);
    await response.body?.cancel();
    assert.equal(response.status, 200);
  }
  await portd.grant({ name: "web" });
  assert.deepEqual([await ruleState(), await firewall.list()], [["missing"], []]);
  firewall.configure("Held", 0);
  await portd.syncFirewall();
  assert.deepEqual([await ruleState(), (await firewall.list()).length], [["set"], 1]);
  await portd.release(lease.id);
  await portd.syncFirewall();
  assert.deepEqual(await firewall.list(), []);
  await portd.stop();
  assert.equal((await child.status).code, 0);
  await Deno.remove(stateDir, { recursive: true });
});
