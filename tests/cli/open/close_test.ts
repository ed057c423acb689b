/** `portd close` of what is open at the router, and `portd gateway`. */
import assert from "node:assert/strict";
import { checkFailure, commandTest, type Setting } from "../../support/command_setting.ts";
import { answerEach, GAME_PORT, IPV6_ROUTER, leaseGame, mappingOf } from "../../support/gateway/answers.ts";

const PORT = GAME_PORT;
const OUTSIDE = `203.0.113.7:${PORT}`;
const OPEN = ["open", `${PORT}`, "--router", "--yes"];
const exposures = ({ daemon }: Setting) => daemon.leases.map(({ exposure }) => exposure);

commandTest("portd close removes rule and mapping, and says what ended", async (setting) => {
  answerEach(setting.daemon);
  await leaseGame(setting.daemon);
  await setting.run(["open", "game", "--router"]);
  const { code, stdout, stderr } = await setting.run(["close", "game"]);
  assert.deepEqual([code, stdout], [0, ""]);
  assert.deepEqual(stderr.split("\n"), [
    `closed shop/game (${PORT}/tcp)`,
    `removed the rule portd-in-tcp-${PORT} from the firewall (nftables)`,
    `removed ${OUTSIDE}/tcp at the router`,
    "",
  ]);
  assert.deepEqual([exposures(setting), setting.daemon.machine.firewall.rules], [[null], []]);
  const again = await setting.run(["close", `${PORT}`]);
  assert.deepEqual(again, { code: 0, stdout: "", stderr: `shop/game (${PORT}/tcp) is not open\n` });
});

commandTest("portd close says what the router has not deleted, and when it ends", async (setting) => {
  const left = (reason: string | null, expiresAt: string | null) =>
    answerEach(setting.daemon, {}, {
      left: (lease) => [mappingOf(lease, { state: "leaving", reason, expiresAt })],
    });
  left("the router has not answered", "2026-11-23T22:20:36.000Z");
  await leaseGame(setting.daemon);
  await setting.run(["open", "game", "--router"]);
  const { code, stderr } = await setting.run(["close", "game"]);
  assert.equal(code, 1);
  const still = `failed: ${OUTSIDE}/tcp still leads to 192.168.1.20:${PORT}: `;
  assert.ok(
    stderr.includes(`${still}the router has not answered; it ends by itself at 2026-11-23T22:20:36.000Z\n`),
    stderr,
  );
  assert.match(stderr, /\n {2}next: portd keeps trying; see how it stands with: portd gateway list\n$/);
  left(null, null);
  const again = await setting.run(["close", "game"]);
  assert.equal(again.code, 1);
  assert.ok(
    again.stderr.includes(`is not open\n${still}the router has not deleted it yet; it has no end of its own: `),
    again.stderr,
  );
});

commandTest("portd close of a port closes all of its leases; of what is not leased it is an error", async (setting) => {
  answerEach(setting.daemon);
  await leaseGame(setting.daemon);
  await setting.run([...OPEN, "--both"]);
  const { stderr, stdout } = await setting.run(["close", `${PORT}`, "--json"]);
  const { leases, removedRules, removedMappings, leavingMappings } = JSON.parse(stdout);
  assert.deepEqual(
    [leases.length, removedRules.length, removedMappings.length, leavingMappings],
    [2, 2, 2, []],
    stderr,
  );
  assert.deepEqual(exposures(setting), [null, null]);
  await checkFailure(setting.run(["close", "20999"]), 1, /Cannot find a lease on port 20999/);
  await checkFailure(setting.run(["close", "nosuch"]), 1, /Cannot find/);
  await checkFailure(setting.run(["close", "0"]), 2, /Cannot use "0" for NAME\|PORT/);
});

commandTest("portd gateway shows the router, and lists its mappings", async (setting) => {
  answerEach(setting.daemon, {}, { ipv6: IPV6_ROUTER, faults: ["the router has restarted"] });
  assert.match((await setting.run(["gateway", "list"])).stderr, /^no mappings$/m);
  await leaseGame(setting.daemon);
  await setting.run(["open", "game", "--router"]);
  const status = await setting.run(["gateway", "status"]);
  assert.deepEqual([status.code, status.stdout.split("\n")], [0, [
    "router     192.168.1.1 (UPnP), Home Gateway",
    "address    203.0.113.7",
    "IPv6       fe80::1%eth0 (PCP)",
    "mappings   1 set",
    "fault      the router has restarted",
    "",
  ]]);
  const list = await setting.run(["gateway", "list"]);
  assert.deepEqual([list.code, list.stdout.split("\n")], [0, [
    "LEASE      OUTSIDE                INSIDE              VIA   STATE  REASON",
    "shop/game  203.0.113.7:25565/tcp  192.168.1.20:25565  UPnP  set    -",
    "",
  ]]);
  answerEach(setting.daemon, { state: "failed", external: null, via: null, reason: "refused" }, { ipv4: null });
  const sync = await setting.run(["gateway", "sync"]);
  assert.equal(sync.code, 1);
  assert.match(sync.stdout, /^router +none answers$/m);
  assert.match(sync.stdout, /^shop\/game +- \/tcp +192\.168\.1\.20:25565 +- +failed +refused$/m);
  assert.equal(JSON.parse((await setting.run(["gateway", "list", "--json"])).stdout).mappings.length, 1);
});

commandTest("portd release and portd free say that the mappings end too", async (setting) => {
  answerEach(setting.daemon);
  const note = /^released .*\nnote: its mappings at the router end too, see: portd gateway list$/m;
  for (const args of [["release", `${PORT}`], ["free", `${PORT}`, "--yes"]]) {
    assert.equal((await setting.run(OPEN)).code, 0);
    assert.match((await setting.run(args)).stderr, note);
    await setting.daemon.grant({ port: PORT });
    assert.doesNotMatch((await setting.run(args)).stderr, /router/);
  }
});

commandTest(
  "portd close tells a mapping that is gone from an older one that the router may still have",
  async (setting) => {
    const unconfirmed = { state: "leaving", external: null, via: null, expiresAt: null } as const;
    answerEach(setting.daemon, {}, { left: (lease) => [mappingOf(lease, unconfirmed)] });
    await leaseGame(setting.daemon);
    await setting.run(["open", "game", "--router"]);
    const { code, stderr } = await setting.run(["close", "game"]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^removed 203\.0\.113\.7:25565\/tcp at the router\nfailed: the router may have a mapping to 192/m,
    );
  },
);

commandTest("portd close names the rules also where the daemon has not read the firewall yet", async (setting) => {
  answerEach(setting.daemon);
  await leaseGame(setting.daemon);
  await setting.run(["open", "game", "--router"]);
  const { fault } = setting.daemon;
  setting.daemon.fault = (asked, honestly) => {
    if (asked.method !== "GET" || asked.path !== `/v1/ports/${PORT}`) return fault(asked, honestly);
    return honestly().then(async (response) => {
      const { rules, ...rest } = await response.json();
      return Response.json({ ...rest, rules: rules.map((rule: object) => ({ ...rule, state: "unknown" })) });
    });
  };
  const { code, stderr } = await setting.run(["close", "game"]);
  assert.equal(code, 0);
  assert.match(stderr, /^removed the rule portd-in-tcp-25565 from the firewall \(nftables\)$/m);
});
