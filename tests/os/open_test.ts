/** `portd open` and `close` as a user has them: a daemon in a network namespace, nftables that drop, real packets. */
import assert from "node:assert/strict";
import { Installation } from "../support/os/installation.ts";
import { NetworkNamespace } from "../support/os/netns.ts";
import { loadRuleset } from "../support/os/nft_host.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";
import { ALLOWED_NETWORKS, Cable, PORT } from "../support/os/traffic.ts";

const NEEDED = [linux, root, tools("nft", "unshare", "nsenter", "ip", "python3")];
const NOBODY = { ALLOWED4: [], OTHER4: [], ALLOWED6: [], OTHER6: [] };
const ALLOWED_ONLY = { ...NOBODY, ALLOWED4: ["tcp", "udp"], ALLOWED6: ["tcp", "udp"] };

/** Drops what comes in and is not asked for; UDP port 9 is the test's own. */
const RULESET = `
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iifname "lo" accept
    meta l4proto ipv6-icmp accept
    udp dport 9 accept
  }
}
`;

/** Waits until the process is gone. */
async function kill(pid: number): Promise<void> {
  Deno.kill(pid, "SIGKILL");
  for (;;) {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch((error) => {
      if (error instanceof Deno.errors.NotFound || error.code === "ESRCH") return ") Z";
      throw error;
    });
    if (/\) [ZX]/.test(stat)) return;
  }
}

osTest(
  "a leased service is reached from open until the end of the lease, whatever happens meanwhile",
  NEEDED,
  async () => {
    await using namespace = await NetworkNamespace.create();
    await loadRuleset(namespace, RULESET);
    await using installation = await Installation.create({
      env: { PORTD_LISTEN: "127.0.0.1:7678", PORTD_FIREWALL_BACKEND: "nftables" },
    });
    const portd = async (...args: readonly string[]) => {
      const command = installation.command(args, { before: namespace.enter, stdin: "null" });
      const { code, stdout, stderr } = await command.output();
      const [said, told] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      assert.equal(code, 0, `portd ${args.join(" ")}: ${told}`);
      return said + told!;
    };
    await portd("lease", "shop/game", "--port", `${PORT}`, "--both", "--pin");
    await using cable = await Cable.lay(namespace);
    assert.deepEqual(await cable.reach(), NOBODY);

    const opened = await portd("open", "shop/game", "--remote", ALLOWED_NETWORKS.join(","));
    assert.match(opened, /^opened shop\/game \(20417\/tcp\+udp\) to 10\.20\.0\.0\/24, fd00:20::\/64 \(nftables\)/);
    assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
    assert.match(await portd("firewall", "status"), /portd-in-udp-20417 +set +10\.20\.0\.0\/24/);

    // The daemon is killed, the host's firewall read anew: the next daemon finds its rules missing and sets them.
    await kill((await installation.daemon()).pid);
    await loadRuleset(namespace, `flush ruleset\n${RULESET}`);
    assert.deepEqual(await cable.reach(), NOBODY);
    await portd("ls");
    await portd("firewall", "sync");
    assert.deepEqual(await cable.reach(), ALLOWED_ONLY);

    await portd("close", "shop/game");
    assert.deepEqual(await cable.reach(), NOBODY);
    await portd("open", "shop/game", "--remote", "any");
    await portd("release", "shop/game");
    await portd("firewall", "sync");
    assert.deepEqual(await cable.reach(), NOBODY);
    assert.doesNotMatch(await namespace.run("nft", "list", "ruleset"), /portd/);
    await portd("stop");
  },
);
