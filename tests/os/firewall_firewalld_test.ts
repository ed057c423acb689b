/** portd's rules in the real firewalld, with a D-Bus of its own, in namespaces, with real packets. */
import assert from "node:assert/strict";
import { openLinuxFirewall } from "../../src/firewall/linux/open.ts";
import { rule } from "../firewall/conformance.ts";
import { FIREWALL_TESTS, OWNER, testOnHost } from "../support/os/firewall_host.ts";
import { FirewalldHost } from "../support/os/firewalld_host.ts";
import { linux, root, tools } from "../support/os/requirement.ts";
import { ALLOWED_NETWORKS, ALLOWED_ONLY, EVERYBODY, NOBODY, openTo, settle } from "../support/os/traffic.ts";

const TOOLS = ["firewalld", "firewall-cmd", "dbus-daemon", "unshare", "nsenter", "mount", "ip", "python3", "setpriv"];

testOnHost({
  name: "firewalld",
  requirements: [linux, root, tools(...TOOLS)],
  open: FirewalldHost.open,
  tests: {
    ...FIREWALL_TESTS,
    async "after a reload the next sync opens what is wanted"(host) {
      const cable = await host.cable();
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      await host.namespace.run("firewall-cmd", "--reload");
      assert.deepEqual(await cable.reach(), NOBODY);
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
    },
    async "a rule of direction out is not needed"(host) {
      const reading = await host.backend().read();
      assert.equal(reading.needed(rule(20417, { direction: "out" })), undefined);
    },
    async "firewalld is chosen while it runs, and without root the error says what would help"(host) {
      const firewallCmd = host.command("/usr/bin/setpriv", "--reuid", "65534", "--clear-groups");
      const backend = await openLinuxFirewall({ owner: OWNER, programs: { firewallCmd } });
      assert.equal(backend.name, "firewalld");
      await assert.rejects(backend.read(), {
        code: "firewall_unavailable",
        message: "Cannot read the firewall: firewall-cmd needs root",
      });
    },
    // The last one: a reload does not undo what it does to zones.
    async "a rule follows the interface to another zone, and is not made where a zone accepts"(host) {
      const cable = await host.cable();
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      await host.namespace.run("firewall-cmd", "--zone=work", "--change-interface=veth0");
      await host.namespace.run("firewall-cmd", "--zone=work", "--add-port=9/udp");
      assert.deepEqual(await cable.reach(), NOBODY);
      await settle(host.backend(), openTo(ALLOWED_NETWORKS));
      assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
      await host.namespace.run("firewall-cmd", "--set-default-zone=trusted");
      await host.namespace.run("firewall-cmd", "--zone=work", "--add-port=20000-21000/tcp");
      await settle(host.backend(), openTo(["any"]));
      assert.deepEqual(await cable.reach(), EVERYBODY);
      assert.deepEqual((await host.backend().read()).rules.map(({ name }) => name), ["portd-in-udp-20417"]);
    },
  },
});
