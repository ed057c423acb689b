/** portd's rules in the real nftables, in namespaces, with real packets. */
import assert from "node:assert/strict";
import { linuxFirewall } from "../../src/firewall/linux/firewall.ts";
import { nftables } from "../../src/firewall/linux/nftables.ts";
import type { Program } from "../../src/os/program.ts";
import { rule } from "../firewall/conformance.ts";
import { FIREWALL_TESTS, OWNER, testOnHost } from "../support/os/firewall_host.ts";
import { DROPPING_RULESET, NftHost } from "../support/os/nft_host.ts";
import { linux, root, tools } from "../support/os/requirement.ts";
import { ALLOWED_NETWORKS, ALLOWED_ONLY, EVERYBODY, NOBODY, openTo, settle } from "../support/os/traffic.ts";

const ACCEPTING_RULESET = `
flush ruleset
table inet filter {
  chain input {
    type filter hook input priority filter; policy accept;
    ip saddr 192.0.2.0/24 drop
  }
}
`;

const DROPPING_NETWORK = `
flush ruleset
table inet filter {
  chain input {
    type filter hook input priority filter; policy accept;
    udp dport 9 accept
    ip saddr 10.20.0.0/16 drop
  }
}
`;

/** An nft whose reading has one more chain, as if another program removed it before the change. */
const CHAIN_TOO_MANY = `
import subprocess, sys
if "list" in sys.argv:
    text = subprocess.run(["/usr/sbin/nft", *sys.argv[1:]], stdout=subprocess.PIPE, text=True).stdout.rstrip()[:-2]
    print(text + ', {"chain": {"family": "ip", "table": "gone", "name": "input", "hook": "input", "policy": "drop"}}]}')
else:
    sys.exit(subprocess.run(["/usr/sbin/nft", *sys.argv[1:]]).returncode)
`;

testOnHost({
  name: "nftables",
  requirements: [linux, root, tools("nft", "unshare", "nsenter", "ip", "python3", "setpriv")],
  open: NftHost.open,
  tests: {
    ...FIREWALL_TESTS,
    async "LocalSubnet follows the networks that this machine is on, and any is everybody"(host) {
      const cable = await host.cable();
      await settle(host.backend(OWNER, ALLOWED_NETWORKS), openTo(["LocalSubnet"]));
      assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
      await settle(host.backend(OWNER, ["10.30.0.1/24"]), openTo(["LocalSubnet"]));
      assert.deepEqual(await cable.reach(), { ...NOBODY, OTHER4: ["tcp", "udp"] });
      await settle(host.backend(), openTo(["any"]));
      assert.deepEqual(await cable.reach(), EVERYBODY);
    },
    async "after the host's firewall was flushed and loaded again, the next sync opens what is wanted"(host) {
      const cable = await host.cable();
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      await host.load(`flush ruleset\n${DROPPING_RULESET}`);
      assert.deepEqual(await cable.reach(), NOBODY);
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
      // As `iptables -F` and a script after it do: one of the chains lost its rules, and its last one is back.
      await host.load("flush chain ip legacy INPUT\nadd rule ip legacy INPUT jump reject_all");
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      assert.deepEqual((await host.backend().read()).rules.map(({ rule }) => rule?.port), [20417, 20417]);
    },
    async "a drop that was inserted before our entries is overtaken by the next sync"(host) {
      const cable = await host.cable();
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      await host.load("insert rule inet filter input iifname veth0 tcp dport 1024-65535 drop");
      assert.deepEqual((await cable.reach()).ALLOWED4, ["udp"]);
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
    },
    async "rules that a crash left are removed by the next portd of the same state folder"(host) {
      await settle(host.backend(), [...openTo(ALLOWED_NETWORKS), rule(20999)]); // the crash came before this lease ended
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      const names = (await host.backend().read()).rules.map(({ name }) => name);
      assert.deepEqual(names.sort(), ["portd-in-tcp-20417", "portd-in-udp-20417"]);
    },
    async "where nothing drops what is opened, nothing is added, and a remark says what is dropped"(host) {
      await host.load(ACCEPTING_RULESET);
      const before = await host.rules();
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      assert.equal(await host.rules(), before);
      assert.match((await host.backend().read()).remarks.join(), /nftables drops only some of what comes in/);
      await host.load("flush ruleset");
      assert.match((await host.backend().read()).remarks.join(), /nftables does not drop what comes in/);
    },
    async "a chain that drops a whole network by its addresses gets an entry for the networks in it"(host) {
      const cable = await host.cable();
      await host.load(DROPPING_NETWORK);
      assert.deepEqual(await cable.reach(), { ...EVERYBODY, ALLOWED4: [] });
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      assert.deepEqual(await cable.reach(), EVERYBODY);
      const [there] = (await host.backend().read()).rules;
      assert.deepEqual(there?.rule?.remote, ["10.20.0.0/24"]);
      await settle(host.backend(), []);
      assert.deepEqual(await cable.reach(), { ...EVERYBODY, ALLOWED4: [] });
    },
    async "a transaction of which one half is refused changes nothing"(host) {
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      const before = await host.rules();
      const program: Program = [...host.namespace.enter, "python3", "-c", CHAIN_TOO_MANY];
      const backend = linuxFirewall(nftables({ program }), { owner: OWNER, interfaces: () => [] });
      const wanted = [rule(20500, { remote: ["any"] })];
      const reading = await backend.read();
      await assert.rejects(reading.apply({ add: wanted, change: [], remove: ["portd-in-tcp-20417"] }), {
        code: "firewall_unavailable",
        message: /^Cannot change the firewall: nft ended with exit code 1: .*No such file or directory/,
      });
      assert.equal(await host.rules(), before);
    },
    async "without root the firewall is unknown, and the error says what would help"() {
      const program: Program = ["/usr/bin/setpriv", "--reuid", "65534", "--clear-groups", "/usr/sbin/nft"];
      const backend = linuxFirewall(nftables({ program }), { owner: OWNER, interfaces: () => [] });
      await assert.rejects(backend.read(), {
        code: "firewall_unavailable",
        message: "Cannot read the firewall: nft needs root, or the capability CAP_NET_ADMIN",
      });
    },
  },
});
