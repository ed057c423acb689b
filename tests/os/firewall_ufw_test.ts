/** portd's rules in the real ufw, in namespaces, with real packets. */
import assert from "node:assert/strict";
import { ufw } from "../../src/firewall/linux/ufw.ts";
import { rule } from "../firewall/conformance.ts";
import { ADDRESSES, FIREWALL_TESTS, OWNER, testOnHost } from "../support/os/firewall_host.ts";
import { linux, root, tools } from "../support/os/requirement.ts";
import { ALLOWED_NETWORKS, ALLOWED_ONLY, NOBODY, openTo, settle } from "../support/os/traffic.ts";
import { UfwHost } from "../support/os/ufw_host.ts";

testOnHost({
  name: "ufw",
  requirements: [linux, root, tools("ufw", "iptables", "unshare", "nsenter", "mount", "ip", "python3", "setpriv")],
  open: UfwHost.open,
  tests: {
    ...FIREWALL_TESTS,
    async "ufw governs while it is enabled"(host) {
      assert.equal(await ufw({ root: host.root }).governs(), true);
    },
    async "rules are there after a reload, and after a reset the next sync restores them"(host) {
      const cable = await host.cable();
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      await host.namespace.run("ufw", "reload");
      assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
      await host.namespace.run("ufw", "--force", "reset");
      await host.namespace.run("ufw", "allow", "9/udp");
      await host.namespace.run("ufw", "--force", "enable");
      assert.deepEqual(await cable.reach(), NOBODY);
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
    },
    async "a foreign rule that matches the same is neither replaced nor doubled"(host) {
      for (const rule of ["allow proto tcp from 10.20.0.0/24", "deny proto tcp from 10.30.0.0/24"]) {
        await host.namespace.run("ufw", ...`${rule} to any port 20417`.split(" "));
      }
      const before = await host.tuples();
      await settle(host.backend(), [rule(20417, { remote: ["10.20.0.0/24", "10.30.0.0/24"] })]);
      assert.deepEqual(await host.tuples(), before);
      assert.deepEqual((await host.backend().read()).remarks, [
        "ufw has a rule of its own that goes before portd's: deny in proto tcp from 10.30.0.0/24 to 0.0.0.0/0 port 20417",
      ]);
      await settle(host.backend(), []);
      assert.deepEqual(await host.tuples(), before);
    },
    async "a denial that was put before our entries is overtaken by the next sync"(host) {
      const cable = await host.cable();
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      await host.namespace.run("ufw", "prepend", "deny", "20000:21000/tcp");
      assert.deepEqual((await cable.reach()).ALLOWED4, ["udp"]);
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
    },
    async "where ufw lets in what no rule matches, no rule is made, and a remark says so"(host) {
      await host.namespace.run("ufw", "default", "allow", "incoming");
      const before = await host.tuples();
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      assert.deepEqual(await host.tuples(), before);
      assert.match((await host.backend().read()).remarks.join(), /^ufw lets in what no rule matches/);
    },
    async "without root the error says what would help"(host) {
      const program = host.command("/usr/bin/setpriv", "--reuid", "65534", "--clear-groups");
      const reading = await host.backend(OWNER, ADDRESSES, program).read();
      await assert.rejects(reading.apply({ add: openTo(ALLOWED_NETWORKS), change: [], remove: [] }), {
        code: "firewall_unavailable",
        message: "Cannot change the firewall: ufw needs root",
      });
    },
  },
});
