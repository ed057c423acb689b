/** portd's rules in the real nftables, in namespaces, with real packets. */
import assert from "node:assert/strict";
import { NftablesBackend } from "../../src/firewall/linux/nftables.ts";
import { rule, testConformance } from "../firewall/conformance.ts";
import { NetworkNamespace } from "../support/os/netns.ts";
import { DROPPING_RULESET, loadRuleset, nftIn, openNftHost } from "../support/os/nft_host.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";
import { ALLOWED_NETWORKS, ALLOWED_ONLY, Cable, EVERYBODY, NOBODY, openTo, settle } from "../support/os/traffic.ts";

const NFTABLES = [linux, root, tools("nft", "unshare", "nsenter", "ip", "python3")];
const OWNER = "1a2b3c4d";

const ACCEPTING_RULESET = `
table inet filter {
  chain input {
    type filter hook input priority filter; policy accept;
    ip saddr 192.0.2.0/24 drop
  }
}
`;

testConformance({ name: "nftables", open: openNftHost, register: (name, fn) => osTest(name, NFTABLES, fn) });

/** A host whose firewall was read from {@linkcode DROPPING_RULESET}. */
interface Host extends AsyncDisposable {
  readonly namespace: NetworkNamespace;
  readonly cable: Cable;
  /** A backend as a daemon that has just started has it. */
  backend(networks?: readonly string[]): NftablesBackend;
}

async function openHost(ruleset = DROPPING_RULESET): Promise<Host> {
  const namespace = await NetworkNamespace.create();
  await loadRuleset(namespace, ruleset);
  const cable = await Cable.lay(namespace);
  return {
    namespace,
    cable,
    backend: (networks = []) =>
      new NftablesBackend({
        owner: OWNER,
        nft: nftIn(namespace),
        interfaces: () => networks.map((cidr) => ({ cidr })),
      }),
    async [Symbol.asyncDispose]() {
      await cable[Symbol.asyncDispose]();
      await namespace[Symbol.asyncDispose]();
    },
  };
}

osTest("a service is reached only while it is open, and from the allowed networks only", NFTABLES, async () => {
  await using host = await openHost();
  assert.deepEqual(await host.cable.reach(), NOBODY);
  await settle(host.backend(), openTo(ALLOWED_NETWORKS));
  assert.deepEqual(await host.cable.reach(), ALLOWED_ONLY);
  await settle(host.backend(), openTo(ALLOWED_NETWORKS).slice(0, 1));
  assert.deepEqual(await host.cable.reach(), { ...NOBODY, ALLOWED4: ["tcp"], ALLOWED6: ["tcp"] });
  await settle(host.backend(), []);
  assert.deepEqual(await host.cable.reach(), NOBODY);
});

osTest("LocalSubnet follows the networks that this machine is on, and any is everybody", NFTABLES, async () => {
  await using host = await openHost();
  await settle(host.backend(ALLOWED_NETWORKS), openTo(["LocalSubnet"]));
  assert.deepEqual(await host.cable.reach(), ALLOWED_ONLY);
  await settle(host.backend(["10.30.0.1/24"]), openTo(["LocalSubnet"]));
  assert.deepEqual(await host.cable.reach(), { ...NOBODY, OTHER4: ["tcp", "udp"] });
  await settle(host.backend(), openTo(["any"]));
  assert.deepEqual(await host.cable.reach(), EVERYBODY);
});

osTest(
  "after the host's firewall was flushed and written anew, the next sync opens what is wanted",
  NFTABLES,
  async () => {
    await using host = await openHost();
    await settle(host.backend(), openTo(ALLOWED_NETWORKS));
    await loadRuleset(host.namespace, `flush ruleset\n${DROPPING_RULESET}`);
    assert.deepEqual(await host.cable.reach(), NOBODY);
    await settle(host.backend(), openTo(ALLOWED_NETWORKS));
    assert.deepEqual(await host.cable.reach(), ALLOWED_ONLY);
    // As `iptables -F` and a script that begins anew do: one of the chains lost its rules, and its last one is back.
    await loadRuleset(host.namespace, "flush chain ip legacy INPUT\nadd rule ip legacy INPUT jump reject_all");
    await settle(host.backend(), openTo(ALLOWED_NETWORKS));
    assert.deepEqual((await host.backend().read()).rules.map(({ rule }) => rule?.port), [20417, 20417]);
  },
);

osTest("a drop that was put in front of ours is overtaken by the next sync", NFTABLES, async () => {
  await using host = await openHost();
  await settle(host.backend(), openTo(ALLOWED_NETWORKS));
  await host.namespace.run(
    "nft",
    "insert",
    "rule",
    "inet",
    "filter",
    "input",
    "iifname",
    "veth0",
    "tcp",
    "dport",
    "1024-65535",
    "drop",
  );
  assert.deepEqual((await host.cable.reach()).ALLOWED4, ["udp"]);
  await settle(host.backend(), openTo(ALLOWED_NETWORKS));
  assert.deepEqual(await host.cable.reach(), ALLOWED_ONLY);
});

osTest("what another portd crashed over is put right by the next one of the same state folder", NFTABLES, async () => {
  await using host = await openHost();
  await settle(host.backend(), [...openTo(ALLOWED_NETWORKS), rule(20999)]); // the crash came before the end of this lease
  await settle(host.backend(), openTo(ALLOWED_NETWORKS));
  assert.deepEqual((await host.backend().read()).rules.map(({ name }) => name).sort(), [
    "portd-in-tcp-20417",
    "portd-in-udp-20417",
  ]);
});

osTest("where nothing drops, nothing is added, and the reading says so", NFTABLES, async () => {
  await using host = await openHost(ACCEPTING_RULESET);
  const before = await host.namespace.run("nft", "list", "ruleset");
  await settle(host.backend(), openTo(ALLOWED_NETWORKS));
  assert.equal(await host.namespace.run("nft", "list", "ruleset"), before);
  const { remarks } = await host.backend().read();
  assert.match(remarks.join(), /nftables does not drop what comes in/);
});

osTest("a transaction of which one half is refused changes nothing", NFTABLES, async () => {
  await using host = await openHost();
  await settle(host.backend(), openTo(ALLOWED_NETWORKS));
  const before = await host.namespace.run("nft", "list", "ruleset");
  // Reads as if one more chain were there, which the kernel then does not find: another program took it in between.
  const script = `
import subprocess, sys
if "list" in sys.argv:
    text = subprocess.run(["/usr/sbin/nft", *sys.argv[1:]], stdout=subprocess.PIPE, text=True).stdout.rstrip()[:-2]
    print(text + ', {"chain": {"family": "ip", "table": "gone", "name": "input", "hook": "input", "policy": "drop"}}]}')
else:
    sys.exit(subprocess.run(["/usr/sbin/nft", *sys.argv[1:]]).returncode)
`;
  const nft = [...host.namespace.enter, "python3", "-c", script] as [string, ...string[]];
  const backend = new NftablesBackend({ owner: OWNER, nft, interfaces: () => [] });
  const wanted = [rule(20500, { remote: ["any"] })];
  await assert.rejects(backend.apply({ add: wanted, change: [], remove: ["portd-in-tcp-20417"] }), {
    code: "firewall_unavailable",
    message: /^Cannot change the firewall: nft ended with exit code 1: .*No such file or directory/,
  });
  assert.equal(await host.namespace.run("nft", "list", "ruleset"), before);
});

osTest("without root, the firewall is unknown, and the error says what would help", NFTABLES, async () => {
  const nft = ["/usr/bin/setpriv", "--reuid", "65534", "--clear-groups", "/usr/sbin/nft"] as [string, ...string[]];
  const backend = new NftablesBackend({ owner: OWNER, nft, interfaces: () => [] });
  await assert.rejects(backend.read(), {
    code: "firewall_unavailable",
    message: "Cannot read the firewall: nft needs root, or the capability CAP_NET_ADMIN",
  });
});
