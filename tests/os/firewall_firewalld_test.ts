/** portd's rules in the real firewalld, with a D-Bus of its own, in namespaces, with real packets. */
import assert from "node:assert/strict";
import { FirewalldBackend } from "../../src/firewall/linux/firewalld.ts";
import { chooseLinuxBackend } from "../../src/firewall/linux/open.ts";
import { rule, testConformance } from "../firewall/conformance.ts";
import { firewallCmdIn, openFirewalld, openFirewalldHost } from "../support/os/firewalld_host.ts";
import type { NetworkNamespace } from "../support/os/netns.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";
import { ALLOWED_NETWORKS, ALLOWED_ONLY, Cable, EVERYBODY, NOBODY, openTo, settle } from "../support/os/traffic.ts";

const FIREWALLD = [
  linux,
  root,
  tools("firewalld", "firewall-cmd", "dbus-daemon", "unshare", "nsenter", "mount", "ip", "python3"),
];
const OWNER = "1a2b3c4d";

testConformance({
  name: "firewalld",
  open: openFirewalldHost,
  register: (name, fn) => osTest(name, FIREWALLD, fn),
});

function backendOn(namespace: NetworkNamespace): FirewalldBackend {
  return new FirewalldBackend({ owner: OWNER, firewallCmd: firewallCmdIn(namespace), interfaces: () => [] });
}

osTest("firewalld lets a service be reached only while it is open, from the allowed networks", FIREWALLD, async () => {
  await using firewalld = await openFirewalld();
  const { namespace } = firewalld;
  await using cable = await Cable.lay(namespace);
  assert.deepEqual(await cable.reach(), NOBODY);
  await settle(backendOn(namespace), openTo(ALLOWED_NETWORKS));
  assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
  await settle(backendOn(namespace), openTo(["any"]));
  assert.deepEqual(await cable.reach(), EVERYBODY);
  await settle(backendOn(namespace), []);
  assert.deepEqual(await cable.reach(), NOBODY);
});

osTest("after firewalld was reloaded, the next sync opens what is wanted", FIREWALLD, async () => {
  await using firewalld = await openFirewalld();
  const { namespace } = firewalld;
  await using cable = await Cable.lay(namespace);
  await settle(backendOn(namespace), openTo(ALLOWED_NETWORKS));
  await namespace.run("firewall-cmd", "--reload");
  assert.deepEqual(await cable.reach(), NOBODY);
  await settle(backendOn(namespace), openTo(ALLOWED_NETWORKS));
  assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
});

osTest(
  "firewalld: a rule follows the interface to another zone, and is not made where a zone accepts",
  FIREWALLD,
  async () => {
    await using firewalld = await openFirewalld();
    const { namespace } = firewalld;
    await using cable = await Cable.lay(namespace);
    await settle(backendOn(namespace), openTo(ALLOWED_NETWORKS));
    await namespace.run("firewall-cmd", "--zone=work", "--change-interface=veth0");
    await namespace.run("firewall-cmd", "--zone=work", "--add-port=9/udp");
    assert.deepEqual(await cable.reach(), NOBODY);
    await settle(backendOn(namespace), openTo(ALLOWED_NETWORKS));
    assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
    await namespace.run("firewall-cmd", "--set-default-zone=trusted");
    await namespace.run("firewall-cmd", "--zone=work", "--add-port=20000-21000/tcp");
    await settle(backendOn(namespace), openTo(["any"]));
    assert.deepEqual(await cable.reach(), EVERYBODY);
    assert.deepEqual((await backendOn(namespace).read()).rules.map(({ name }) => name), ["portd-in-udp-20417"]);
  },
);

osTest("firewalld: a rule of direction out is not needed", FIREWALLD, async () => {
  await using firewalld = await openFirewalld();
  const { needed } = await backendOn(firewalld.namespace).read();
  assert.equal(needed?.(rule(20417, { direction: "out" })), undefined);
});

osTest("firewalld is chosen while it runs, and without root the error says what would help", FIREWALLD, async () => {
  await using firewalld = await openFirewalld();
  const { enter } = firewalld.namespace;
  const setpriv = ["/usr/bin/setpriv", "--reuid", "65534", "--clear-groups"];
  const firewallCmd = [...enter, ...setpriv, "/usr/bin/firewall-cmd"] as [string, ...string[]];
  const backend = await chooseLinuxBackend({ owner: OWNER, programs: { firewallCmd } });
  assert.equal(backend.name, "firewalld");
  await assert.rejects(backend.read(), {
    code: "firewall_unavailable",
    message: "Cannot read the firewall: firewall-cmd needs root",
  });
});
