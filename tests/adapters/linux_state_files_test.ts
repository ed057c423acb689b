/** The files of the programs that configure adapters on Linux, in their own words. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addressList,
  includesOf,
  parseDhclientLeases,
  parseInterfaces,
  parseKeyFile,
  parsePairs,
  parseResolvConf,
} from "../../src/adapters/linux/state_files.ts";

Deno.test("a resolv.conf has its name servers once each, without zones", () => {
  const text =
    "# made by x\nsearch lan\nnameserver 192.168.1.1\n nameserver\t2001:DB8::0:1\nnameserver fe80::1%eth0\n" +
    "nameserver 192.168.1.1\nnameserver not.an.address\n#nameserver 9.9.9.9\noptions edns0\n";
  assert.deepEqual(parseResolvConf(text), ["192.168.1.1", "2001:db8::1", "fe80::1"]);
});

Deno.test("interfaces(5): the method of each adapter, and what is included", () => {
  const text = `source /etc/network/interfaces.d/*
auto lo eth0
iface lo inet loopback
iface eth0 inet dhcp
iface eth0 inet6 auto
  iface eth1 inet \\
    static
    address 192.168.1.10/24
source-directory /etc/more
# iface eth2 inet dhcp
`;
  assert.deepEqual([...parseInterfaces(text)], [["lo", null], ["eth0", "dhcp"], ["eth1", "static"]]);
  assert.deepEqual(includesOf(text), ["/etc/network/interfaces.d/*", "/etc/more/*"]);
});

Deno.test("dhclient.leases: the addresses of each adapter", () => {
  const lease = (name: string, address: string) =>
    `lease {\n  interface "${name}";\n  fixed-address ${address};\n` +
    `  option routers 192.168.1.1;\n  expire 6 2026/11/28 23:00:00;\n}\n`;
  const text = `default-duid "\\000\\001";\n${lease("eth0", "192.168.1.9")}${lease("eth0", "192.168.1.10")}${
    lease("wlan0", "10.0.0.2")
  }`;
  assert.deepEqual([...parseDhclientLeases(text)].map(([name, addresses]) => [name, ...addresses]), [
    ["eth0", "192.168.1.9", "192.168.1.10"],
    ["wlan0", "10.0.0.2"],
  ]);
});

Deno.test("pairs and key files: comments and what is no pair are passed over", () => {
  assert.deepEqual([...parsePairs("# a=b\nADDRESS=192.168.1.10\nnothing\nDNS=a=b\n")], [["ADDRESS", "192.168.1.10"], [
    "DNS",
    "a=b",
  ]]);
  const keys = parseKeyFile("[connection]\nid=Wired\nuuid=1-2\n\n[ipv4]\n;method=manual\nmethod=auto\n");
  assert.deepEqual([...keys], [["connection.id", "Wired"], ["connection.uuid", "1-2"], ["ipv4.method", "auto"]]);
});

Deno.test("a list of servers is one of addresses, without what systemd writes behind them", () => {
  assert.deepEqual(addressList("192.168.1.1 2001:db8::1#dns.example fe80::1%2 example.org"), [
    "192.168.1.1",
    "2001:db8::1",
    "fe80::1",
  ]);
  assert.deepEqual(addressList(undefined), []);
});

Deno.test("every parser is total", () => {
  const parsers = [
    parseResolvConf,
    parseInterfaces,
    includesOf,
    parseDhclientLeases,
    parsePairs,
    parseKeyFile,
    addressList,
  ];
  const word = fc.constantFrom(
    "lease {",
    "}",
    "iface",
    "nameserver",
    "inet",
    "=",
    "[",
    "]",
    "\n",
    " ",
    "source",
    '"',
    "::",
    "%",
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(fc.oneof(word, fc.string({ maxLength: 4 }))).map((parts) => parts.join(" ")),
  );
  fc.assert(fc.property(text, (each) => parsers.forEach((parse) => void parse(each))));
});
