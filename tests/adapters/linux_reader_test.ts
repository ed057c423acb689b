/** The facts of a Linux machine, from a kernel's lists and from the files of each program that configures adapters. */
import assert from "node:assert/strict";
import type { Adapter, NetworkFacts } from "../../src/adapters/adapters.ts";
import { networkReaderOver } from "../../src/adapters/linux/reader.ts";
import type { RoutingState } from "../../src/adapters/linux/route_socket.ts";

const ETH0 = { index: 2, name: "eth0", hardware: 1, mac: [2, 0x42, 0xac, 0x11, 0, 2], isUp: true, kind: null };
const WAY = {
  family: "ipv4",
  isDefault: true,
  index: 2,
  gateway: "192.168.1.1",
  source: "192.168.1.10",
  metric: 0,
  preference: 1,
} as const;

/** What a kernel says of a machine at home. */
function home({ isPermanent = false, ...rest }: { isPermanent?: boolean } & Partial<RoutingState> = {}): RoutingState {
  return {
    links: [{ ...ETH0, index: 1, name: "lo", hardware: 772, mac: [0, 0, 0, 0, 0, 0] }, ETH0],
    addresses: [
      { index: 1, address: "127.0.0.1", prefix: 8, isPermanent: true, isTemporary: false, source: 0 },
      { index: 2, address: "192.168.1.10", prefix: 24, isPermanent, isTemporary: false, source: 0 },
    ],
    defaults: [WAY],
    ways: [WAY, null],
    ...rest,
  };
}

async function read(
  state: RoutingState,
  files: Readonly<Record<string, string>> = {},
  sys: Readonly<Record<string, string>> = {},
): Promise<NetworkFacts> {
  return await networkReaderOver({
    routes: () => Promise.resolve(state),
    readSys: (path) => sys[path],
    files: {
      read: (path) => Promise.resolve(files[path]),
      list: (folder) => {
        const inside = Object.keys(files).filter((path) => path.startsWith(`${folder}/`));
        return Promise.resolve(inside.map((path) => path.slice(folder.length + 1)));
      },
    },
  }).read();
}

const eth0 = ({ adapters }: NetworkFacts): Adapter => adapters.find(({ name }) => name === "eth0")!;

Deno.test("an IPv4 address with an end is from DHCP, whoever configures the adapter", async () => {
  const facts = await read(home(), { "/etc/resolv.conf": "nameserver 192.168.1.1\n" });
  assert.deepEqual(eth0(facts), {
    name: "eth0",
    index: 2,
    mac: "02:42:ac:11:00:02",
    isUp: true,
    isVirtual: false,
    kind: "ethernet",
    addresses: [{
      family: "ipv4",
      address: "192.168.1.10",
      prefix: 24,
      scope: "private",
      origin: "dhcp",
      isTemporary: false,
    }],
    gateways: ["192.168.1.1"],
    dns: ["192.168.1.1"],
    managedBy: null,
    profile: null,
  });
  assert.deepEqual(facts.internet, {
    ipv4: { adapter: "eth0", address: "192.168.1.10", gateway: "192.168.1.1" },
    ipv6: null,
  });
  assert.deepEqual(facts.fixCommands, [], "who configures it is not known");
});

Deno.test("systemd-networkd: its lease says DHCP, no lease says static, netplan's files are known", async () => {
  const link = (file: string) =>
    `# made by systemd\nADMIN_STATE=configured\nOPER_STATE=routable\nNETWORK_FILE=${file}\n`;
  const lease = "ADDRESS=192.168.1.10\nDNS=192.168.1.1 1.1.1.1\n";
  const path = "/run/systemd/netif/links/2", file = "/etc/systemd/network/20-wired.network";
  const dynamic = eth0(
    await read(home({ isPermanent: true }), { [path]: link(file), "/run/systemd/netif/leases/2": lease }),
  );
  assert.deepEqual([dynamic.managedBy, dynamic.profile, dynamic.addresses[0]!.origin], [
    "systemd-networkd",
    file,
    "dhcp",
  ]);
  assert.deepEqual(dynamic.dns, ["192.168.1.1", "1.1.1.1"]);
  const old = lease.replace(".10", ".11");
  const fixed = eth0(
    await read(home({ isPermanent: true }), { [path]: link(file), "/run/systemd/netif/leases/2": old }),
  );
  assert.equal(fixed.addresses[0]!.origin, "static");
  const netplan = await read(home(), { [path]: link("/run/systemd/network/10-netplan-lan.network") });
  assert.equal(eth0(netplan).managedBy, "netplan");
  assert.match(netplan.fixCommands[0]!, /"lan":/);
  const unmanaged = await read(home(), { [path]: link(file).replace("configured", "unmanaged") });
  assert.equal(eth0(unmanaged).managedBy, null);
});

Deno.test("NetworkManager: the connection of the device, with its method where it may be read", async () => {
  const device = { "/run/NetworkManager/devices/2": "[device]\nmanaged=true\nconnection-uuid=11-22\n" };
  const connection = (method: string) => ({
    "/etc/NetworkManager/system-connections/other.nmconnection": "[connection]\nuuid=9\n[ipv4]\nmethod=auto\n",
    "/etc/NetworkManager/system-connections/w.nmconnection":
      `[connection]\nuuid=11-22\n[ipv4]\ndns=9.9.9.9;\nmethod=${method}\n`,
  });
  const facts = await read(home(), device);
  assert.deepEqual([eth0(facts).managedBy, eth0(facts).profile], ["NetworkManager", "11-22"]);
  assert.match(
    facts.fixCommands.join("\n"),
    /nmcli con mod uuid 11-22 ipv4.method manual ipv4.addresses 192.168.1.10\/24/,
  );
  const manual = eth0(await read(home({ isPermanent: true }), { ...device, ...connection("manual") }));
  assert.deepEqual([manual.addresses[0]!.origin, manual.dns], ["static", ["9.9.9.9"]]);
  const lease = { "/var/lib/NetworkManager/internal-11-22-eth0.lease": "ADDRESS=192.168.1.10\n" };
  const endless = eth0(await read(home({ isPermanent: true }), { ...device, ...lease }));
  assert.equal(endless.addresses[0]!.origin, "dhcp");
});

Deno.test("ifupdown, dhclient and dhcpcd are known by their files", async () => {
  const state = { "/run/network/ifstate": "lo=lo\neth0=eth0\n" };
  const interfaces = {
    "/etc/network/interfaces": "source interfaces.d/*.cfg\niface lo inet loopback\n",
    "/etc/network/interfaces.d/a": "iface eth0 inet static\n",
    "/etc/network/interfaces.d/lan.cfg": "iface eth0 inet dhcp\n",
  };
  const up = await read(home({ isPermanent: true }), { ...state, ...interfaces });
  assert.deepEqual([eth0(up).managedBy, eth0(up).addresses[0]!.origin], ["ifupdown", "dhcp"]);
  assert.equal(eth0(up).profile, "/etc/network/interfaces.d/lan.cfg");
  const leases = {
    "/var/lib/dhcp/dhclient.eth0.leases": 'lease {\n interface "eth0";\n fixed-address 192.168.1.10;\n}\n',
  };
  const client = eth0(await read(home({ isPermanent: true }), leases));
  assert.deepEqual([client.managedBy, client.addresses[0]!.origin], ["dhclient", "dhcp"]);
  const cd = eth0(await read(home(), { "/var/lib/dhcpcd/eth0.lease": "\0", "/run/dhcpcd/pid": "7" }));
  assert.equal(cd.managedBy, "dhcpcd");
});

Deno.test("behind the stub of systemd-resolved are the servers that it asks", async () => {
  const stub = { "/etc/resolv.conf": "nameserver 127.0.0.53\n" };
  const real = { "/run/systemd/resolve/resolv.conf": "nameserver 192.168.1.1\nnameserver 9.9.9.9\n" };
  assert.deepEqual(eth0(await read(home(), { ...stub, ...real })).dns, ["192.168.1.1", "9.9.9.9"]);
  assert.deepEqual(eth0(await read(home(), stub)).dns, ["127.0.0.53"]);
  const own = { "/run/systemd/resolve/netif/2": "LLMNR=yes\nSERVERS=192.168.1.5\n" };
  assert.deepEqual(eth0(await read(home(), { ...stub, ...real, ...own })).dns, ["192.168.1.5"]);
});

Deno.test("an adapter without a device is virtual, unless /sys shows another network's adapters", async () => {
  const event = "/sys/class/net/eth0/uevent", device = "/sys/class/net/eth0/device/uevent";
  const isVirtual = async (sys: Readonly<Record<string, string>>) => eth0(await read(home(), {}, sys)).isVirtual;
  assert.equal(await isVirtual({ [event]: "INTERFACE=eth0\nIFINDEX=2\n" }), true);
  assert.equal(await isVirtual({ [event]: "INTERFACE=eth0\nIFINDEX=2\n", [device]: "DRIVER=e1000\n" }), false);
  assert.equal(await isVirtual({ [event]: "INTERFACE=eth0\nIFINDEX=9\n" }), false);
  const wifi = { [event]: "DEVTYPE=wlan\nINTERFACE=eth0\nIFINDEX=2\n", [device]: "DRIVER=iwl\n" };
  assert.equal(eth0(await read(home(), {}, wifi)).kind, "wifi");
});

Deno.test("of IPv6, advertised, temporary, leased and fixed addresses are told apart; the router has its zone", async () => {
  const common = { index: 2, prefix: 64, isPermanent: false, isTemporary: false, source: 0 };
  const addresses = [
    { ...common, address: "2001:db8::1", source: 2 },
    { ...common, address: "2001:db8::2", isTemporary: true },
    { ...common, address: "2001:db8::3", prefix: 128 },
    { ...common, address: "2001:db8::4", isPermanent: true },
    { ...common, address: "fe80::5", isPermanent: true, source: 3 },
    { ...common, address: "fd00::6" },
  ];
  const way = { ...WAY, family: "ipv6", gateway: "fe80::1", source: "2001:db8::1" } as const;
  const routes = [{ ...way, metric: 500 }, { ...way, gateway: "fe80::2", metric: 100 }];
  const facts = await read(home({ addresses, defaults: routes, ways: [null, way] }));
  const expected = ["auto global", "auto global", "dhcp global", "static global", "auto link", "auto private"];
  assert.deepEqual(eth0(facts).addresses.map(({ origin, scope }) => `${origin} ${scope}`), expected);
  assert.deepEqual(eth0(facts).gateways, ["fe80::2", "fe80::1"]);
  assert.deepEqual(facts.internet.ipv6, { adapter: "eth0", address: "2001:db8::1", gateway: "fe80::1%eth0" });
  assert.deepEqual([facts.internet.ipv4, facts.fixCommands], [null, []]);
});

Deno.test("of very many adapters those with routes and addresses are kept, and the answer stays bounded", async () => {
  const many = Array.from({ length: 20_000 }, (_, i) => ({ ...ETH0, index: i + 10, name: `veth${i}`, kind: "veth" }));
  const state = home({ links: [...many, { ...ETH0, index: 1, name: "lo", hardware: 772 }, ETH0] });
  const { adapters, internet } = await read(state);
  assert.equal(adapters.length, 4096);
  assert.deepEqual(adapters.slice(0, 2).map(({ name }) => name), ["lo", "eth0"]);
  assert.equal(internet.ipv4?.adapter, "eth0");
});
