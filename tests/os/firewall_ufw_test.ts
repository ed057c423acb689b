/** portd's rules in the real ufw, in namespaces, with real packets. */
import assert from "node:assert/strict";
import { isUfwEnabled, UfwBackend } from "../../src/firewall/linux/ufw.ts";
import { rule, testConformance } from "../firewall/conformance.ts";
import type { NetworkNamespace } from "../support/os/netns.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";
import { ALLOWED_NETWORKS, ALLOWED_ONLY, Cable, EVERYBODY, NOBODY, openTo, settle } from "../support/os/traffic.ts";
import { openUfw, openUfwHost, rootOf, tuplesIn, ufwIn } from "../support/os/ufw_host.ts";

const UFW = [linux, root, tools("ufw", "iptables", "unshare", "nsenter", "mount", "ip", "python3")];
const OWNER = "1a2b3c4d";

testConformance({ name: "ufw", open: openUfwHost, register: (name, fn) => osTest(name, UFW, fn) });

function backendOn(namespace: NetworkNamespace): UfwBackend {
  return new UfwBackend({ owner: OWNER, ufw: ufwIn(namespace), root: rootOf(namespace), interfaces: () => [] });
}

osTest("ufw lets a service be reached only while it is open, and from the allowed networks only", UFW, async () => {
  await using namespace = await openUfw();
  await using cable = await Cable.lay(namespace);
  assert.equal(await isUfwEnabled(rootOf(namespace)), true);
  assert.deepEqual(await cable.reach(), NOBODY);
  await settle(backendOn(namespace), openTo(ALLOWED_NETWORKS));
  assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
  await settle(backendOn(namespace), openTo(["any"]));
  assert.deepEqual(await cable.reach(), EVERYBODY);
  await settle(backendOn(namespace), []);
  assert.deepEqual(await cable.reach(), NOBODY);
});

osTest(
  "after ufw was reloaded its rules are there, and after it was reset the next sync restores them",
  UFW,
  async () => {
    await using namespace = await openUfw();
    await using cable = await Cable.lay(namespace);
    await settle(backendOn(namespace), openTo(ALLOWED_NETWORKS));
    await namespace.run("ufw", "reload");
    assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
    await namespace.run("ufw", "--force", "reset");
    await namespace.run("ufw", "--force", "enable");
    await namespace.run("ufw", "allow", "9/udp");
    assert.deepEqual(await cable.reach(), NOBODY);
    await settle(backendOn(namespace), openTo(ALLOWED_NETWORKS));
    assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
  },
);

osTest("ufw: a rule of somebody else that matches the same is neither replaced nor doubled", UFW, async () => {
  await using namespace = await openUfw();
  const words = (verdict: string, network: string) => [verdict, "proto", "tcp", "from", network, "to", "any", "port"];
  await namespace.run("ufw", ...words("allow", "10.20.0.0/24"), "20417");
  await namespace.run("ufw", ...words("deny", "10.30.0.0/24"), "20417");
  const before = await tuplesIn(rootOf(namespace));
  await settle(backendOn(namespace), [rule(20417, { remote: ["10.20.0.0/24", "10.30.0.0/24"] })]);
  assert.deepEqual(await tuplesIn(rootOf(namespace)), before);
  assert.deepEqual((await backendOn(namespace).read()).remarks, [
    "ufw has a rule of its own that goes before portd's: deny in proto tcp from 10.30.0.0/24 to 0.0.0.0/0 port 20417",
  ]);
  await settle(backendOn(namespace), []);
  assert.deepEqual(await tuplesIn(rootOf(namespace)), before);
});

osTest("ufw: a denial that was put in front of ours is overtaken by the next sync", UFW, async () => {
  await using namespace = await openUfw();
  await using cable = await Cable.lay(namespace);
  await settle(backendOn(namespace), openTo(ALLOWED_NETWORKS));
  await namespace.run("ufw", "prepend", "deny", "20000:21000/tcp");
  assert.deepEqual((await cable.reach()).ALLOWED4, ["udp"]);
  await settle(backendOn(namespace), openTo(ALLOWED_NETWORKS));
  assert.deepEqual(await cable.reach(), ALLOWED_ONLY);
});

osTest("ufw: where it lets in what no rule is about, none of ours is made, and the reading says so", UFW, async () => {
  await using namespace = await openUfw();
  await namespace.run("ufw", "default", "allow", "incoming");
  const before = await tuplesIn(rootOf(namespace));
  await settle(backendOn(namespace), openTo(ALLOWED_NETWORKS));
  assert.deepEqual(await tuplesIn(rootOf(namespace)), before);
  assert.match((await backendOn(namespace).read()).remarks.join(), /^ufw lets in what no rule is about/);
});

osTest("ufw: without root the error says what would help", UFW, async () => {
  await using namespace = await openUfw();
  const setpriv = ["/usr/bin/setpriv", "--reuid", "65534", "--clear-groups"];
  const ufw = [...namespace.enter, ...setpriv, "/usr/sbin/ufw"] as [string, ...string[]];
  const backend = new UfwBackend({ owner: OWNER, ufw, root: rootOf(namespace), interfaces: () => [] });
  const wanted = openTo(ALLOWED_NETWORKS);
  await assert.rejects(backend.apply({ add: wanted, change: [], remove: [] }), {
    code: "firewall_unavailable",
    message: "Cannot change the firewall: ufw needs root",
  });
});
