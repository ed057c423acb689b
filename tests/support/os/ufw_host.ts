/** ufw in namespaces, with copies of its files. */
import { Buffer } from "node:buffer";
import { ufw } from "../../../src/firewall/linux/ufw.ts";
import type { Program } from "../../../src/os/program.ts";
import { FirewallHost } from "./firewall_host.ts";
import { NetworkNamespace } from "./netns.ts";

const FILES = ["/etc/default/ufw", "/etc/ufw/user.rules", "/etc/ufw/user6.rules"];

/** A machine on which ufw is enabled, and drops in both directions. */
export class UfwHost extends FirewallHost {
  readonly name = "ufw";
  readonly program = "/usr/sbin/ufw";
  readonly changes = "*allow*";
  /** The folder that is `/` there, seen from outside. */
  readonly root = `/proc/${this.namespace.pid}/root`;
  /** Contents of {@linkcode FILES}. */
  #first: readonly string[] = [];
  #foreign: ReadonlySet<string> = new Set();

  static async open(): Promise<UfwHost> {
    const namespace = await NetworkNamespace.create({ isWhole: true });
    const host = new UfwHost(namespace);
    await namespace.run("mount", "-t", "tmpfs", "tmpfs", "/mnt");
    await namespace.run("mount", "-t", "tmpfs", "tmpfs", "/run");
    await namespace.run("cp", "-a", "/etc/ufw", "/etc/default", "/mnt");
    await namespace.run("mount", "--bind", "/mnt/ufw", "/etc/ufw");
    await namespace.run("mount", "--bind", "/mnt/default", "/etc/default");
    const settings = `${host.root}/etc/default/ufw`;
    const dropping = (await Deno.readTextFile(settings)).replace(/^(DEFAULT_OUTPUT_POLICY)=.*$/m, '$1="DROP"');
    await Deno.writeTextFile(settings, dropping);
    await namespace.run("ufw", "allow", "9/udp");
    await namespace.run("ufw", "--force", "enable");
    host.#first = await host.#read();
    await host.#remember();
    return host;
  }

  override dialect(program: Program) {
    return ufw({ program, root: this.root });
  }

  override async reset(): Promise<void> {
    const now = await this.#read();
    if (now.every((text, i) => text === this.#first[i])) return;
    for (const [i, path] of FILES.entries()) await Deno.writeTextFile(this.root + path, this.#first[i]!);
    if (now[0] === this.#first[0]) await this.#loadRules();
    else await this.namespace.run("ufw", "reload");
    await this.#remember();
  }

  override async rules(): Promise<string> {
    return await this.namespace.run("ufw", "status", "verbose");
  }

  override async addForeign(count: number): Promise<void> {
    const path = `${this.root}/etc/ufw/user.rules`;
    const rules = Array.from({ length: count }, (_, i) => foreignRule(i)).join("");
    await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace("### RULES ###\n", `$&\n${rules}`));
    await this.#loadRules();
    await this.#remember();
  }

  override async foreign(): Promise<readonly string[]> {
    return (await this.tuples()).filter((tuple) => this.#foreign.has(tuple));
  }

  override async alter(owner: string, name: string): Promise<void> {
    const [tuple] = await this.#find(owner, name);
    await this.#delete([tuple!]);
    const comment = Buffer.from(/comment=(\S+)/.exec(tuple!)![1]!, "hex").toString();
    const words = "allow proto tcp from 203.0.113.0/24 to any port 4711 comment".split(" ");
    await this.namespace.run("ufw", ...words, comment);
  }

  override async takeAway(owner: string, name: string): Promise<void> {
    await this.#delete(await this.#find(owner, name));
  }

  /** Every rule, as ufw's files have it. */
  async tuples(): Promise<readonly string[]> {
    const [, ...texts] = await this.#read();
    return texts.flatMap((text) => [...text.matchAll(/^### tuple ### (.*)$/gm)].map(([, tuple]) => tuple!));
  }

  /** Loads the files of rules as `ufw reload` does, which also loads everything else, and takes seconds. */
  async #loadRules(): Promise<void> {
    for (const [program, file] of [["iptables-restore", "user.rules"], ["ip6tables-restore", "user6.rules"]]) {
      await this.namespace.run("sh", "-c", `${program} -n </etc/ufw/${file}`);
    }
  }

  async #read(): Promise<readonly string[]> {
    return await Promise.all(FILES.map((path) => Deno.readTextFile(this.root + path)));
  }

  async #remember(): Promise<void> {
    this.#foreign = new Set(await this.tuples());
  }

  async #find(owner: string, name: string): Promise<readonly string[]> {
    return (await this.tuples()).filter((tuple) => tuple.includes(hexOf(`portd ${owner} ${name} `)));
  }

  async #delete(tuples: readonly string[]): Promise<void> {
    for (const tuple of tuples) {
      const [, protocol, port, , , source] = tuple.split(" ");
      const match = ["proto", protocol!, "from", source!, "to", "any", "port", port!];
      await this.namespace.run("ufw", "delete", "allow", ...match);
    }
  }
}

function foreignRule(i: number): string {
  const mark = "portd 1a2b3c4d portd-in-tcp-20417 domain,private";
  const comments = ["", "portd-in-tcp-20417", `${mark} locals`, `${mark} local x`, mark, `x${mark} local`, `店 | "x"`];
  const comment = comments[i % comments.length]!;
  const port = 1 + i;
  const written = comment === "" ? "" : ` comment=${hexOf(comment)}`;
  return `### tuple ### allow tcp ${port} 0.0.0.0/0 any 198.51.100.0/24 in${written}\n` +
    `-A ufw-user-input -p tcp --dport ${port} -s 198.51.100.0/24 -j ACCEPT\n\n`;
}

function hexOf(text: string): string {
  return Buffer.from(text).toString("hex");
}
