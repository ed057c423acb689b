/** `portd open` and `close` as a user runs them: with a daemon, on a host whose firewall drops, with real packets. */
import assert from "node:assert/strict";
import { type FirewallHost, testOnHost } from "../support/os/firewall_host.ts";
import { FirewalldHost } from "../support/os/firewalld_host.ts";
import { HostedPortd } from "../support/os/hosted_portd.ts";
import { NftHost } from "../support/os/nft_host.ts";
import { ProgramInFront } from "../support/os/program_in_front.ts";
import { linux, root, tools } from "../support/os/requirement.ts";
import { ALLOWED_NETWORKS, ALLOWED_ONLY, Cable, NOBODY, PORT } from "../support/os/traffic.ts";
import { UfwHost } from "../support/os/ufw_host.ts";

const NEEDED = [
  linux,
  root,
  tools("nft", "iptables", "ufw", "firewalld", "firewall-cmd", "dbus-daemon", "unshare", "nsenter", "mount", "ip"),
  tools("python3"),
];

const MANY = 200;
/** Fewer changes than these, where those that come while one is made wait for it; how many depends on the machine. */
const FEW = MANY / 10;

const TESTS: Readonly<Record<string, (host: FirewallHost) => Promise<void>>> = {
  async "a leased service is reached from open until the end of the lease"(host) {
    await using portd = await HostedPortd.on(host);
    await portd.run("lease", "shop/game", "--port", `${PORT}`, "--both", "--pin");
    await using cable = await Cable.lay(host.namespace);
    assert.deepEqual(await cable.reach(), NOBODY);

    const opened = await portd.run("open", "shop/game", "--remote", ALLOWED_NETWORKS.join(","));
    assert.ok(opened.includes(`opened shop/game (20417/tcp+udp) to ${ALLOWED_NETWORKS.join(", ")} (${host.name})`));
    assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
    assert.match(await portd.run("firewall", "status"), /portd-in-udp-20417 +set +10\.20\.0\.0\/24/);
    assert.match(await portd.run("inspect", `${PORT}`), /rule +portd-in-tcp-20417 lets in 10\.20\.0\.0\/24, .*, set/);

    // The daemon is killed and the firewall reset: the next daemon finds its rules missing and sets them.
    await portd.kill();
    await host.reset();
    assert.deepEqual(await cable.reach(), NOBODY);
    await portd.run("firewall", "sync");
    assert.deepEqual(await cable.reach(), ALLOWED_ONLY);

    await portd.run("close", "shop/game");
    assert.deepEqual(await cable.reach(), NOBODY);
    await portd.run("open", "shop/game", "--remote", "any");
    await portd.run("release", "shop/game");
    await portd.run("firewall", "sync");
    assert.deepEqual(await cable.reach(), NOBODY);
    assert.doesNotMatch(await host.rules(), /portd/);
    await portd.run("stop");
  },
  async "a daemon that is killed between an exposure and its rule leaves both to the next"(host) {
    await using portd = await HostedPortd.on(host);
    await portd.run("lease", "shop/game", "--port", `${PORT}`, "--both", "--pin");
    await using cable = await Cable.lay(host.namespace);
    {
      await using stuck = await ProgramInFront.stuck(host);
      const opening = portd.outcome("open", "shop/game", "--remote", ALLOWED_NETWORKS.join(","));
      await stuck.asked();
      await portd.kill();
      assert.notEqual((await opening).code, 0);
    }
    assert.deepEqual(await cable.reach(), NOBODY);
    await portd.run("firewall", "sync");
    assert.deepEqual(await cable.reach(), ALLOWED_ONLY);

    // Now the lease has ended, and its rules are still there.
    {
      await using stuck = await ProgramInFront.stuck(host, "*delete*|*-f*|*--remove-rich-rule*");
      await portd.run("release", "shop/game");
      await stuck.asked();
      await portd.kill();
    }
    assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
    await portd.run("firewall", "sync");
    assert.deepEqual(await cable.reach(), NOBODY);
    assert.doesNotMatch(await host.rules(), /portd/);
  },
};

const NFT_TESTS: Readonly<Record<string, (host: NftHost) => Promise<void>>> = {
  async [`${MANY} exposures at once are one change of the firewall, or a few`](host) {
    await using portd = await HostedPortd.on(host);
    await portd.run("ls");
    await using counting = await ProgramInFront.counting(host);
    const rulesOf = async () => new Set((await host.rules()).match(/portd-in-tcp-\d+/g) ?? []).size;

    await portd.script("many_exposures.ts", "one grant", `${MANY}`);
    assert.deepEqual([await rulesOf(), await counting.changes()], [MANY, 1]);
    await portd.script("many_exposures.ts", "release");
    assert.deepEqual([await rulesOf(), await counting.changes() < FEW], [0, true]);

    const before = await counting.changes();
    await portd.script("many_exposures.ts", "one by one", `${MANY}`);
    assert.equal(await rulesOf(), MANY);
    assert.ok(await counting.changes() - before < FEW, `${await counting.changes() - before} changes`);
  },
};

testOnHost({ name: "portd on nftables", requirements: NEEDED, open: NftHost.open, tests: { ...TESTS, ...NFT_TESTS } });
testOnHost({ name: "portd on ufw", requirements: NEEDED, open: UfwHost.open, tests: TESTS });
testOnHost({ name: "portd on firewalld", requirements: NEEDED, open: FirewalldHost.open, tests: TESTS });
