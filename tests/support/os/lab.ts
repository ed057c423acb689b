/**
 * A home network with its line in network namespaces: two hosts behind a real router (miniupnpd), the provider, and a host
 * on the internet. lab/ has the parts: host.ts what runs on a host, router.ts the router, line.ts how it and the provider
 * change ports. Labs may run side by side: nothing of them has a name outside of them, and they end with the test.
 *
 * ```text
 * lan1 10.77.0.11, 2400:db80:77::11 --+
 *                                     +-- lan0 (bridge) router wan0 -- cust0 provider up0 -- eth0 internet
 * lan2 10.77.0.12, 2400:db80:77::12 --+
 * router lan0 10.77.0.1, 2400:db80:77::1, fe80::1; wan0 11.22.44.2 (another one in some modes of the line)
 * internet 11.22.33.1, 11.22.33.2, 2400:db80:33::1, 2400:db80:33::2
 * ```
 *
 * The addresses look public: miniupnpd refuses those for documents. Whoever is refused is refused with an answer, so that
 * no test waits for a silence, except where a LAN host drops.
 */
import { layLine, type LineMode, type LineOptions } from "./lab/line.ts";
import { LabHost } from "./lab/host.ts";
import { LabRouter } from "./lab/router.ts";
import { startStunServer } from "./lab/stun.ts";
import { NetworkNamespace } from "./netns.ts";
import { linux, type Requirement, root, tools } from "./requirement.ts";

/** What a test needs for a lab. */
export const LAB_NEEDS: readonly Requirement[] = [
  linux,
  root,
  tools("ip", "nft", "conntrack", "nsenter", "unshare", "mount", "setpriv", "sysctl", "python3"),
  tools("miniupnpd", "turnserver"),
];

/** The addresses in a lab. */
export const ADDRESSES = {
  lan1: { ipv4: "10.77.0.11", ipv6: "2400:db80:77::11" },
  lan2: { ipv4: "10.77.0.12", ipv6: "2400:db80:77::12" },
  router: { ipv4: "10.77.0.1", ipv6: "2400:db80:77::1", link: "fe80::1" },
  /** The router's outer address, unless the line says otherwise. */
  outside: { ipv4: "11.22.44.2", ipv6: "2400:db80:44::2" },
  internet: { ipv4: ["11.22.33.1", "11.22.33.2"], ipv6: ["2400:db80:33::1", "2400:db80:33::2"] },
} as const;

/** Made by {@linkcode Lab.open}; disposing of it ends all that runs in it. */
export class Lab implements AsyncDisposable {
  readonly lan1: LabHost;
  readonly lan2: LabHost;
  readonly internet: LabHost;
  readonly router: LabRouter;
  readonly #provider: NetworkNamespace;
  readonly #parts: AsyncDisposableStack;

  private constructor(
    hosts: { readonly lan1: LabHost; readonly lan2: LabHost; readonly internet: LabHost },
    router: LabRouter,
    provider: NetworkNamespace,
    parts: AsyncDisposableStack,
  ) {
    this.lan1 = hosts.lan1;
    this.lan2 = hosts.lan2;
    this.internet = hosts.internet;
    this.router = router;
    this.#provider = provider;
    this.#parts = parts;
  }

  /** Makes the hosts and the cables. The line is `plain`; nothing runs on the router yet. */
  static async open(): Promise<Lab> {
    await using parts = new AsyncDisposableStack();
    const [lan1, lan2, internet] = await Promise.all(
      ["lan1", "lan2", "internet"].map(async (name) => parts.use(await LabHost.create(name))),
    ) as [LabHost, LabHost, LabHost];
    const [router, provider] = await Promise.all([
      LabRouter.create().then((made) => parts.use(made)),
      NetworkNamespace.create().then((made) => parts.use(made)),
    ]);
    await layCables({ lan1, lan2, internet, router, provider });
    const lab = new Lab({ lan1, lan2, internet }, router, provider, parts.move());
    await lab.nat("plain");
    return lab;
  }

  /** A host by its name. */
  host(name: "lan1" | "lan2" | "internet"): LabHost {
    return this[name];
  }

  /**
   * Changes how the line treats ports; mappings of the router stay. The kernel forgets all connections.
   *
   * @param number the PSID of `mape48` and `mape66`, the first external port of `cgn`, the step of `stride`.
   */
  async nat(mode: LineMode, number = 0, options: LineOptions = {}): Promise<void> {
    await layLine({ router: this.router.namespace, provider: this.#provider }, mode, { ...options, number });
  }

  /**
   * Starts a STUN server on all four addresses of the internet, port 3478. Two addresses a family, so it knows RFC 5780 too.
   *
   * @returns what ends it when it is disposed of; the lab's end ends it too.
   */
  async startStunServer(): Promise<AsyncDisposable> {
    const { ipv4, ipv6 } = ADDRESSES.internet;
    return await startStunServer(this.internet.namespace, [...ipv4, ...ipv6]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts[Symbol.asyncDispose]();
  }
}

interface Machines {
  readonly lan1: LabHost;
  readonly lan2: LabHost;
  readonly internet: LabHost;
  readonly router: LabRouter;
  readonly provider: NetworkNamespace;
}

/** Lays the cables, and gives everything but the line its addresses. */
async function layCables({ lan1, lan2, internet, router, provider }: Machines): Promise<void> {
  const { namespace } = router;
  await namespace.cable(lan1.namespace, { here: "port1", there: "eth0" });
  await namespace.cable(lan2.namespace, { here: "port2", there: "eth0" });
  await namespace.cable(provider, { here: "wan0", there: "cust0" });
  await provider.cable(internet.namespace, { here: "up0", there: "eth0" });
  const { lan1: one, lan2: two, router: own, outside, internet: far } = ADDRESSES;
  // Of the router's two link-local addresses in the LAN, one made by itself, it would answer a search from either.
  await configure(namespace, [
    "link add lan0 type bridge",
    "link set lan0 addrgenmode none",
    "link set lan0 up",
    ...["port1", "port2"].map((port) => `link set ${port} master lan0 up`),
    "link set wan0 up",
    `address add ${own.ipv4}/24 dev lan0`,
    `address add ${own.ipv6}/64 dev lan0 nodad`,
    `address add ${own.link}/64 dev lan0 nodad`,
    `address add ${outside.ipv6}/64 dev wan0 nodad`,
    "route add default via 2400:db80:44::1",
  ]);
  await configure(provider, [
    "link set cust0 up",
    "link set up0 up",
    "address add 2400:db80:44::1/64 dev cust0 nodad",
    "address add 11.22.33.254/24 dev up0",
    "address add 2400:db80:33::fe/64 dev up0 nodad",
    `route add 2400:db80:77::/64 via ${outside.ipv6}`,
  ]);
  await configure(internet.namespace, [
    "link set eth0 up",
    ...far.ipv4.map((address) => `address add ${address}/24 dev eth0`),
    ...far.ipv6.map((address) => `address add ${address}/64 dev eth0 nodad`),
    "route add 11.22.44.0/24 via 11.22.33.254",
    "route add default via 2400:db80:33::fe",
  ]);
  for (const [host, { ipv4, ipv6 }] of [[lan1, one], [lan2, two]] as const) {
    await configure(host.namespace, [
      "link set eth0 up",
      `address add ${ipv4}/24 dev eth0`,
      `address add ${ipv6}/64 dev eth0 nodad`,
      `route add default via ${own.ipv4}`,
      `route add default via ${own.link} dev eth0`,
    ]);
  }
  for (const forwarding of [namespace, provider]) {
    await forwarding.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
  }
}

async function configure(namespace: NetworkNamespace, lines: readonly string[]): Promise<void> {
  await namespace.feed(`${lines.join("\n")}\n`, "ip", "-batch", "-");
}
