import assert from "node:assert/strict";
import { canonicalNetwork, onLinkNetworks } from "../../src/firewall/networks.ts";

const SAME: readonly (readonly [string, string | undefined])[] = [
  ["10.0.0.5/24", "10.0.0.0/24"],
  ["10.0.0.5", "10.0.0.5/32"],
  ["10.255.255.255/9", "10.128.0.0/9"],
  ["0.0.0.0/0", "0.0.0.0/0"],
  ["fe80::1/10", "fe80::/10"],
  ["2001:DB8:0:0::1/32", "2001:db8::/32"],
  ["2001:db8::1", "2001:db8::1/128"],
  ["::/0", "::/0"],
  ["::ffff:192.0.2.1/128", "::ffff:192.0.2.1/128"],
  ["1:2:3:4:5:6:7:8/127", "1:2:3:4:5:6:7:8/127"],
  ...[
    ...["", "any", "LocalSubnet", "10.0.0/24", "10.0.0.256/24", "10.0.0.1/33", "10.0.0.1/", "10.0.0.1/24/1"],
    ...["10.0.0.01/24", "1:2", "::1::", "1:2:3:4:5:6:7:8:9", "::12345", "::/129", "fe80::1%eth0/64", "1.2.3.4::"],
    ":1:2:3:4:5:6:7",
  ].map((text) => [text, undefined] as const),
];

for (const [text, network] of SAME) {
  Deno.test(`canonicalNetwork() makes ${network ?? "nothing"} of "${text}"`, () => {
    assert.equal(canonicalNetwork(text), network);
  });
}

Deno.test("onLinkNetworks() leaves loopback and single addresses out, and has IPv6's link-local networks once", () => {
  const cidrs = [
    ...["127.0.0.1/8", "::1/128", "192.168.1.20/24", "192.168.1.21/24", "172.17.0.1/16", "100.64.0.7/32"],
    ...["fe80::1/64", "fe80::2/64", "2001:db8::20/64", "2001:db8::21/128"],
  ];
  assert.deepEqual(onLinkNetworks(cidrs.map((cidr) => ({ cidr }))), [
    ...["172.17.0.0/16", "192.168.1.0/24", "2001:db8::/64", "fe80::/10"],
  ]);
  assert.deepEqual(onLinkNetworks([]), []);
});
