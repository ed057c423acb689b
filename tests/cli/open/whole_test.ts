/** `portd open --router` and `portd close` with the whole daemon over a router in memory. */
import assert from "node:assert/strict";
import { commandTest, type Setting } from "../../support/command_setting.ts";
import { GAME_PORT, leaseGame } from "../../support/gateway/answers.ts";

const PORT = GAME_PORT;
const OUTSIDE = `203.0.113.7:${PORT}`, PINHOLE = `[2001:db8:1::10]:${PORT}`;
const ROUTED = { hasRouter: true };
const OPEN = ["open", `${PORT}`, "--router", "--yes"];

/** The mappings in the router's own table. */
function tableOf({ daemon }: Setting): readonly string[] {
  return daemon.router.ours.map(({ family, protocol, externalPort, internal }) =>
    `${family} ${externalPort}/${protocol} ${internal.address} ${internal.port}`
  ).sort();
}

commandTest("a lease is opened at the firewall and at the router, and closed at both", async (setting) => {
  const opened = await setting.run([...OPEN, "--both", "--ipv6"]);
  assert.deepEqual([opened.code, opened.stdout], [0, `${OUTSIDE}\n${PINHOLE}\n`], opened.stderr);
  assert.deepEqual(tableOf(setting), [
    `ipv4 ${PORT}/tcp 192.168.1.10 ${PORT}`,
    `ipv4 ${PORT}/udp 192.168.1.10 ${PORT}`,
    `ipv6 ${PORT}/tcp 2001:db8:1::10 ${PORT}`,
    `ipv6 ${PORT}/udp 2001:db8:1::10 ${PORT}`,
  ]);
  assert.equal(setting.daemon.machine.firewall.rules.length, 2);
  assert.match(
    (await setting.run(["gateway", "status"])).stdout,
    /^router +192\.168\.1\.1 \(PCP\), memory\n.*203\.0\.113\.7$/m,
  );
  const closed = await setting.run(["close", `${PORT}`]);
  assert.equal(closed.code, 0, closed.stderr);
  assert.equal(closed.stderr.match(/^removed .* at the router$/gm)?.length, 4, closed.stderr);
  assert.deepEqual([tableOf(setting), setting.daemon.machine.firewall.rules], [[], []]);
  const again = await setting.run(["close", `${PORT}`]);
  assert.match(`${again.code} ${again.stderr}`, /^0 \S+ \(25565\/tcp\+udp\) is not open\n$/);
}, ROUTED);

commandTest("opening again changes the wish: another port, then no router", async (setting) => {
  await leaseGame(setting.daemon);
  assert.equal((await setting.run(["open", "game", "--router"])).stdout, `${OUTSIDE}\n`);
  const other = await setting.run(["open", "game", "--router", "--external", "30000"]);
  assert.deepEqual([other.code, other.stdout], [0, "203.0.113.7:30000\n"], other.stderr);
  assert.deepEqual(tableOf(setting), [`ipv4 30000/tcp 192.168.1.10 ${PORT}`]);
  await setting.run(["open", "game"]);
  assert.equal((await setting.run(["gateway", "sync"])).code, 0);
  assert.deepEqual(tableOf(setting), []);
}, ROUTED);

commandTest("a port that is another host's is refused with --external, and replaced without", async (setting) => {
  setting.daemon.router.takeByOther(PORT);
  const fixed = await setting.run([...OPEN, "--external", `${PORT}`]);
  assert.deepEqual([fixed.code, fixed.stdout], [1, ""]);
  assert.match(
    fixed.stderr,
    /^failed: port 25565\/tcp is not open: .*\n {2}next: take another port \(portd open 25565/m,
  );
  const any = await setting.run(OPEN);
  assert.equal(any.code, 0, any.stderr);
  const [mapped] = setting.daemon.router.ours;
  assert.notEqual(mapped!.externalPort, PORT);
  assert.equal(any.stdout, `203.0.113.7:${mapped!.externalPort}\n`);
}, ROUTED);

commandTest("a line that can have no port is told from one that works", async (setting) => {
  setting.daemon.router.habits.externalAddress = "100.64.3.4";
  const { code, stdout, stderr } = await setting.run([...OPEN, "--ipv6"]);
  assert.deepEqual([code, stdout], [1, `${PINHOLE}\n`]);
  assert.match(
    stderr,
    /^failed: port 25565\/tcp is not open: This line cannot have a port from outside by IPv4: .*\n {2}next: .*portd line$/m,
  );
}, ROUTED);

commandTest("a router that refuses leaves the rule; with --all-or-nothing nothing is left", async (setting) => {
  setting.daemon.router.habits.refusal = "not_authorized";
  const { code, stdout } = await setting.run([...OPEN, "--all-or-nothing"]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.deepEqual([tableOf(setting), setting.daemon.machine.firewall.rules], [[], []]);
  assert.equal(setting.daemon.leases[0]!.state, "released");
  assert.equal((await setting.run(OPEN)).code, 1);
  assert.equal(setting.daemon.machine.firewall.rules.length, 1);
  setting.daemon.router.habits.refusal = undefined;
  assert.match((await setting.run(["gateway", "sync"])).stdout, /203\.0\.113\.7:25565\/tcp/);
}, ROUTED);

commandTest("--all-or-nothing deletes the mapping that works too", async (setting) => {
  setting.daemon.machine.firewall.restless.add(`portd-in-tcp-${PORT}`);
  const { code, stdout, stderr } = await setting.run([...OPEN, "--all-or-nothing"]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(
    stderr,
    /^failed: Cannot keep the rule .*\n[\s\S]*\neverything was taken back, as not all of it works\n/m,
  );
  assert.deepEqual(tableOf(setting), []);
}, ROUTED);

commandTest("a router that deletes nothing keeps the mapping, and close says until when", async (setting) => {
  await leaseGame(setting.daemon);
  await setting.run(["open", "game", "--router"]);
  setting.daemon.router.habits.deleteRefusal = "not_authorized";
  for (const words of [/^closed /m, / is not open$/m]) {
    const { code, stderr } = await setting.run(["close", "game"]);
    assert.equal(code, 1);
    assert.match(stderr, words);
    assert.match(
      stderr,
      /^failed: 203\.0\.113\.7:25565\/tcp still leads to 192\.168\.1\.10:25565: The router refuses: .*; it ends by itself at \d/m,
    );
  }
  assert.match(
    (await setting.run(["gateway", "list"])).stdout,
    /^shop\/game +203\.0\.113\.7:25565\/tcp .* leaving +The router refuses/m,
  );
  setting.daemon.router.habits.deleteRefusal = undefined;
  const last = await setting.run(["close", "game"]);
  assert.deepEqual([last.code, tableOf(setting)], [0, []], last.stderr);
}, ROUTED);

commandTest("where the router is silent the rule stays, the sheet comes, and portd asks on", async (setting) => {
  setting.daemon.router.habits.isSilent = true;
  const { code, stdout, stderr } = await setting.run(OPEN);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^failed: port 25565\/tcp is not open: The router has not answered$/m);
  assert.equal(setting.daemon.machine.firewall.rules.length, 1);
  setting.daemon.router.habits.isSilent = false;
  setting.daemon.clock.advance(60_000);
  assert.equal((await setting.run(["gateway", "sync"])).code, 0);
  assert.equal(tableOf(setting).length, 1);
}, ROUTED);

commandTest("the mapping ends with the lease", async (setting) => {
  await setting.run(OPEN);
  assert.equal(tableOf(setting).length, 1);
  assert.match((await setting.run(["release", `${PORT}`])).stderr, /^note: its mappings at the router end too/m);
  await setting.run(["gateway", "sync"]);
  assert.deepEqual(tableOf(setting), []);
}, ROUTED);

commandTest("portd gateway sync looks for the router also where no lease wants a mapping", async (setting) => {
  assert.match(
    (await setting.run(["gateway", "status"])).stdout,
    /^router +none was looked for: portd gateway sync does$/m,
  );
  const { code, stdout } = await setting.run(["gateway", "sync"]);
  assert.equal(code, 0);
  assert.match(stdout, /^router +192\.168\.1\.1 \(PCP\), memory\naddress +203\.0\.113\.7\n/);
}, ROUTED);

commandTest("portd gateway sync fails where no router answers", async ({ run }) => {
  for (const flags of [[], ["--json"]]) assert.equal((await run(["gateway", "sync", ...flags])).code, 1);
  assert.match(
    (await run(["gateway", "sync"])).stdout,
    /^router +none answers$/m,
  );
});
