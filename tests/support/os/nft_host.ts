/** nftables in namespaces. */
import { nftables } from "../../../src/firewall/linux/nftables.ts";
import type { Program } from "../../../src/os/program.ts";
import { FirewallHost } from "./firewall_host.ts";
import { NetworkNamespace } from "./netns.ts";

/** Two dropping base chains on the input hook, one by policy and one by its last rule, and one on the output hook. */
export const DROPPING_RULESET = `
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iifname "lo" accept
    meta l4proto ipv6-icmp accept
    udp dport 9 accept
  }
  chain output {
    type filter hook output priority filter; policy drop;
    ct state established,related accept
    oifname "lo" accept
    meta l4proto ipv6-icmp accept
  }
}
table ip legacy {
  chain reject_all {
    counter reject with icmp type admin-prohibited
  }
  chain INPUT {
    type filter hook input priority 10; policy accept;
    ct state established,related accept
    iifname "lo" accept
    udp dport 9 accept
    jump reject_all
  }
}
`;

interface Entry {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly handle: number;
  readonly comment?: string;
  readonly expr: readonly Record<string, unknown>[];
}

/** A machine with {@linkcode DROPPING_RULESET}. */
export class NftHost extends FirewallHost {
  readonly name = "nftables";
  readonly program = "/usr/sbin/nft";
  readonly changes = "*-f*";
  #foreign: ReadonlySet<string> = new Set();

  static async open(): Promise<NftHost> {
    const namespace = await NetworkNamespace.create({ isWhole: true });
    await namespace.run("mount", "-t", "tmpfs", "tmpfs", "/run");
    return new NftHost(namespace);
  }

  override dialect(program: Program) {
    return nftables({ program });
  }

  override async reset(): Promise<void> {
    await this.load(`flush ruleset\n${DROPPING_RULESET}`);
    await this.#remember();
  }

  override async rules(): Promise<string> {
    return await this.namespace.run("nft", "list", "ruleset");
  }

  override async addForeign(count: number): Promise<void> {
    await this.#execute(Array.from({ length: count }, (_, i) => ({ add: { rule: foreignRule(i) } })));
    await this.#remember();
  }

  override async foreign(): Promise<readonly string[]> {
    const entries = (await this.#entries()).filter((entry) => this.#foreign.has(keyOf(entry)));
    return entries.map((entry) => JSON.stringify(entry));
  }

  override async alter(owner: string, name: string): Promise<void> {
    const [entry] = await this.#find(owner, name);
    const expr = JSON.parse(JSON.stringify(entry!.expr).replace(/"right":\s*204\d\d/, '"right":4711'));
    await this.#execute([{ replace: { rule: { ...entry!, expr } } }]);
  }

  override async takeAway(owner: string, name: string): Promise<void> {
    await this.#execute((await this.#find(owner, name)).map((entry) => ({ delete: { rule: entry } })));
  }

  async duplicate(owner: string, name: string): Promise<void> {
    const [{ handle: _, ...entry }] = await this.#find(owner, name) as [Entry];
    await this.#execute([{ add: { rule: entry } }]);
  }

  /** Reads a file of nft's commands. */
  async load(text: string): Promise<void> {
    await this.namespace.feed(text, "nft", "-f", "-");
  }

  async #remember(): Promise<void> {
    this.#foreign = new Set((await this.#entries()).map(keyOf));
  }

  async #find(owner: string, name: string): Promise<readonly Entry[]> {
    return (await this.#entries()).filter(({ comment }) => comment?.startsWith(`portd ${owner} ${name} `));
  }

  async #entries(): Promise<readonly Entry[]> {
    const { nftables } = JSON.parse(await this.namespace.run("nft", "-j", "list", "ruleset"));
    return nftables.flatMap(({ rule }: { rule?: Entry }) => rule ?? []);
  }

  async #execute(commands: readonly unknown[]): Promise<void> {
    await this.namespace.feed(JSON.stringify({ nftables: commands }), "nft", "-j", "-f", "-");
  }
}

function keyOf({ family, table, handle }: Entry): string {
  return `${family} ${table} ${handle}`;
}

function foreignRule(i: number): object {
  const mark = "portd 1a2b3c4d portd-in-tcp-20417 domain,private";
  const comments = [
    ...[undefined, "portd-in-tcp-20417", `${mark} locals`, `${mark} local x`, mark, `x${mark} local`],
    ...[`portd 1a2b3c4d portd-in-tcp-020417 domain,private local`, `PORTD${mark.slice(5)} local`],
  ];
  const comment = comments[i % comments.length];
  const match = { op: "==", left: { payload: { protocol: "tcp", field: "dport" } }, right: 1 + i % 65535 };
  const rule = { family: "inet", table: "filter", chain: "input", expr: [{ match }, { accept: null }] };
  return comment === undefined ? rule : { ...rule, comment };
}
