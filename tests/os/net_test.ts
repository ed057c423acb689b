/** `portd net` in network namespaces against `ip -j addr`, `ip -j route` and resolv.conf; net_dhcp_test.ts has DHCP. */
import assert from "node:assert/strict";
import type { NetworkFacts } from "../../src/adapters/adapters.ts";
import { temporaryFolder } from "../support/folder.ts";
import { Installation } from "../support/os/installation.ts";
import { NetworkNamespace } from "../support/os/netns.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";

const NAMESPACES = [linux, root, tools("ip", "unshare", "nsenter", "mount", "python3")];

/** Adapters of many kinds, with addresses of both families and several default routes. */
const NETWORK = `link add eth0 type veth peer name far
link set eth0 address 02:42:ac:11:00:02
link set far up
link set eth0 up
addr add 192.168.1.10/24 dev eth0 valid_lft 86400 preferred_lft 43200
addr add 192.168.1.11/32 dev eth0
addr add 10.0.0.5 peer 10.0.0.6 dev eth0
addr add 2001:db8:1::10/64 dev eth0 nodad
addr add fd12::5/64 dev eth0 nodad valid_lft 3600 preferred_lft 1800
link add br0 type bridge
link set br0 up
addr add 172.18.0.1/16 dev br0
link add veth1 type veth peer name inside
link set veth1 master br0
link set veth1 up
link set inside up
addr add 172.18.0.2/16 dev inside
link add idle type bridge
route add default via 172.18.0.9 dev br0 metric 400
route add default via 192.168.1.1 dev eth0 metric 100
route add 203.0.113.0/24 via 192.168.1.7 dev eth0
route add blackhole 198.51.100.0/24
route add default via fe80::9 dev br0 metric 2000
route add default via fe80::1 dev eth0 metric 1000
`;

const RESOLV_CONF = "search lan\nnameserver 192.168.1.1\nnameserver 2001:db8:1::1\n";

/** A name that Linux takes. */
const ODD_NAME = `a'"$(x);&\`<`;

/** A link of `ip -j addr`. */
interface IpLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly link_type: string;
  readonly address: string;
  readonly addr_info: readonly {
    readonly local: string;
    readonly prefixlen: number;
    readonly valid_life_time: number;
    readonly dynamic?: boolean;
    readonly scope: string;
  }[];
}

/** A route of `ip -j route`. */
interface IpRoute {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev: string;
  readonly metric?: number;
}

async function ip<Row>(network: NetworkNamespace, ...args: readonly string[]): Promise<readonly Row[]> {
  return JSON.parse(await network.run("ip", "-j", ...args));
}

async function portdNet(installation: Installation, network: NetworkNamespace): Promise<NetworkFacts> {
  const { code, stdout, stderr } = await installation.command(["net", "--json"], { before: network.enter }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Routes of the default, the preferred one first. */
async function defaultRoutes(network: NetworkNamespace, family: "-4" | "-6"): Promise<readonly IpRoute[]> {
  const routes = (await ip<IpRoute>(network, family, "route")).filter(({ dst }) => dst === "default");
  return routes.toSorted((a, b) => (a.metric ?? 0) - (b.metric ?? 0));
}

/** A VLAN on eth0, where the kernel has the module for it. */
async function addVlan(network: NetworkNamespace): Promise<void> {
  const modules = await network.run("sh", "-c", "modprobe 8021q 2>&1; ls /proc/net/vlan 2>&1; true");
  if (!modules.includes("config")) return;
  await network.feed(
    "link add link eth0 name eth0.7 type vlan id 7\naddr add 172.20.7.1/20 dev eth0.7\n",
    "ip",
    "-batch",
    "-",
  );
}

osTest("portd net --json has what ip addr, ip route and resolv.conf have", NAMESPACES, async (t) => {
  await using network = await NetworkNamespace.create({ isWhole: true });
  await network.feed(NETWORK, "ip", "-batch", "-");
  await addVlan(network);
  await network.run("ip", "link", "add", "name", ODD_NAME, "type", "bridge");
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/resolv.conf`, RESOLV_CONF);
  await network.run("mount", "--bind", `${folder.path}/resolv.conf`, "/etc/resolv.conf");
  await using installation = await Installation.create();
  const facts = await portdNet(installation, network), links = await ip<IpLink>(network, "addr");
  await t.step("adapters, in their order: number, MAC, and whether they are up", () => {
    const expected = links.map(({ ifindex, ifname, address, flags, link_type: type }) => ({
      index: ifindex,
      name: ifname,
      mac: type === "ether" ? address : null,
      isUp: flags.includes("UP") && !flags.includes("NO-CARRIER"),
    }));
    assert.deepEqual(facts.adapters.map(({ index, name, mac, isUp }) => ({ index, name, mac, isUp })), expected);
    assert.deepEqual(facts.adapters.filter(({ isVirtual }) => !isVirtual), [], "all of them are software");
  });
  await t.step("addresses: prefix, and dhcp or auto where they have an end", () => {
    const expected = links.map(({ addr_info: list }) =>
      list.map(({ local, prefixlen, valid_life_time: validS, scope }) => ({
        text: `${local}/${prefixlen}`,
        hasEnd: validS !== 0xffffffff,
        isLink: scope === "link",
        isLoopback: scope === "host",
      }))
    );
    const found = facts.adapters.map(({ addresses }) =>
      addresses.map(({ address, prefix, family, origin, scope }) => ({
        text: `${address}/${prefix}`,
        hasEnd: origin === (family === "ipv4" ? "dhcp" : "auto") && scope !== "link",
        isLink: scope === "link",
        isLoopback: scope === "loopback",
      }))
    );
    assert.deepEqual(found, expected);
  });
  await t.step("routers: those of the default routes, the preferred one first", async () => {
    for (const [family, way] of [["-4", facts.internet.ipv4], ["-6", facts.internet.ipv6]] as const) {
      const routes = await defaultRoutes(network, family);
      assert.equal(routes.length, 2);
      for (const { name, gateways } of facts.adapters) {
        const own = gateways.filter((each) => each.includes(":") === (family === "-6"));
        assert.deepEqual(own, routes.filter(({ dev }) => dev === name).map(({ gateway }) => gateway), name);
      }
      assert.deepEqual([way?.adapter, way?.gateway?.replace(/%eth0$/, "")], [routes[0]!.dev, routes[0]!.gateway]);
    }
    assert.equal(facts.internet.ipv6?.gateway, "fe80::1%eth0");
  });
  await t.step("the address outward is the one that the kernel gives a connected socket", async () => {
    const code = "import socket,sys; s=socket.socket(getattr(socket,sys.argv[1]),socket.SOCK_DGRAM); " +
      "s.connect((sys.argv[2],53)); print(s.getsockname()[0])";
    const witness = async (family: string, target: string) =>
      (await network.run("python3", "-c", code, family, target)).trim();
    assert.equal(facts.internet.ipv4?.address, await witness("AF_INET", "198.41.0.4"));
    assert.equal(facts.internet.ipv6?.address, await witness("AF_INET6", "2001:503:ba3e::2:30"));
  });
  await t.step("name servers: those of resolv.conf, at the internet's adapter", () => {
    const found = facts.adapters.filter(({ dns }) => dns.length > 0).map(({ name, dns }) => [name, dns]);
    assert.deepEqual(found, [["eth0", ["192.168.1.1", "2001:db8:1::1"]]]);
  });
});

osTest("without a network portd net has loopback alone, and no way to the internet", NAMESPACES, async () => {
  await using network = await NetworkNamespace.create();
  await using installation = await Installation.create();
  const { adapters, internet, fixCommands } = await portdNet(installation, network);
  assert.deepEqual(adapters.filter(({ isUp }) => isUp).map(({ name }) => name), ["lo"]);
  assert.deepEqual([internet, fixCommands], [{ ipv4: null, ipv6: null }, []]);
});
