/** firewalld in namespaces, with a D-Bus and files of its own. */
import { firewalld } from "../../../src/firewall/linux/firewalld.ts";
import type { Program } from "../../../src/os/program.ts";
import { FirewallHost } from "./firewall_host.ts";
import { linesOf } from "./lines.ts";
import { NetworkNamespace } from "./netns.ts";

/** Waits for firewalld's name on the bus, and then for its answer. */
const AWAIT_NAME = `
import dbus, time
bus = dbus.SystemBus()
while not bus.name_has_owner("org.fedoraproject.FirewallD1"): time.sleep(0.02)
firewalld = bus.get_object("org.fedoraproject.FirewallD1", "/org/fedoraproject/FirewallD1")
firewalld.getDefaultZone(dbus_interface="org.fedoraproject.FirewallD1", timeout=60)
`;

/** A machine on which firewalld runs. */
export class FirewalldHost extends FirewallHost {
  readonly name = "firewalld";
  readonly program = "/usr/bin/firewall-cmd";
  readonly changes = "*--add-rich-rule*";
  /** Zones block only what comes in. */
  readonly directions = ["in"] as const;
  #daemon: Deno.ChildProcess | undefined;
  #output: Promise<void> | undefined;
  #foreign: ReadonlySet<string> = new Set();

  static async open(): Promise<FirewalldHost> {
    const namespace = await NetworkNamespace.create({ isWhole: true });
    const host = new FirewalldHost(namespace);
    for (const folder of ["/mnt", "/run", "/var/log"]) await namespace.run("mount", "-t", "tmpfs", "tmpfs", folder);
    await namespace.run("mkdir", "/run/dbus", "/run/firewalld");
    await namespace.run("cp", "-a", "/etc/firewalld", "/mnt");
    await namespace.run("mount", "--bind", "/mnt/firewalld", "/etc/firewalld");
    await host.#writePublicZone("");
    await namespace.run("dbus-daemon", "--system", "--fork", "--nopidfile");
    host.#daemon = namespace.spawn("firewalld", "--nofork", "--nopid");
    host.#output = drain(host.#daemon.stdout);
    await namespace.run("/usr/bin/python3", "-c", AWAIT_NAME); // Debian's own, which firewalld's library is for
    return host;
  }

  override dialect(program: Program) {
    return firewalld({ program });
  }

  override async reset(): Promise<void> {
    await this.#writePublicZone("");
    await this.namespace.run("firewall-cmd", "--reload");
    this.#foreign = new Set();
  }

  override async rules(): Promise<string> {
    return await this.namespace.run("firewall-cmd", "--list-all-zones");
  }

  override async addForeign(count: number): Promise<void> {
    await this.#writePublicZone(Array.from({ length: count }, (_, i) => foreignRule(i)).join("\n"));
    await this.namespace.run("firewall-cmd", "--reload");
    this.#foreign = new Set(await this.#richRules());
  }

  override async foreign(): Promise<readonly string[]> {
    return (await this.#richRules()).filter((rule) => this.#foreign.has(rule));
  }

  override async alter(owner: string, name: string): Promise<void> {
    const [rule] = await this.#find(owner, name);
    await this.#edit("remove", [rule!]);
    await this.#edit("add", [rule!.replace(/port port="\d+"/, 'port port="4711"')]);
  }

  override async takeAway(owner: string, name: string): Promise<void> {
    await this.#edit("remove", await this.#find(owner, name));
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon?.stdin.close();
    await super[Symbol.asyncDispose](); // ends firewalld too
    await Promise.all([this.#daemon?.status, this.#output]);
  }

  async #find(owner: string, name: string): Promise<readonly string[]> {
    return (await this.#richRules()).filter((rule) => rule.includes(`"portd ${owner} ${name} `));
  }

  async #edit(verb: "add" | "remove", rules: readonly string[]): Promise<void> {
    await this.namespace.run("firewall-cmd", "--zone=public", ...rules.map((rule) => `--${verb}-rich-rule=${rule}`));
  }

  async #richRules(): Promise<readonly string[]> {
    const text = await this.namespace.run("firewall-cmd", "--zone=public", "--list-rich-rules");
    return text.split("\n").filter((line) => line !== "").sort();
  }

  /** Writes the permanent configuration of the default zone. @param rules as XML; firewalld.zone(5). */
  async #writePublicZone(rules: string): Promise<void> {
    const zone = await Deno.readTextFile("/usr/lib/firewalld/zones/public.xml");
    const path = `/proc/${this.namespace.pid}/root/etc/firewalld/zones/public.xml`;
    await Deno.writeTextFile(path, zone.replace("</zone>", `<port port="9" protocol="udp"/>\n${rules}</zone>`));
  }
}

function foreignRule(i: number): string {
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
