/** An address that a real DHCP client has from a real DHCP server: Debian's dhclient and busybox's udhcpd. */
import assert from "node:assert/strict";
import type { NetworkFacts } from "../../src/adapters/adapters.ts";
import { retryUntil } from "../../src/wait.ts";
import { temporaryFolder } from "../support/folder.ts";
import { debianPackages, unpackDebianPackages } from "../support/os/debian_package.ts";
import { Installation } from "../support/os/installation.ts";
import { NetworkNamespace } from "../support/os/netns.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";

const PACKAGES = ["isc-dhcp-client", "busybox"];
const NEEDED = [linux, root, tools("ip", "unshare", "nsenter", "mount"), debianPackages(...PACKAGES)];
const START_MS = 60_000;

const SERVER = `start 192.168.1.10
end 192.168.1.10
interface lan
lease_file leases
pidfile pid
option subnet 255.255.255.0
option router 192.168.1.1
option dns 192.168.1.1
option lease 86400
`;

osTest("an address from a DHCP server is known as such, with the client that has it", NEEDED, async () => {
  await using folder = await temporaryFolder();
  await unpackDebianPackages(folder.path, PACKAGES);
  await using router = await NetworkNamespace.create();
  await using host = await NetworkNamespace.create({ isWhole: true });
  await router.connect(host, "lan", { here: ["192.168.1.1/24"], there: [] });
  await Deno.writeTextFile(`${folder.path}/udhcpd.conf`, SERVER);
  const busybox = `${folder.path}/bin/busybox`;
  const server = router.spawn("env", "-C", folder.path, busybox, "udhcpd", "-f", "udhcpd.conf");
  try {
    await ownFolders(host, `${folder.path}/scratch`);
    const client = `${folder.path}/sbin/dhclient`, script = `${folder.path}/sbin/dhclient-script`;
    await host.run(client, "-1", "-q", "-sf", script, "-cf", "/dev/null", "lan");
    await using installation = await Installation.create();
    const facts = await retryUntil(async () => {
      const found = await portdNet(installation, host);
      return found.internet.ipv4 !== null && found;
    }, { pauseMs: 1000, limitMs: START_MS });
    const lan = facts!.adapters.find(({ name }) => name === "lan")!;
    const [address] = lan.addresses.filter(({ family }) => family === "ipv4");
    assert.deepEqual([address!.address, address!.prefix, address!.origin], ["192.168.1.10", 24, "dhcp"]);
    assert.deepEqual([lan.managedBy, lan.gateways, lan.dns], ["dhclient", ["192.168.1.1"], ["192.168.1.1"]]);
  } finally {
    server.kill("SIGKILL");
    await Promise.all([server.stdin.close(), server.stdout.cancel(), server.status]);
  }
});

/** Gives the namespace an /etc and a /var/lib of its own, in which a DHCP client may write. */
async function ownFolders(host: NetworkNamespace, scratch: string): Promise<void> {
  await Deno.mkdir(scratch);
  await host.run("mount", "-t", "tmpfs", "tmpfs", scratch);
  for (const [name, path] of [["etc", "/etc"], ["lib", "/var/lib"]] as const) {
    const upper = `${scratch}/${name}`, work = `${scratch}/${name}-work`;
    await host.run("mkdir", upper, work);
    await host.run(
      "mount",
      "-t",
      "overlay",
      "overlay",
      "-o",
      `lowerdir=${path},upperdir=${upper},workdir=${work}`,
      path,
    );
  }
  await host.run("mkdir", "-p", "/var/lib/dhcp");
}

async function portdNet(installation: Installation, host: NetworkNamespace): Promise<NetworkFacts> {
  const { code, stdout, stderr } = await installation.command(["net", "--json"], { before: host.enter }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
