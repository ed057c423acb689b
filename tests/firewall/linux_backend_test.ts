/** What the backend of Linux says when the programs that it calls fail. */
import assert from "node:assert/strict";
import type { FirewallBackend } from "../../src/firewall/backend.ts";
import { firewalld } from "../../src/firewall/linux/firewalld.ts";
import { linuxFirewall } from "../../src/firewall/linux/firewall.ts";
import { nftables } from "../../src/firewall/linux/nftables.ts";
import { openLinuxFirewall } from "../../src/firewall/linux/open.ts";
import { ufw } from "../../src/firewall/linux/ufw.ts";
import { runProgram } from "../../src/os/program.ts";
import { temporaryFolder } from "../support/folder.ts";
import { rule } from "./conformance.ts";

const OWNER = "1a2b3c4d";
const OPTIONS = { owner: OWNER, interfaces: () => [] };
const ABSENT: [string] = ["/nonexistent/program"];

/** A program that runs a line of JavaScript. */
function program(code: string): [string, ...string[]] {
  return [Deno.execPath(), "eval", code, "--"];
}

const HANGING = program("setInterval(() => {}, 1000)");

function unreadable(reason: string) {
  return { code: "firewall_unavailable", message: `Cannot read the firewall: ${reason}` };
}

/** @param timeoutMs is too long to be reached, unless the test is about it. */
function backends(program: [string, ...string[]], timeoutMs = 600_000): FirewallBackend[] {
  const options = { ...OPTIONS, timeoutMs };
  return [
    linuxFirewall(nftables({ program, legacyTables: "/nonexistent/tables" }), options),
    linuxFirewall(firewalld({ program }), options),
  ];
}

Deno.test("a program that is not installed is named, and nothing is taken for an empty firewall", async () => {
  for (const backend of backends(ABSENT)) {
    await assert.rejects(backend.read(), unreadable("/nonexistent/program is not installed"));
  }
});

Deno.test("a program that hangs is ended after its time, and the event loop went on meanwhile", async () => {
  for (const backend of backends(HANGING, 1)) {
    const events: string[] = [];
    setTimeout(() => events.push("a turn"), 0);
    const reason = `${Deno.execPath()} did not answer within 0.001 seconds and was ended`;
    await assert.rejects(backend.read(), unreadable(reason));
    events.push("the end");
    assert.deepEqual(events, ["a turn", "the end"]);
  }
});

Deno.test("answers that make no sense are an error, not an empty firewall", async () => {
  const answers = { "{": "what nft answered is no JSON", "[]": "what nft answered is no ruleset" };
  for (const [answer, reason] of Object.entries(answers)) {
    const [backend] = backends(program(`console.log(${JSON.stringify(answer)})`));
    await assert.rejects(backend!.read(), unreadable(reason));
  }
});

Deno.test("the error has the first line that a program wrote to stderr", async () => {
  const [nft, firewalld] = backends(program(`console.error("Error: no such thing\\nmore"); Deno.exit(3)`));
  await assert.rejects(nft!.read(), unreadable("nft ended with exit code 3: Error: no such thing"));
  await assert.rejects(firewalld!.read(), unreadable("firewall-cmd ended with exit code 3: no such thing"));
});

Deno.test("a program that ends without reading its input is judged by its exit code", async () => {
  const options = { input: "x".repeat(1_000_000), timeoutMs: 60_000, intent: "change the firewall" };
  const { code, stderr } = await runProgram(program(`console.error("refused"); Deno.exit(4)`), [], options);
  assert.deepEqual([code, stderr], [4, "refused\n"]);
});

Deno.test("a remark reports iptables-legacy, which nft does not show", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/tables`, "filter\n");
  const nft = program(`console.log('{"nftables": []}')`);
  const dialect = nftables({ program: nft, legacyTables: `${folder.path}/tables` });
  const { rules, foreign, remarks, needed } = await linuxFirewall(dialect, OPTIONS).read();
  assert.deepEqual([rules, foreign, needed(rule(20417))], [[], 0, undefined]);
  assert.match(remarks.join("\n"), /^nftables does not drop what comes in.*\niptables-legacy has rules/);
});

/** The files of ufw in a folder of its own. */
async function writeUfw(
  root: string,
  { enabled = "yes", ipv6 = "yes", input = "DROP", rules = "" } = {},
): Promise<void> {
  for (const folder of ["/etc/ufw", "/etc/default"]) await Deno.mkdir(root + folder, { recursive: true });
  await Deno.writeTextFile(`${root}/etc/ufw/ufw.conf`, `# comment\nENABLED=${enabled}\nLOGLEVEL=low\n`);
  const settings = `IPV6=${ipv6}\nDEFAULT_INPUT_POLICY="${input}"\nDEFAULT_OUTPUT_POLICY="ACCEPT"\n`;
  await Deno.writeTextFile(`${root}/etc/default/ufw`, settings);
  await Deno.writeTextFile(`${root}/etc/ufw/user.rules`, rules);
  await Deno.writeTextFile(`${root}/etc/ufw/user6.rules`, "");
}

Deno.test("ufw: what its settings and rules let pass anyway is not needed", async () => {
  await using folder = await temporaryFolder();
  const root = folder.path;
  const needed = async (settings: Parameters<typeof writeUfw>[1], direction: "in" | "out" = "in") => {
    await writeUfw(root, settings);
    const interfaces = () => [{ cidr: "fe80::1/64" }];
    const reading = await linuxFirewall(ufw({ root }), { owner: OWNER, interfaces }).read();
    const remote = ["10.0.0.0/24", "LocalSubnet"];
    return reading.needed(rule(20417, { direction, remote }))?.remote;
  };
  const both = ["10.0.0.0/24", "LocalSubnet"];
  assert.deepEqual(await needed({}), both);
  assert.deepEqual(await needed({ ipv6: "no" }), ["10.0.0.0/24"]);
  assert.equal(await needed({}, "out"), undefined);
  assert.equal(await needed({ input: "ACCEPT" }), undefined);
  const withRule = (text: string, settings = {}) => needed({ ...settings, rules: `### tuple ### ${text}\n` });
  const deny = "deny any 20000:21000 0.0.0.0/0 any 0.0.0.0/0 in";
  assert.deepEqual(await withRule(deny, { input: "ACCEPT" }), ["10.0.0.0/24"]);
  assert.deepEqual(await withRule("allow tcp 80,20417 0.0.0.0/0 any 0.0.0.0/0 in"), ["LocalSubnet"]);
  assert.deepEqual(await withRule("allow tcp 20417 0.0.0.0/0 any 0.0.0.0/0 in_eth0"), both);
  const same = "allow tcp 20417 0.0.0.0/0 any 10.0.0.0/24 in comment=e5ba97";
  assert.deepEqual(await withRule(same), ["LocalSubnet"]);
  assert.deepEqual(await withRule("route:allow tcp 20417 0.0.0.0/0 any 10.0.0.0/24 in"), both);
});

Deno.test("ufw: a file that is not there is an error, not an empty firewall", async () => {
  await using folder = await temporaryFolder();
  const backend = linuxFirewall(ufw({ root: folder.path }), OPTIONS);
  await assert.rejects(backend.read(), {
    code: "firewall_unavailable",
    message: /^Cannot read the firewall: ufw is set up/,
  });
});

Deno.test("firewalld before ufw before nftables governs, and none of them is an error that says so", async () => {
  await using folder = await temporaryFolder();
  const root = folder.path;
  const name = async (firewallCmd: [string, ...string[]], nft: [string, ...string[]]) =>
    (await openLinuxFirewall({ owner: OWNER, root, programs: { firewallCmd, nft } })).name;
  const running = program("Deno.exit(0)"), stopped = program("Deno.exit(252)");
  await writeUfw(root, { enabled: "yes" });
  assert.equal(await name(running, running), "firewalld");
  assert.equal(await name(stopped, running), "ufw");
  await writeUfw(root, { enabled: "no" });
  assert.equal(await name(stopped, running), "nftables");
  await assert.rejects(name(ABSENT, ABSENT), {
    code: "firewall_unavailable",
    message: /^Cannot read the firewall: firewalld does not run, ufw is not enabled, and nftables has no/,
  });
  assert.equal((await openLinuxFirewall({ owner: OWNER, firewall: "nftables", root })).name, "nftables");
});
