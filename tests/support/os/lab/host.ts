/** A host of a lab: what runs on it, and whom it reaches. */
import { pause } from "../../../../src/wait.ts";
import type { Protocol } from "../../../../src/port/port.ts";
import { NetworkNamespace } from "../netns.ts";
import { enterNetwork } from "./enter.ts";
import { LabProgram } from "./program.ts";
import { Probes } from "./probes.ts";

const SERVICE = new URL("./service.py", import.meta.url).pathname;

/** How often, and for how long, a lab waits until something is reached or is not. */
const AGAIN_MS = 1000;
const PATIENCE_MS = 90_000;

/** A firewall that drops everything but answers, pings and what IPv6 needs. */
const DROPPING = `
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop
    ct state established,related accept
    iifname "lo" accept
    meta l4proto { icmp, ipv6-icmp } accept
  }
}
`;

/** Kernel settings of every machine of a lab: addresses at once, and no refusal is left out because there were many. */
export const NETWORK_SETTINGS = [
  "net.ipv6.conf.all.accept_dad=0",
  "net.ipv6.conf.default.accept_dad=0",
  "net.ipv6.conf.default.accept_ra=0",
  "net.ipv4.conf.all.rp_filter=0",
  "net.ipv4.conf.default.rp_filter=0",
  "net.ipv4.icmp_ratelimit=0",
  "net.ipv6.icmp.ratelimit=0",
];

/** Options of {@linkcode LabHost.serve}. */
export interface ServiceOptions {
  /** @default "::", which is every address of both families */
  readonly address?: string;
  /** @default both */
  readonly protocols?: readonly Protocol[];
  /** What it answers. @default the name of its host */
  readonly answer?: string;
}

/** Made by {@linkcode LabHost.create}; disposing of it ends all that runs on it. */
export class LabHost implements AsyncDisposable {
  readonly name: string;
  /** With mounts and processes of its own. */
  readonly namespace: NetworkNamespace;
  readonly #probes: Probes;

  private constructor(name: string, namespace: NetworkNamespace) {
    this.name = name;
    this.namespace = namespace;
    this.#probes = new Probes(namespace);
  }

  /** Makes one without cables. */
  static async create(name: string): Promise<LabHost> {
    const namespace = await NetworkNamespace.create({ isWhole: true });
    await namespace.run("mount", "-t", "tmpfs", "tmpfs", "/run"); // what the machine's own services say there is not about it
    await namespace.run("sysctl", "-qw", ...NETWORK_SETTINGS);
    return new LabHost(name, namespace);
  }

  /** Runs a program on it to its end. @returns what it wrote to stdout. @throws {Error} when it fails. */
  async run(words: readonly string[]): Promise<string> {
    return await this.namespace.run(...words);
  }

  /** Starts a program on it. */
  start(words: readonly string[]): LabProgram {
    return LabProgram.start(this.namespace, words);
  }

  /** Starts a service that answers everybody with the name of this host; disposing of it ends it. */
  async serve(port: number, options: ServiceOptions = {}): Promise<LabProgram> {
    const { address = "::", protocols = ["tcp", "udp"], answer = this.name } = options;
    const service = this.start(["python3", SERVICE, answer, `${port}`, address, ...protocols]);
    await service.said((line) => line === "ready");
    return service;
  }

  /** What a service elsewhere answers to this host; null where it is not reached. */
  async ask(address: string, port: number, protocol: Protocol): Promise<string | null> {
    return await this.#probes.ask({ address, port, protocol });
  }

  /** Whether this host reaches a service elsewhere. */
  async reaches(address: string, port: number, protocol: Protocol): Promise<boolean> {
    return await this.ask(address, port, protocol) !== null;
  }

  /** In which protocols this host reaches a service elsewhere. */
  async reach(address: string, port: number): Promise<readonly Protocol[]> {
    const protocols = ["tcp", "udp"] as const;
    const reached = await Promise.all(protocols.map((protocol) => this.reaches(address, port, protocol)));
    return protocols.filter((_, i) => reached[i]);
  }

  /** Waits until it reaches a service in exactly these protocols. @throws {Error} when it takes too long. */
  async untilReach(address: string, port: number, wanted: readonly Protocol[]): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while (true) {
      const reached = await this.reach(address, port);
      if (reached.join() === wanted.join()) return;
      if (performance.now() > end) {
        throw new Error(`${this.name} reaches ${address} port ${port} by [${reached}], not by [${wanted}]`);
      }
      await pause(AGAIN_MS);
    }
  }

  /** Waits until it reaches a service by TCP and UDP. @throws {Error} when it takes too long. */
  async untilReached(address: string, port: number): Promise<void> {
    await this.untilReach(address, port, ["tcp", "udp"]);
  }

  /** Waits until it does not reach a service any more. @throws {Error} when it takes too long. */
  async untilGone(address: string, port: number): Promise<void> {
    await this.untilReach(address, port, []);
  }

  /** From now on its firewall drops what no rule lets in. */
  async dropByDefault(): Promise<void> {
    await this.namespace.feed(`flush ruleset\n${DROPPING}`, "nft", "-f", "-");
  }

  /** Replaces its IPv4 address in the LAN, as a new lease of DHCP does. */
  async changeAddress(address: string, { gateway = "10.77.0.1" } = {}): Promise<void> {
    const lines = [
      "address flush dev eth0",
      `address add ${address}/24 dev eth0`,
      `route replace default via ${gateway}`,
    ];
    await this.namespace.feed(`${lines.join("\n")}\n`, "ip", "-4", "-batch", "-");
  }

  /** Pulls its cable out, and puts it in again with {@linkcode plug}. */
  async unplug(): Promise<void> {
    await this.run(["ip", "link", "set", "eth0", "down"]);
  }

  /** See {@linkcode unplug}. The routes come back, which the kernel forgets without a cable. */
  async plug(): Promise<void> {
    const lines = ["link set eth0 up", "route replace default via 10.77.0.1"];
    await this.namespace.feed(`${lines.join("\n")}\n`, "ip", "-4", "-batch", "-");
  }

  /**
   * The test's own sockets are opened on this host until that is disposed of. For the thread of the test only, so nothing
   * else may open sockets meanwhile; sockets that are open already stay where they are.
   */
  enter(): Disposable {
    return enterNetwork(this.namespace);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#probes[Symbol.asyncDispose]();
    await this.namespace[Symbol.asyncDispose]();
  }
}
