/** `portd line`, and what doctor says of the line. */
import assert from "node:assert/strict";
import { checkLine } from "../../../src/cli/doctor/line.ts";
import { factsOfLine } from "../../../src/cli/line/line_text.ts";
import { judgeLine } from "../../../src/line/verdict.ts";
import { checkFailure, commandTest } from "../../support/command_setting.ts";
import { anyPort, keepPort, lookOf, portOf, SEEN } from "../../support/line.ts";
import { LEASE, LINE } from "../../support/wire.ts";

const KNOWN = { routerAddress: SEEN, localAddress: "192.168.1.10", ipv6Addresses: [], tunnel: null };

commandTest("portd line shows what is known, and with --stun what servers on the internet saw", async (setting) => {
  const before = await setting.run(["line"]);
  assert.equal(before.code, 0);
  assert.match(
    before.stdout,
    /^line {7}unknown\nwhy .*\n(?:doubt .*\n)+address {4}unknown\nports {6}unknown\nasked {6}never\n$/,
  );
  const asked: unknown[] = [];
  setting.daemon.machine.stun = (servers) => {
    asked.push(servers);
    return { look: lookOf(portOf({ offset: 4, length: 8, psid: 17 })), failures: [] };
  };
  const { code, stdout } = await setting.run(["line", "--stun", "stun.example.org:1", "stun:b.example"]);
  assert.equal(code, 0);
  assert.deepEqual(asked, [[{ host: "stun.example.org", port: 1 }, { host: "b.example", port: 3478 }]]);
  assert.match(stdout, /^line {7}MAP-E: some ports can be opened \(likely\)$/m);
  assert.match(stdout, /^ports {6}240: 4368-4383, 8464-8479, .*, 61712-61727$/m);
  assert.match(stdout, /^seen {7}198\.51\.100\.7: \d+ as \d+, /m);
  const json = await setting.run(["line", "--json"]);
  assert.equal(JSON.parse(json.stdout).portSet.psid, 17);
});

commandTest("portd net says the verdict where it is known", async (setting) => {
  assert.doesNotMatch((await setting.run(["net"])).stdout, /^line /m);
  setting.daemon.machine.stun = () => ({ look: lookOf(keepPort), failures: [] });
  assert.equal((await setting.run(["line", "--stun", "a.example"])).code, 0);
  const { stdout } = await setting.run(["net"]);
  assert.match(stdout, /^line {7}every port can be opened \(likely\); for more: portd line$/m);
});

commandTest("portd line refuses what is no server, and a server without --stun", async (setting) => {
  await checkFailure(
    setting.run(["line", "--stun", "http://x"]),
    2,
    /Cannot use "http:\/\/x": must be a STUN server like/,
  );
  await checkFailure(setting.run(["line", "stun.example.org"]), 2, /without --stun/);
  await checkFailure(setting.run(["line", "--stun", "a", "b", "c", "d", "e"]), 2, /at most 4/);
});

commandTest("portd line --stun says why no server answered", async (setting) => {
  setting.daemon.machine.stun = () => ({ look: null, failures: ["a.example:3478: no answer within 3s"] });
  await checkFailure(setting.run(["line", "--stun", "a.example"]), 1, /a\.example:3478: no answer within 3s/);
});

Deno.test("the ports of a line are all, a list, none or unknown", () => {
  const portsOf = (...args: Parameters<typeof judgeLine>) =>
    factsOfLine(judgeLine(...args)).find(([name]) => name === "ports")![1];
  assert.equal(portsOf({ ...KNOWN, look: lookOf(keepPort) }), "all");
  assert.equal(portsOf({ ...KNOWN, look: lookOf(anyPort), routerAddress: undefined }), "unknown");
  assert.equal(portsOf({ ...KNOWN, look: null, routerAddress: "100.64.0.2" }), "none");
});

Deno.test("doctor warns of a line only where a lease wants what it cannot have", () => {
  const { gateway } = LEASE.exposure!;
  const closed = { ...LEASE, exposure: null };
  const pinhole = { ...LEASE, exposure: { ...LEASE.exposure!, gateway: { ...gateway!, ipv4: false } } };
  const shared = judgeLine({ ...KNOWN, look: null, routerAddress: "100.64.0.2" });
  assert.deepEqual(checkLine(undefined, [LEASE]), []);
  const unknown = judgeLine({ ...KNOWN, look: null, routerAddress: undefined });
  assert.deepEqual(checkLine(unknown, [closed]), [["ok", "not looked at, and no lease wants the router"]]);
  assert.match(checkLine(unknown, [LEASE])[0]!.join(": "), /^note: unknown\. .*portd line --stun$/);
  assert.equal(checkLine(shared, [closed, pinhole])[0]![0], "note");
  const [[level, text]] = checkLine(shared, [LEASE]) as [[string, string]];
  assert.equal(level, "warning");
  assert.match(text, /shared: no port can be opened by IPv4 \(sure\)\. .*--ipv6$/);
  const double = judgeLine({ ...KNOWN, look: null, routerAddress: "192.168.100.2" });
  assert.match(checkLine(double, [LEASE])[0]![1], /have the router in front forward the port too$/);
  assert.equal(checkLine(judgeLine({ ...KNOWN, look: lookOf(keepPort) }), [LEASE])[0]![0], "ok");
  assert.equal(checkLine(LINE, [LEASE])[0]![0], "note");
});
