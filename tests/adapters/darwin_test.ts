/** The network of macOS, from what its tools print. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { assemble, type DarwinTexts, leasable } from "../../src/adapters/darwin/assemble.ts";
import { type AskTool, darwinNetworkReader } from "../../src/adapters/darwin/reader.ts";
import {
  parseIfconfig,
  parseNetstat,
  parsePacket,
  parseRoute,
  parseScutilDns,
  parseScutilNwi,
  parseServices,
} from "../../src/adapters/darwin/texts.ts";

const IFCONFIG = `lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384 index 1
	options=1203<RXCSUM,TXCSUM,TXSTATUS,SW_TIMESTAMP>
	inet 127.0.0.1 netmask 0xff000000
	inet6 ::1 prefixlen 128
	inet6 fe80::1%lo0 prefixlen 64 scopeid 0x1
	nd6 options=201<PERFORMNUD,DAD>
gif0: flags=8010<POINTOPOINT,MULTICAST> mtu 1280 index 2
en5: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500 index 9
	ether ac:de:48:00:11:22
	media: autoselect (none)
	status: inactive
en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500 index 11
	options=6460<TSO4,TSO6,CHANNEL_IO,PARTIAL_CSUM,ZEROINVERT_CSUM>
	ether 3c:22:fb:01:02:03
	inet6 fe80::c2a:5d3f:1b20:9%en0 prefixlen 64 secured scopeid 0xb
	inet 192.168.1.10 netmask 0xffffff00 broadcast 192.168.1.255
	inet6 2001:db8:1::10 prefixlen 64 autoconf secured
	inet6 2001:db8:1::abcd prefixlen 64 autoconf temporary
	inet6 2001:db8:1::d4 prefixlen 64 dynamic
	inet 192.168.1.77 netmask 0xffffff00 broadcast 192.168.1.255
	nd6 options=201<PERFORMNUD,DAD>
	media: autoselect
	status: active
bridge100: flags=8a63<UP,BROADCAST,SMART,RUNNING,ALLMULTI,SIMPLEX,MULTICAST> mtu 1500 index 20
	ether 3e:22:fb:01:02:64
	inet 192.168.64.1 netmask 0xffffff00 broadcast 192.168.64.255
	status: active
utun3: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1280 index 17
	inet 100.64.3.4 --> 100.64.3.4 netmask 0xffffffff
	inet6 fe80::3e22:fbff:fe01:203%utun3 prefixlen 64 scopeid 0x11
`;

const NETSTAT = `Routing tables

Internet:
Destination        Gateway            Flags               Netif Expire
default            192.168.1.1        UGScg                 en0
default            link#17            UCSIg               utun3
127                127.0.0.1          UCS                   lo0
192.168.1          link#11            UCS                   en0      !

Internet6:
Destination                             Gateway                         Flags         Netif Expire
default                                 fe80::1%en0                     UGcg            en0
default                                 fe80::%utun3                    UGcIg         utun3
::1                                     ::1                             UHL             lo0
`;

const ROUTE4 = `   route to: 198.41.0.4
destination: default
       mask: default
    gateway: 192.168.1.1
  interface: en0
      flags: <UP,GATEWAY,DONE,STATIC,PRCLONING,GLOBAL>
 recvpipe  sendpipe  ssthresh  rtt,msec    rttvar  hopcount      mtu     expire
       0         0         0         0         0         0      1500         0
`;
const ROUTE6 = ROUTE4.replace("198.41.0.4", "2001:503:ba3e::2:30").replace("192.168.1.1", "fe80::1%en0");

const DNS = `DNS configuration

resolver #1
  search domain[0] : lan
  nameserver[0] : 192.168.1.1
  if_index : 11 (en0)
  flags    : Request A records
  reach    : 0x00020002 (Reachable,Directly Reachable Address)

resolver #2
  domain   : local
  options  : mdns
  timeout  : 5

DNS configuration (for scoped queries)

resolver #1
  search domain[0] : lan
  nameserver[0] : 192.168.1.1
  nameserver[1] : 2001:db8:1::1
  if_index : 11 (en0)
  flags    : Scoped, Request A records
`;

const NWI = `Network information

IPv4 network interface information
     en0 : flags      : 0x5 (IPv4,DNS)
           address    : 192.168.1.10
           reach      : 0x00000002 (Reachable)
   utun3 : flags      : 0x5 (IPv4,DNS)
           address    : 100.64.3.4

   REACH : flags 0x00000002 (Reachable)

IPv6 network interface information
     en0 : flags      : 0x6 (IPv6,DNS)
           address    : 2001:db8:1::10

   REACH : flags 0x00000002 (Reachable)

Network interfaces: en0 utun3
`;

const SERVICES = `An asterisk (*) denotes that a network service is disabled.
(1) USB 10/100/1000 LAN
(Hardware Port: USB 10/100/1000 LAN, Device: en5)

(2) Wi-Fi
(Hardware Port: Wi-Fi, Device: en0)

(*) Thunderbolt Bridge
(Hardware Port: Thunderbolt Bridge, Device: bridge0)

`;

const PACKET = `op = BOOTREPLY
htype = 1
flags = 0x0
hlen = 6
hops = 0
xid = 0x4f2a1c33
secs = 0
ciaddr = 0.0.0.0
yiaddr = 192.168.1.10
siaddr = 192.168.1.1
giaddr = 0.0.0.0
chaddr = 3c:22:fb:1:2:3
sname =
file =
options:
Options count is 6
dhcp_message_type (uint8): ACK 0x5
server_identifier (ip): 192.168.1.1
lease_time (uint32): 0x15180
subnet_mask (ip): 255.255.255.0
router (ip_mult): {192.168.1.1}
domain_name_server (ip_mult): {192.168.1.1}
end (none):
`;

const TEXTS: DarwinTexts = {
  ifconfig: IFCONFIG,
  netstat: NETSTAT,
  route: { ipv4: ROUTE4, ipv6: ROUTE6 },
  dns: DNS,
  nwi: NWI,
  services: SERVICES,
  packets: new Map([["en0", PACKET]]),
};

Deno.test("macOS: the adapter of the internet, with all that the tools say of it", () => {
  const { adapters, internet } = assemble(TEXTS);
  const en0 = adapters.find(({ name }) => name === "en0")!;
  const { addresses, ...rest } = en0;
  assert.deepEqual(rest, {
    name: "en0",
    index: 11,
    mac: "3c:22:fb:01:02:03",
    isUp: true,
    isVirtual: false,
    kind: "wifi",
    gateways: ["192.168.1.1", "fe80::1"],
    dns: ["192.168.1.1", "2001:db8:1::1"],
    managedBy: "macOS",
    profile: "Wi-Fi",
  });
  assert.deepEqual(
    addresses.map(({ address, prefix, origin, isTemporary }) => `${address}/${prefix} ${origin} ${isTemporary}`),
    [
      "fe80::c2a:5d3f:1b20:9/64 auto false",
      "192.168.1.10/24 dhcp false",
      "2001:db8:1::10/64 auto false",
      "2001:db8:1::abcd/64 auto true",
      "2001:db8:1::d4/64 dhcp false",
      "192.168.1.77/24 static false",
    ],
  );
  assert.deepEqual(internet, {
    ipv4: { adapter: "en0", address: "192.168.1.10", gateway: "192.168.1.1" },
    ipv6: { adapter: "en0", address: "2001:db8:1::10", gateway: "fe80::1%en0" },
  });
});

Deno.test("macOS: the address from DHCP is fixed by networksetup, with the name of the service", () => {
  assert.deepEqual(assemble(TEXTS).fixCommands, [
    "sudo networksetup -setmanual Wi-Fi 192.168.1.10 255.255.255.0 192.168.1.1",
    "sudo networksetup -setdnsservers Wi-Fi 192.168.1.1",
  ]);
  assert.deepEqual(assemble({ ...TEXTS, packets: new Map() }).fixCommands, []);
});

Deno.test("macOS: loopback, tunnels, bridges and what has no cable are known as such", () => {
  const { adapters } = assemble(TEXTS);
  assert.deepEqual(adapters.map(({ name, kind, isVirtual, isUp }) => `${name} ${kind} ${isVirtual} ${isUp}`), [
    "lo0 loopback true true",
    "gif0 tunnel true false",
    "en5 ethernet false false",
    "en0 wifi false true",
    "bridge100 ethernet true true",
    "utun3 tunnel true true",
  ]);
  assert.deepEqual(leasable(IFCONFIG), ["en0", "bridge100", "utun3"]);
});

Deno.test("macOS: without a route there is no way to the internet; over a tunnel there is no router", () => {
  const none = { ipv4: "route: writing to routing socket: not in table\n", ipv6: "" };
  assert.deepEqual(assemble({ ...TEXTS, route: none }).internet, { ipv4: null, ipv6: null });
  const tunnel = { ipv4: ROUTE4.replace("192.168.1.1", "link#17").replace("en0", "utun3"), ipv6: "" };
  const { internet, fixCommands } = assemble({ ...TEXTS, route: tunnel });
  assert.deepEqual(internet.ipv4, { adapter: "utun3", address: "100.64.3.4", gateway: null });
  assert.deepEqual(fixCommands, []);
});

Deno.test("macOS: the reader asks the system's tools by their paths, and goes on without one that fails", async () => {
  const asked: string[] = [];
  const answers: Readonly<Record<string, string>> = {
    "/sbin/ifconfig -a -v": IFCONFIG,
    "/sbin/route -n get -inet 198.41.0.4": ROUTE4,
    "/usr/sbin/ipconfig getpacket en0": PACKET,
  };
  const ask: AskTool = ([path], args) => {
    const words = [path, ...args].join(" ");
    asked.push(words);
    return Promise.resolve(answers[words] ?? "");
  };
  const { internet, adapters } = await darwinNetworkReader(ask).read();
  assert.deepEqual(internet.ipv4, { adapter: "en0", address: "192.168.1.10", gateway: "192.168.1.1" });
  assert.equal(adapters.find(({ name }) => name === "en0")!.managedBy, null);
  assert.ok(asked.every((words) => words.startsWith("/sbin/") || words.startsWith("/usr/sbin/")), asked.join("\n"));
  await assert.rejects(darwinNetworkReader(() => Promise.resolve("")).read(), /ifconfig prints nothing/);
});

Deno.test("macOS: every parser is total", () => {
  const parsers = [
    parseIfconfig,
    parseNetstat,
    parsePacket,
    parseRoute,
    parseScutilDns,
    parseScutilNwi,
    parseServices,
  ];
  const whole = [IFCONFIG, NETSTAT, ROUTE4, DNS, NWI, SERVICES, PACKET];
  const broken = fc.tuple(fc.constantFrom(...whole), fc.nat(2000), fc.string({ maxLength: 6 }), fc.nat(6)).map((
    [text, at, more, cut],
  ) => text.slice(0, at) + more + text.slice(at + cut));
  fc.assert(fc.property(fc.oneof(fc.string(), broken), (text) => parsers.forEach((parse) => void parse(text))));
});
