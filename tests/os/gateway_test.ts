/** `portd open --router` as a user runs it: a real router, a real service, and who reaches it from the internet. */
import assert from "node:assert/strict";
import { pause } from "../../src/wait.ts";
import { ADDRESSES, LAB_NEEDS } from "../support/os/lab.ts";
import { portSetRanges } from "../support/os/lab/line.ts";
import { BOTH, EXTERNAL, LIFETIME_MS, PORT, Site, WAYS, withEach } from "../support/os/lab_site.ts";
import { osTest } from "../support/os/requirement.ts";

const PSID = 52;
/** Of the router's configuration: the first line that fits decides. */
const ONLY_SOME_PORTS = "allow 20420-20430 10.77.0.0/24 1024-65535\ndeny 0-65535 0.0.0.0/0 0-65535";

osTest("a service is reached from open to close, and its mapping is renewed meanwhile", LAB_NEEDS, async () => {
  await withEach(WAYS, async (site) => {
    assert.deepEqual(await site.reach(), []);
    assert.ok((await site.open()).includes(`${site.address}\n`));
    assert.deepEqual(await site.reach(), BOTH);
    await site.staysReached(3.2 * LIFETIME_MS);

    await site.close();
    await site.untilGone();
    await site.untilTable([]);
  });
});

osTest("a service is not reached any more when its lease has ended", LAB_NEEDS, async () => {
  await withEach(WAYS, async (site) => {
    await site.open();
    await site.portd.run("release", "shop/game");
    await site.untilGone();

    await site.portd.run("lease", "shop/web", "--port", `${PORT + 1}`, "--both", "--ttl", "20s");
    await using _service = await site.lab.lan1.serve(PORT + 1);
    await site.open("shop/web");
    assert.deepEqual(await site.reach(PORT + 1), BOTH);
    await site.untilGone(PORT + 1);
    await site.untilTable([]);
  });
});

osTest("a mapping outlives the daemon, and is renewed and deleted with the nonce that it had", LAB_NEEDS, async () => {
  const lifetimeMs = 30_000; // the next daemon takes its time to start on a busy machine
  await withEach(WAYS, async (site) => {
    await site.open();
    await site.portd.kill();
    assert.deepEqual(await site.reach(), BOTH);
    await site.portd.run("ls"); // starts the next one
    await site.staysReached(1.2 * lifetimeMs);
    await site.portd.kill();
    await site.portd.run("ls");
    await site.close();
    await site.untilGone();
    await site.untilTable([]);

    if (!site.hasNonces) return;
    const { requests } = site.watch;
    for (const protocol of BOTH) {
      const ours = requests.filter((request) => request.protocol === protocol && request.internalPort === PORT);
      const isDeleted = ours.some(({ lifetimeS }) => lifetimeS === 0);
      assert.deepEqual([new Set(ours.map(({ nonce }) => nonce)).size, isDeleted], [1, true], JSON.stringify(ours));
    }
  }, { lifetimeMs });
});

osTest("a mapping comes back after the router has crashed, has lost its table, and was away", LAB_NEEDS, async () => {
  await withEach(WAYS, async (site) => {
    const { router } = site.lab;
    await site.open();
    await router.kill(); // its rules stay in the kernel, and nobody ends them
    await router.restart();
    await site.staysReached(1.2 * LIFETIME_MS);
    await router.reboot();
    await site.untilReached();
    if (site.isPortControl) { // by UPnP miniupnpd tells what it believes to have, and does not look
      await router.flush(); // without a word, and with its epoch
      await site.untilReached();
    }
    await router.fallSilent();
    await site.untilGone(); // nobody has renewed it
    await router.answer();
    await site.untilReached();
    await site.close();
    await site.untilGone();
  });
});

osTest("two hosts that want the same external port have one each, or the second is refused", LAB_NEEDS, async () => {
  await withEach(WAYS.filter(({ family }) => family === "ipv4"), async (site) => {
    await using second = await site.neighbour();
    await site.open();
    assert.match(
      await second.run("open", "shop/game", "--router", "--timeout", "60s"),
      /^11\.22\.44\.2:(?!20417)\d+$/m,
    );
    const table = await site.lab.router.table();
    const ports = table.filter(({ internal }) => internal.address === ADDRESSES.lan2.ipv4)
      .map(({ externalPort }) => externalPort);
    assert.equal(ports.length, 2);
    for (const [port, answer] of [[PORT, "lan1"], [ports[0]!, "lan2"]] as const) {
      for (const protocol of BOTH) assert.equal(await site.lab.internet.ask(EXTERNAL, port, protocol), answer);
    }
    await second.run("close", "shop/game", "--timeout", "60s");

    const fixed = ["--external", `${PORT}`, "--timeout", "60s"];
    const { code, said } = await second.outcome("open", "shop/game", "--router", ...fixed);
    assert.deepEqual([code, said.includes(`${EXTERNAL}:`)], [1, false], said);
    assert.equal(await site.lab.internet.ask(EXTERNAL, PORT, "tcp"), "lan1");
    const left = await site.lab.router.table();
    assert.ok(left.every(({ internal }) => internal.address === ADDRESSES.lan1.ipv4), JSON.stringify(left));
    await site.staysReached(LIFETIME_MS);
  });
});

osTest("a port that the router grants and the line drops is told from one that the line has", LAB_NEEDS, async () => {
  const [way] = WAYS, settings = { PORTD_STUN: `${ADDRESSES.internet.ipv4[0]}:3478` };
  await using site = await Site.open(way!, { settings });
  await using _stun = await site.lab.startStunServer();
  await site.lab.nat("mape48", PSID);
  await site.open();
  assert.deepEqual(await site.reach(), []); // granted, as far as the router knows

  assert.match(await site.portd.run("line", "--stun"), /MAP-E/);
  const ours = portSetRanges(4, 8, PSID).map((range) => range.split("-").map(Number) as [number, number]);
  const { code, said } = await site.portd.outcome("open", "shop/game", "--router", "--external", `${PORT}`);
  assert.deepEqual([code === 0, said.includes(`${EXTERNAL}:`)], [false, false], said);
  assert.match(said, /yours is 52: usable are 4928-4943/);
  const port = Number(/^11\.22\.44\.2:(\d+)$/m.exec(await site.open())?.[1]);
  assert.ok(ours.some(([first, last]) => port >= first && port <= last), `port ${port}`);
  await site.lab.internet.untilReached(EXTERNAL, port);
});

osTest(
  "a port that the router gives in the place of the wanted one is reached, and named as it is",
  LAB_NEEDS,
  async () => {
    const way = {
      name: "PCP",
      family: "ipv4",
      router: { speaks: ["pcp", "nat-pmp"], settings: [ONLY_SOME_PORTS] },
    } as const;
    await using site = await Site.open(way);
    const port = Number(/^11\.22\.44\.2:(\d+)$/m.exec(await site.open())?.[1]);
    assert.ok(port >= 20_420 && port <= 20_430, `port ${port}`);
    assert.deepEqual(await site.lab.internet.reach(EXTERNAL, port), BOTH);
    assert.deepEqual(await site.reach(), []);
  },
);

osTest("a machine that slept longer than a lifetime has its mapping again when it wakes up", LAB_NEEDS, async () => {
  await withEach(WAYS, async (site) => {
    await site.open();
    await site.portd.suspend();
    await pause(LIFETIME_MS);
    await site.untilGone();
    await site.portd.resume();
    await site.untilReached();
    await site.staysReached(LIFETIME_MS);
  });
});

osTest("when this machine's address changes, the mapping follows and the old one is deleted", LAB_NEEDS, async () => {
  await withEach(WAYS.filter(({ family }) => family === "ipv4"), async (site) => {
    await site.open();
    await site.lab.lan1.changeAddress("10.77.0.31");
    await site.untilReached();
    await site.untilTable(["10.77.0.31", "10.77.0.31"]);
    await site.staysReached(LIFETIME_MS);
  });
});
