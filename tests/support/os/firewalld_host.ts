/** firewalld in namespaces with a D-Bus and files of its own, as the tests see and change it: not with portd's code. */
import { FirewalldBackend } from "../../../src/firewall/linux/firewalld.ts";
import type { ConformanceHost } from "../../firewall/conformance.ts";
import { linesOf } from "./lines.ts";
import { NetworkNamespace } from "./netns.ts";
import { INTERFACES } from "./nft_host.ts";

/** Waits for firewalld's name on the bus, and says when it is there. */
const AWAIT_NAME = `
import dbus, time
bus = dbus.SystemBus()
while not bus.name_has_owner("org.fedoraproject.FirewallD1"): time.sleep(0.02)
firewalld = bus.get_object("org.fedoraproject.FirewallD1", "/org/fedoraproject/FirewallD1")
firewalld.getDefaultZone(dbus_interface="org.fedoraproject.FirewallD1", timeout=60)
`;

/** Made by {@linkcode openFirewalld}. */
export interface Firewalld extends AsyncDisposable {
  readonly namespace: NetworkNamespace;
}

/** Makes a namespace in which firewalld runs, and drops what no rule lets pass but UDP port 9. */
export async function openFirewalld(): Promise<Firewalld> {
  const namespace = await NetworkNamespace.create({ isWhole: true });
  for (const folder of ["/mnt", "/run", "/var/log"]) await namespace.run("mount", "-t", "tmpfs", "tmpfs", folder);
  await namespace.run("mkdir", "/run/dbus", "/run/firewalld");
  await namespace.run("cp", "-a", "/etc/firewalld", "/mnt");
  await namespace.run("mount", "--bind", "/mnt/firewalld", "/etc/firewalld");
  await writePublicZone(namespace, "");
  await namespace.run("dbus-daemon", "--system", "--fork", "--nopidfile");
  const firewalld = namespace.spawn("firewalld", "--nofork", "--nopid");
  const said = drain(firewalld.stdout);
  await namespace.run("/usr/bin/python3", "-c", AWAIT_NAME); // Debian's own, which firewalld's library is for
  return {
    namespace,
    async [Symbol.asyncDispose]() {
      await firewalld.stdin.close();
      await namespace[Symbol.asyncDispose](); // ends firewalld too
      await Promise.all([firewalld.status, said]);
    },
  };
}

/** firewall-cmd in a namespace. */
export function firewallCmdIn(namespace: NetworkNamespace): [string, ...string[]] {
  return [...namespace.enter, "/usr/bin/firewall-cmd"];
}

/** Makes a namespace for the conformance tests. */
export async function openFirewalldHost(): Promise<ConformanceHost> {
  const firewalld = await openFirewalld();
  const { namespace } = firewalld;
  const edit = async (verb: "add" | "remove", rules: readonly string[]) => {
    const words = rules.map((rule) => `--${verb}-rich-rule=${rule}`);
    await namespace.run("firewall-cmd", "--zone=public", ...words);
  };
  const find = async (owner: string, name: string) =>
    (await rulesIn(namespace)).filter((rule) => rule.includes(`"portd ${owner} ${name} `));
  let strangers = new Set<string>();
  return {
    directions: ["in"],
    backend: (owner) =>
      new FirewalldBackend({ owner, firewallCmd: firewallCmdIn(namespace), interfaces: () => INTERFACES }),
    addForeign: async (count) => {
      await writePublicZone(namespace, Array.from({ length: count }, (_, i) => stranger(i)).join("\n"));
      await namespace.run("firewall-cmd", "--reload");
      strangers = new Set(await rulesIn(namespace));
    },
    foreign: async () => (await rulesIn(namespace)).filter((rule) => strangers.has(rule)),
    alter: async (owner, name) => {
      const [rule] = await find(owner, name);
      await edit("remove", [rule!]);
      await edit("add", [rule!.replace(/port port="\d+"/, 'port port="4711"')]);
    },
    takeAway: async (owner, name) => await edit("remove", await find(owner, name)),
    [Symbol.asyncDispose]: () => firewalld[Symbol.asyncDispose](),
  };
}

async function rulesIn(namespace: NetworkNamespace): Promise<string[]> {
  const text = await namespace.run("firewall-cmd", "--zone=public", "--list-rich-rules");
  return text.split("\n").filter((line) => line !== "").sort();
}

/** Writes the permanent configuration of the default zone. @param rules as XML; firewalld.zone(5). */
async function writePublicZone({ pid }: NetworkNamespace, rules: string): Promise<void> {
  const zone = await Deno.readTextFile("/usr/lib/firewalld/zones/public.xml");
  const path = `/proc/${pid}/root/etc/firewalld/zones/public.xml`;
  await Deno.writeTextFile(path, zone.replace("</zone>", `<port port="9" protocol="udp"/>\n${rules}</zone>`));
}

function stranger(i: number): string {
  const mark = "portd 1a2b3c4d portd-in-tcp-20417 domain,private";
  const prefixes = ["portd-in-tcp-20417", `${mark} locals`, `${mark} local x`, mark, `x${mark} local`];
  const logs = prefixes.map((prefix) => `<nflog group="7678" prefix="${prefix}"/>`);
  const others = ["", `<log prefix="${mark} local" level="debug"/>`, ...logs];
  return `<rule family="ipv4"><source address="198.51.100.0/24"/><port port="${1 + i}" protocol="tcp"/>` +
    `${others[i % others.length]}<accept/></rule>`;
}

async function drain(stream: ReadableStream<Uint8Array>): Promise<void> {
  for await (const _line of linesOf(stream));
}
