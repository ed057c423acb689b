/**
 * The router of a lab: miniupnpd 2.3 over nftables, with NAT-PMP, PCP, UPnP IGD 1 or 2, and pinholes for IPv6. Its defects
 * that tests meet: the kernel's rules outlive the process, and their lifetimes are then forgotten; a pinhole that was
 * renewed by PCP cannot be deleted by it any more, and ends with its lifetime; a second nonce for the same endpoint is
 * accepted, where RFC 6887 wants a refusal.
 */
import { temporaryFolder } from "../../folder.ts";
import { NetworkNamespace } from "../netns.ts";
import { NETWORK_SETTINGS } from "./host.ts";
import { LabProgram } from "./program.ts";
import { RequestWatch } from "./request_watch.ts";
import { readTable, type RouterEntry } from "./router_table.ts";

/** What a router can speak, in the words of the gateway's protocols. */
export type RouterProtocol = "pcp" | "nat-pmp" | "upnp";

/** Options of {@linkcode LabRouter.start}. */
export interface RouterOptions {
  /** @default all of them */
  readonly speaks?: readonly RouterProtocol[];
  /** The version of UPnP's Internet Gateway Device; 1 has no pinholes. @default 2 */
  readonly igd?: 1 | 2;
  /** The shortest lifetime that it grants, in seconds. @default 5 */
  readonly minLifetimeS?: number;
  /** The outer address that it says it has; null is the one that it has. @default the address of a plain line */
  readonly externalAddress?: string | null;
  /** Whether mappings outlive a restart with their lifetimes. @default false */
  readonly keepsMappings?: boolean;
  /** Further lines of its configuration, before its own: the first `allow` or `deny` that fits decides. */
  readonly settings?: readonly string[];
}

/** Table and chains that miniupnpd fills, and the router's firewall: nothing comes in but answers and what it opened. */
const FIREWALL = `
table inet igd {
  chain forward {
    type filter hook forward priority 0; policy drop
    ct state established,related accept
    iifname "lan0" accept
    icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
    jump miniupnpd
    meta l4proto tcp reject with tcp reset
    reject
  }
  chain miniupnpd { }
  chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
  chain prerouting_miniupnpd { }
  chain postrouting { type nat hook postrouting priority 90; jump postrouting_miniupnpd; }
  chain postrouting_miniupnpd { }
}
`;

const CHAINS = ["miniupnpd", "prerouting_miniupnpd", "postrouting_miniupnpd"];

/** In the first byte of a request to port 5351: which protocol it is. */
const VERSIONS = { "nat-pmp": 0, pcp: 2 } as const;

/** Made by {@linkcode LabRouter.create}; disposing of it ends it. */
export class LabRouter implements AsyncDisposable {
  readonly namespace: NetworkNamespace;
  readonly #folder: string;
  readonly #parts: AsyncDisposableStack;
  #program: LabProgram | undefined;
  #options: RouterOptions = {};

  private constructor(namespace: NetworkNamespace, folder: string, parts: AsyncDisposableStack) {
    this.namespace = namespace;
    this.#folder = folder;
    this.#parts = parts;
  }

  /** Makes one without cables, on which nothing runs. */
  static async create(): Promise<LabRouter> {
    await using parts = new AsyncDisposableStack();
    const { path } = parts.use(await temporaryFolder());
    const namespace = parts.use(await NetworkNamespace.create());
    await namespace.run("sysctl", "-qw", ...NETWORK_SETTINGS);
    await namespace.feed(FIREWALL, "nft", "-f", "-");
    return new LabRouter(namespace, path, parts.move());
  }

  /** Starts miniupnpd and returns when it listens; one that runs is killed before. */
  async start(options: RouterOptions = {}): Promise<void> {
    await this.kill();
    this.#options = options;
    const { speaks = ["pcp", "nat-pmp", "upnp"], igd = 2 } = options;
    await this.#answerOnly(speaks);
    const file = `${this.#folder}/miniupnpd.conf`;
    await Deno.writeTextFile(file, configuration(options, this.#folder));
    const version = igd === 1 ? ["-1"] : [];
    const words = ["miniupnpd", "-d", "-f", file, "-P", `${this.#folder}/pid`, ...version];
    this.#program = LabProgram.start(this.namespace, words);
    if (speaks.includes("upnp")) await this.#program.said((line) => line.includes("HTTP listening on port"));
    if (speaks.some((protocol) => protocol !== "upnp")) {
      await this.#program.said((line) => line.includes("Listening for NAT-PMP/PCP"));
    }
  }

  /** Ends miniupnpd as a crash does; its rules stay in the kernel. Nothing happens where it does not run. */
  async kill(): Promise<void> {
    await this.#program?.[Symbol.asyncDispose]();
    this.#program = undefined;
  }

  /** Starts miniupnpd as it was started last. */
  async restart(): Promise<void> {
    await this.start(this.#options);
  }

  /** Empties its table without a word: nobody is informed, and its epoch runs on. */
  async flush(): Promise<void> {
    await this.namespace.feed(CHAINS.map((chain) => `flush chain inet igd ${chain}\n`).join(""), "nft", "-f", "-");
    await this.namespace.run("conntrack", "--flush");
  }

  /** Switches it off and on again: what it had mapped is gone, and its epoch begins again. */
  async reboot(options = this.#options): Promise<void> {
    await this.kill();
    await this.flush();
    await this.start(options);
  }

  /** From now on nothing that the LAN asks of it is answered, until {@linkcode answer}. */
  async fallSilent(): Promise<void> {
    await this.#loadFilter("udp dport { 1900, 5351 } drop; tcp dport 5000 drop;");
  }

  /** See {@linkcode fallSilent}. */
  async answer(): Promise<void> {
    await this.#answerOnly(this.#options.speaks ?? ["pcp", "nat-pmp", "upnp"]);
  }

  /** What it forwards now, by the kernel's own table. */
  async table(): Promise<readonly RouterEntry[]> {
    return readTable(await this.namespace.run("nft", "-j", "list", "table", "inet", "igd"));
  }

  /** Sees from now on which mappings are asked for, also where it does not answer. */
  async watch(): Promise<RequestWatch> {
    return await RequestWatch.start(this.namespace);
  }

  /** What miniupnpd has written last. */
  get log(): string {
    return this.#program?.output ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#parts[Symbol.asyncDispose]();
  }

  /** miniupnpd has NAT-PMP and PCP only together, and PCP over IPv6 in any case. */
  async #answerOnly(speaks: readonly RouterProtocol[]): Promise<void> {
    const unwanted = (["nat-pmp", "pcp"] as const).filter((protocol) => !speaks.includes(protocol));
    const [only, ...others] = unwanted.map((protocol) => VERSIONS[protocol]);
    if (only === undefined) return await this.#loadFilter("");
    const rule = others.length > 0 ? "reject" : `@th,64,8 ${only} drop`;
    await this.#loadFilter(`udp dport 5351 ${rule};`);
  }

  async #loadFilter(rules: string): Promise<void> {
    const chain = `chain input { type filter hook input priority -10; ${rules} }`;
    const text = `table inet speaks\ndelete table inet speaks\ntable inet speaks { ${chain}\n}\n`;
    await this.namespace.feed(text, "nft", "-f", "-");
  }
}

function configuration(options: RouterOptions, folder: string): string {
  const { speaks = ["pcp", "nat-pmp", "upnp"], minLifetimeS = 5, externalAddress = "11.22.44.2", settings = [] } =
    options;
  const yes = (is: boolean) => is ? "yes" : "no";
  const external = externalAddress === null ? [] : [`ext_ip=${externalAddress}`];
  const kept = options.keepsMappings === true ? [`lease_file=${folder}/leases`] : [];
  const lines = [
    ...settings,
    "ext_ifname=wan0",
    ...external,
    ...kept,
    "listening_ip=lan0",
    "http_port=5000",
    `enable_natpmp=${yes(speaks.includes("pcp") || speaks.includes("nat-pmp"))}`,
    `enable_upnp=${yes(speaks.includes("upnp"))}`,
    "secure_mode=yes",
    "system_uptime=no",
    "notify_interval=30",
    `min_lifetime=${minLifetimeS}`,
    "max_lifetime=86400",
    "uuid=6e61746c-6162-4000-8000-000000000001",
    "upnp_table_name=igd",
    "upnp_nat_table_name=igd",
    "upnp_forward_chain=miniupnpd",
    "upnp_nat_chain=prerouting_miniupnpd",
    "upnp_nat_postrouting_chain=postrouting_miniupnpd",
    "allow 1024-65535 10.77.0.0/24 1024-65535",
    "deny 0-65535 0.0.0.0/0 0-65535",
  ];
  return `${lines.join("\n")}\n`;
}
