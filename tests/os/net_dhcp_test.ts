/**
 * An address that real DHCP clients have from a real DHCP server: Debian's dhclient and systemd-networkd, and busybox's
 * udhcpd. The commands that portd prints for networkd are run, and fix the address.
 */
import assert from "node:assert/strict";
import type { NetworkFacts } from "../../src/adapters/adapters.ts";
import { retryUntil } from "../../src/wait.ts";
import { temporaryFolder } from "../support/folder.ts";
import { debianPackages, unpackDebianPackages } from "../support/os/debian_package.ts";
import { Installation } from "../support/os/installation.ts";
import { NetworkNamespace } from "../support/os/netns.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";

const SERVER_PACKAGES = ["busybox"], DHCLIENT = ["isc-dhcp-client"], NETWORKD = ["systemd", "libsystemd-shared"];
const NEEDED = [linux, root, tools("ip", "unshare", "nsenter", "mount")];
const LIMITS = { pauseMs: 1000, limitMs: 120_000 };

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

/** A host on a cable to a router that has a DHCP server. */
class DhcpNetwork implements AsyncDisposable {
  readonly host: NetworkNamespace;
  readonly folder: string;
  readonly #installation: Installation;
  readonly #parts: AsyncDisposableStack;

  private constructor(parts: AsyncDisposableStack, host: NetworkNamespace, folder: string, installation: Installation) {
    this.#parts = parts;
    this.host = host;
    this.folder = folder;
    this.#installation = installation;
  }

  /** @param packages are unpacked into {@linkcode DhcpNetwork.folder}. */
  static async create(packages: readonly string[]): Promise<DhcpNetwork> {
    await using parts = new AsyncDisposableStack();
    const folder = parts.use(await temporaryFolder()).path;
    await unpackDebianPackages(folder, [...SERVER_PACKAGES, ...packages]);
    const router = parts.use(await NetworkNamespace.create());
    const host = parts.use(await NetworkNamespace.create({ isWhole: true }));
    await router.connect(host, "lan", { here: ["192.168.1.1/24"], there: [] });
    await Deno.writeTextFile(`${folder}/udhcpd.conf`, SERVER);
    parts.use(running(router, `cd ${folder} && exec bin/busybox udhcpd -f udhcpd.conf`, `${folder}/server.pid`));
    await ownFolders(host, `${folder}/scratch`);
    const installation = parts.use(await Installation.create());
    return new DhcpNetwork(parts.move(), host, folder, installation);
  }

  /** What portd says in the host, as soon as that is so. */
  async factsOnce(isSo: (facts: NetworkFacts) => boolean): Promise<NetworkFacts> {
    const facts = await retryUntil(async () => {
      const found = await this.#facts();
      return isSo(found) && found;
    }, LIMITS);
    return facts ?? assert.fail(JSON.stringify(await this.#facts()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }

  async #facts(): Promise<NetworkFacts> {
    const command = this.#installation.command(["net", "--json"], { before: this.host.enter });
    const { code, stdout, stderr } = await command.output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout));
  }
}

/**
 * A program of a shell, whose output is nobody's; disposing of it ends it. In a namespace with processes of its own it has
 * another pid there, which it writes into a file.
 */
function running(network: NetworkNamespace, script: string, pidFile: string): AsyncDisposable {
  const child = network.spawn("sh", "-c", `exec >/dev/null 2>&1; echo $$ > ${pidFile}; ${script}`);
  return {
    async [Symbol.asyncDispose]() {
      await network.run("sh", "-c", `kill $(cat ${pidFile})`);
      await Promise.all([child.stdin.close(), child.stdout.cancel(), child.status]);
    },
  };
}

/** Gives the namespace an /etc and a /var/lib of its own, in which a DHCP client may write. */
async function ownFolders(host: NetworkNamespace, scratch: string): Promise<void> {
  await Deno.mkdir(scratch);
  await host.run("mount", "-t", "tmpfs", "tmpfs", scratch);
  for (const [name, path] of [["etc", "/etc"], ["lib", "/var/lib"]] as const) {
    const upper = `${scratch}/${name}`, work = `${scratch}/${name}-work`;
    await host.run("mkdir", upper, work);
    const layers = `lowerdir=${path},upperdir=${upper},workdir=${work}`;
    await host.run("mount", "-t", "overlay", "overlay", "-o", layers, path);
  }
  await host.run("mkdir", "-p", "/var/lib/dhcp");
}

function lanOf({ adapters }: NetworkFacts) {
  const lan = adapters.find(({ name }) => name === "lan")!;
  const address = lan.addresses.find(({ family }) => family === "ipv4");
  return { ...lan, text: `${address?.address}/${address?.prefix} ${address?.origin}` };
}

osTest(
  "an address that dhclient has from a DHCP server is known as such",
  [...NEEDED, debianPackages(...SERVER_PACKAGES, ...DHCLIENT)],
  async () => {
    await using network = await DhcpNetwork.create(DHCLIENT);
    const { host, folder } = network;
    const files = ["-sf", `${folder}/sbin/dhclient-script`, "-cf", "/dev/null"];
    await host.run(`${folder}/sbin/dhclient`, "-1", "-q", ...files, "lan");
    const { text, managedBy, gateways, dns } = lanOf(await network.factsOnce(({ internet }) => internet.ipv4 !== null));
    assert.deepEqual([text, managedBy], ["192.168.1.10/24 dhcp", "dhclient"]);
    assert.deepEqual([gateways, dns], [["192.168.1.1"], ["192.168.1.1"]]);
  },
);

/** What systemd makes for networkd before it starts it. A read-only /sys is a container's: then udev is not waited for. */
const PREPARE = `mount -t tmpfs tmpfs /run
umount -l /sys
mount -t sysfs -o ro sysfs /sys
mkdir -p /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp /etc/systemd/network
id systemd-network || echo systemd-network:x:998:998::/:/bin/false >> /etc/passwd
chown -R "$(id -u systemd-network):$(id -g systemd-network)" /run/systemd/netif`;
const NETWORK_FILE = "/etc/systemd/network/20-wired.network";

osTest(
  "an address that systemd-networkd has from a DHCP server is fixed by the commands that portd prints",
  [...NEEDED, debianPackages(...SERVER_PACKAGES, ...NETWORKD)],
  async () => {
    await using network = await DhcpNetwork.create(NETWORKD);
    const { host, folder } = network;
    await host.run("sh", "-ec", PREPARE);
    await host.feed("[Match]\nName=lan\n[Network]\nDHCP=ipv4\n", "sh", "-c", `cat > ${NETWORK_FILE}`);
    const libraries = (await host.run("sh", "-c", `find ${folder} -name 'libsystemd-shared-*.so'`)).trim();
    const daemon = `LD_LIBRARY_PATH=${libraries.slice(0, libraries.lastIndexOf("/"))} exec ` +
      `$(find ${folder} -name systemd-networkd -type f -perm -u+x | head -1)`;
    const commands = await whileRunning(running(host, daemon, `${folder}/networkd.pid`), async () => {
      const facts = await network.factsOnce(({ internet }) => internet.ipv4 !== null), lan = lanOf(facts);
      assert.deepEqual([lan.text, lan.managedBy, lan.profile], [
        "192.168.1.10/24 dhcp",
        "systemd-networkd",
        NETWORK_FILE,
      ]);
      assert.deepEqual([lan.gateways, lan.dns], [["192.168.1.1"], ["192.168.1.1"]]);
      return facts.fixCommands;
    });
    // networkctl asks a running networkd over D-Bus; here it is started again.
    assert.deepEqual(commands.slice(-2), ["sudo networkctl reload", "sudo networkctl reconfigure lan"]);
    for (const command of commands.slice(0, -2)) await host.run("sh", "-ec", command.replaceAll("sudo ", ""));
    await whileRunning(running(host, daemon, `${folder}/networkd.pid`), async () => {
      const isFixed = (facts: NetworkFacts) => facts.internet.ipv4 !== null && lanOf(facts).text.endsWith("static");
      const facts = await network.factsOnce(isFixed), lan = lanOf(facts);
      assert.deepEqual([lan.text, lan.gateways, lan.dns], ["192.168.1.10/24 static", ["192.168.1.1"], ["192.168.1.1"]]);
      assert.deepEqual(facts.fixCommands, []);
    });
  },
);

async function whileRunning<T>(program: AsyncDisposable, use: () => Promise<T>): Promise<T> {
  await using _ = program;
  return await use();
}
