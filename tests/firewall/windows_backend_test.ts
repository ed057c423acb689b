/** The backend of Windows on a Windows in memory; tests/os/wine_test.ts has the real calls. */
import assert from "node:assert/strict";
import { WindowsFirewall } from "../../src/firewall/windows/backend.ts";
import { LOCAL_RULES, POLICY_RULES } from "../../src/firewall/windows/policy.ts";
import { capturedRules, conformanceHost, MemoryWindows, ruleLine, unavailable } from "../support/windows_firewall.ts";
import { differenceTo, rule, settle, testConformance } from "./conformance.ts";

const OWNER = "1a2b3c4d";
const POLICY = "SOFTWARE\\Policies\\Microsoft\\WindowsFirewall";
const LOCAL = "SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy";

testConformance({
  name: "Windows in memory",
  open: () => {
    const windows = new MemoryWindows();
    return Promise.resolve(conformanceHost(windows, windows.parts));
  },
});

/** Pids of listeners: one that runs, and one that has just ended. */
const LISTENER = 4711, GONE = 4712;

function open() {
  const windows = new MemoryWindows();
  windows.programs.set(LISTENER, "C:\\Tools\\game.exe");
  return { windows, firewall: new WindowsFirewall(windows.parts, { owner: OWNER, listeners: () => [LISTENER, GONE] }) };
}

const CHANGES: Readonly<Record<string, readonly [from: string, to: string]>> = {
  "that was disabled": ["Active=TRUE", "Active=FALSE"],
  "that blocks": ["Action=Allow", "Action=Block"],
  "that lets pass only what is authenticated": ["Action=Allow", "Action=ByPass"],
  "of the other direction": ["Dir=In", "Dir=Out"],
  "of the other protocol": ["Protocol=6", "Protocol=17"],
  "of no protocol that has ports": ["Protocol=6", "Protocol=1"],
  "with another port": ["LPort=20417", "LPort=20418"],
  "with a port more": ["LPort=20417", "LPort=20417|LPort=20418"],
  "with a range of ports": ["LPort=20417", "LPort2_10=20417-20420"],
  "with every port": ["LPort=20417|", ""],
  "with a keyword for its port": ["LPort=20417", "LPort=RPC"],
  "for one remote port": ["LPort=20417", "LPort=20417|RPort=1"],
  "for one local address": ["LPort=20417", "LPort=20417|LA4=192.0.2.1"],
  "for one range of addresses": ["RA4=LocalSubnet|RA6=LocalSubnet", "RA4=192.0.2.1-192.0.2.9"],
  "for the IPv4 part of the local networks": ["|RA6=LocalSubnet", ""],
  "for another keyword": ["RA4=LocalSubnet|RA6=LocalSubnet", "RA4=DNS|RA6=DNS"],
  "for one program": ["|Name=", "|App=C:\\shop.exe|Name="],
  "for one service": ["|Name=", "|Svc=shop|Name="],
  "with edge traversal": ["EmbedCtxt=portd|", "EmbedCtxt=portd|Edge=TRUE|"],
  "for one kind of interface": ["EmbedCtxt=portd|", "EmbedCtxt=portd|IFType=Wireless|"],
  "for one user": ["EmbedCtxt=portd|", "EmbedCtxt=portd|LUAuth=O:LSD:(A;;CC;;;S-1-5-32-544)|"],
  "with a key that nobody knows": ["EmbedCtxt=portd|", "EmbedCtxt=portd|Future=1|"],
};

for (const [words, [from, to]] of Object.entries(CHANGES)) {
  Deno.test(`a rule of ours ${words} says what no rule of ours does, and is made what it was`, async () => {
    const { windows, firewall } = open();
    await settle(firewall, [rule(20417)]);
    const [{ name, text } = assert.fail("no rule")] = await windows.list();
    assert.notEqual(text.replace(from, to), text);
    windows.set(name, text.replace(from, to));
    assert.deepEqual((await firewall.read()).rules, [{ name: "portd-in-tcp-20417", rule: undefined }]);
    await settle(firewall, [rule(20417)]);
    assert.deepEqual((await windows.list()).map((left) => left.text), [text]);
  });
}

for (const [words, field] of [["profiles", "Profile=Private|"], ["addresses", "RA4=LocalSubnet|RA6=LocalSubnet|"]]) {
  Deno.test(`a rule of ours whose ${words} were changed is read as it is, and is a difference`, async () => {
    const { windows, firewall } = open();
    await settle(firewall, [rule(20417)]);
    const [{ name, text } = assert.fail("no rule")] = await windows.list();
    windows.set(name, text.replace(field!, ""));
    assert.notEqual((await firewall.read()).rules[0]!.rule, undefined);
    assert.deepEqual(differenceTo(await firewall.read(), [rule(20417)]).change, [rule(20417)]);
  });
}

Deno.test("a name that a foreign rule has is not given to ours, whatever its case", async () => {
  const { windows, firewall } = open();
  windows.set("a", ruleLine("portd-in-tcp-20417 shop/web", { group: "" }));
  windows.set("b", ruleLine("Portd-in-tcp-20417 SHOP/web (2)", { group: "" }));
  await settle(firewall, [rule(20417)]);
  assert.deepEqual(windows.calls.filter((call) => call.startsWith("add")), ["add portd-in-tcp-20417 shop/web (3)"]);
  await settle(firewall, []);
  assert.deepEqual((await windows.list()).map(({ name }) => name), ["a", "b"]);
});

Deno.test("a rule of ours whose name a foreign rule has taken is not removed, and the error says so; others are", async () => {
  const { windows, firewall } = open();
  await settle(firewall, [rule(20417), rule(20418)]);
  windows.set("theirs", ruleLine("portd-in-tcp-20417 shop/web", { group: "" }));
  assert.equal(
    await unavailable(settle(firewall, [])),
    'Cannot remove the rule portd-in-tcp-20417: a rule that is not portd\'s is named "portd-in-tcp-20417 shop/web" ' +
      "too; rename it or remove both",
  );
  assert.deepEqual((await firewall.read()).rules.map(({ name }) => name), ["portd-in-tcp-20417"]);
  assert.equal((await windows.list()).length, 2);
});

const REFUSALS: Readonly<Record<number, RegExp>> = {
  0x80070005: /^Cannot add the rule portd-in-tcp-20417: that takes an administrator's rights: run portd as /,
  0x800706ba: /: the Windows Defender Firewall service \(mpssvc\) does not run$/,
  0x800706d9: /: the Windows Defender Firewall service \(mpssvc\) does not run$/,
  0x80040154: /: this Windows has no Windows Defender Firewall$/,
};

for (const [hresult, words] of Object.entries(REFUSALS)) {
  Deno.test(`of 0x${Number(hresult).toString(16)} nothing more is tried, and the error says why`, async () => {
    const { windows, firewall } = open();
    windows.answer = (call) => call.startsWith("add") ? Number(hresult) : 0;
    assert.match(await unavailable(settle(firewall, [rule(20417), rule(20418)])), words);
    assert.deepEqual(windows.calls, ["open", "modify state", "add portd-in-tcp-20417 shop/web", "close"]);
  });
}

Deno.test("where COM cannot be opened, the error says why", async () => {
  const { windows, firewall } = open();
  windows.answer = () => 0x80070005;
  assert.match(await unavailable(settle(firewall, [rule(20417)])), /^Cannot change the firewall: that takes an admin/);
});

Deno.test("a rule that is refused for itself keeps no other from being added", async () => {
  const { windows, firewall } = open();
  windows.answer = (call) => /add portd-in-tcp-2041[78]/.test(call) ? 0x80070057 : 0;
  const message = await unavailable(settle(firewall, [rule(20417), rule(20418), rule(20419)]));
  assert.match(message, /^Cannot add the rule portd-in-tcp-20417: .* answered 0x80070057 \(and 1 more\)$/);
  assert.deepEqual((await firewall.read()).rules.map(({ name }) => name), ["portd-in-tcp-20419"]);
});

Deno.test("rules that cannot be read are unknown, not absent: the error says so and nothing is changed", async () => {
  const { windows, firewall } = open();
  await settle(firewall, [rule(20417)]);
  const before = windows.calls.length;
  windows.readFailure = new Error("Cannot read HKLM\\X: Windows error 5");
  assert.equal(await unavailable(firewall.read()), "Cannot read the firewall: cannot read HKLM\\X: Windows error 5");
  await unavailable(settle(firewall, []));
  windows.readFailure = undefined;
  windows.keys.delete(LOCAL_RULES);
  assert.match(await unavailable(firewall.read()), /^Cannot read the firewall: this Windows keeps no rules at HKLM\\/);
  await unavailable(settle(firewall, []));
  assert.equal(windows.calls.length, before);
});

Deno.test("two changes at once are made one after the other", async () => {
  const { windows, firewall } = open();
  const reading = await firewall.read();
  const added = (port: number) => reading.apply({ add: [rule(port)], change: [], remove: [] });
  await Promise.all([added(20417), added(20418)]);
  const one = (port: number) => ["open", "modify state", `add portd-in-tcp-${port} shop/web`, "close"];
  assert.deepEqual(windows.calls, [...one(20417), ...one(20418)]);
});

Deno.test("a change that failed keeps the next from nothing", async () => {
  const { windows, firewall } = open();
  windows.answer = () => 0x80070005;
  const reading = await firewall.read();
  const failing = unavailable(reading.apply({ add: [rule(20417)], change: [], remove: [] }));
  windows.answer = (call) => call.includes("20417") ? 0x80070005 : 0;
  await failing;
  await settle(firewall, [rule(20418)]);
  assert.deepEqual((await firewall.read()).rules.map(({ name }) => name), ["portd-in-tcp-20418"]);
});

async function remarks(prepare: (windows: MemoryWindows) => void): Promise<readonly string[]> {
  const { windows, firewall } = open();
  await settle(firewall, [rule(20417), rule(20418, { protocol: "udp" })]);
  prepare(windows);
  return (await firewall.read()).remarks;
}

function setNumber(windows: MemoryWindows, path: string, name: string, value: number): void {
  windows.keys.set(path, new Map([...windows.keys.get(path) ?? [], [name, value]]));
}

Deno.test("on a Windows as it should be nothing is remarked, whatever rules others have", async () => {
  assert.deepEqual(
    await remarks((windows) =>
      capturedRules().filter((line) => !line.includes("Block")).forEach((line, i) => windows.set(`${i}`, line))
    ),
    [],
  );
});

Deno.test("a service that is stopped or disabled, and missing rights, are remarked", async () => {
  const service = "The Windows Defender Firewall service (mpssvc)";
  const consequence = "rules have no effect and cannot be changed until it runs";
  assert.deepEqual(await remarks((windows) => windows.service = "stopped"), [
    `${service} does not run: ${consequence}`,
  ]);
  const disable = (windows: MemoryWindows) =>
    setNumber(windows, "SYSTEM\\CurrentControlSet\\Services\\mpssvc", "Start", 4);
  assert.deepEqual(await remarks(disable), [`${service} is disabled: ${consequence}`]);
  assert.deepEqual(await remarks((windows) => windows.service = "unknown"), []);
  assert.deepEqual(await remarks((windows) => windows.elevated = false), [
    "This portd does not run as administrator: it reads the firewall's rules, and cannot change them",
  ]);
});

Deno.test("profiles whose firewall is off, or that let nothing in, are remarked; group policy goes first", async () => {
  const off = "The firewall is off in the private profile: there everything is let in anyway";
  const turnOff = (windows: MemoryWindows) => setNumber(windows, `${LOCAL}\\StandardProfile`, "EnableFirewall", 0);
  assert.deepEqual(await remarks(turnOff), [off]);
  const on = (windows: MemoryWindows) => setNumber(windows, `${POLICY}\\PrivateProfile`, "EnableFirewall", 1);
  assert.deepEqual(await remarks((windows) => (turnOff(windows), on(windows))), []);
  const old = (windows: MemoryWindows) => setNumber(windows, `${POLICY}\\StandardProfile`, "EnableFirewall", 0);
  assert.deepEqual(await remarks(old), [
    "The firewall is off in the private and public profiles: there everything is let in anyway",
  ]);
  assert.deepEqual(await remarks((windows) => (old(windows), on(windows))), [], "an old policy beside a new one");
  const shield = (windows: MemoryWindows) => setNumber(windows, `${LOCAL}\\DomainProfile`, "DoNotAllowExceptions", 1);
  assert.deepEqual(await remarks(shield), [
    "All incoming connections are blocked in the domain profile (DoNotAllowExceptions): rules have no effect there",
  ]);
});

Deno.test("a group policy that makes local rules void is remarked, once", async () => {
  const found = await remarks((windows) => {
    for (const profile of ["Domain", "Private", "Public"]) {
      setNumber(windows, `${POLICY}\\${profile}Profile`, "AllowLocalPolicyMerge", 0);
    }
  });
  assert.deepEqual(found, [
    "Group policy makes the rules of this machine void in every profile (AllowLocalPolicyMerge=0): only the domain's " +
    "administrator can let a port be reached there",
  ]);
});

Deno.test("what Windows said of its state when a rule was written is remarked", async () => {
  const states = [["overridden", /group policy overrides/], ["inbound blocked", /connections are blocked/]] as const;
  for (const [state, words] of states) {
    const { windows, firewall } = open();
    windows.state = state;
    await settle(firewall, [rule(20417)]);
    const [remark, ...more] = (await firewall.read()).remarks;
    assert.match(remark!, words);
    assert.match(remark!, /\(LocalPolicyModifyState\)$/);
    assert.deepEqual(more, []);
  }
});

const BLOCK = "v2.30|Action=Block|Active=TRUE|Dir=In|";

Deno.test("a rule that blocks the program that listens is remarked, wherever it stands and however it writes the path", async () => {
  const line = `${BLOCK}Protocol=6|Profile=Public|App=%Tools%\\GAME.EXE|Name=Game|`;
  const expected = [
    'The rule "Game" blocks the program C:\\Tools\\game.exe in the public profile: it goes before any rule that allows',
  ];
  assert.deepEqual(await remarks((windows) => windows.set("x", line)), expected);
  assert.deepEqual(await remarks((windows) => windows.keys.set(POLICY_RULES, new Map([["x", line]]))), expected);
  for (const [from, to] of [["TRUE", "FALSE"], ["GAME", "other"], ["Dir=In", "Dir=Out"]]) {
    const other = line.replace(from!, to!);
    assert.deepEqual(await remarks((windows) => windows.set("x", other)), [], other);
  }
});

Deno.test("a rule that blocks ports of ours is remarked, with those ports", async () => {
  const remarksOn = (line: string) => remarks((windows) => windows.set("{id}", line));
  assert.deepEqual(await remarksOn(`${BLOCK}Protocol=6|LPort2_10=20000-20417|Name=Twenty|`), [
    'The rule "Twenty" blocks port 20417/tcp in every profile: it goes before any rule that allows',
  ]);
  assert.deepEqual(await remarksOn(`${BLOCK}Profile=Private|RA4=192.0.2.0/24|`), [
    'The rule "{id}" blocks ports 20417/tcp, 20418/udp in the private profile under conditions of its own, before any ' +
    "rule that allows",
  ]);
  for (const line of [`${BLOCK}Protocol=6|LPort=1|`, `${BLOCK}Profile=Public|`, `${BLOCK}Protocol=6|LPort=RPC|`]) {
    assert.deepEqual(await remarksOn(line), [], line);
  }
});

Deno.test("of many ports that a rule blocks some are named", async () => {
  const { windows, firewall } = open();
  await settle(firewall, Array.from({ length: 12 }, (_, i) => rule(20400 + i)));
  windows.set("x", `${BLOCK}Name=All|`);
  assert.match(
    (await firewall.read()).remarks[0]!,
    /20400\/tcp, 20401\/tcp, 20402\/tcp, 20403\/tcp, 20404\/tcp and 7 more in/,
  );
});
