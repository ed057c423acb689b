import assert from "node:assert/strict";
import { genericFacts, genericNetworkReader } from "../../src/adapters/generic.ts";

/** An address as Deno lists it. */
function listed(name: string, address: string, cidr: string, mac: string): Deno.NetworkInterfaceInfo {
  const isIpv6 = address.includes(":");
  const family = isIpv6 ? { family: "IPv6", scopeid: 0 } as const : { family: "IPv4", scopeid: null } as const;
  return { name, address, cidr, mac, netmask: "", ...family } as Deno.NetworkInterfaceInfo;
}

Deno.test("a system without a reader of its own has adapters with addresses, and no more is known", () => {
  const { adapters, internet, fixCommands } = genericFacts([
    listed("em0", "192.168.1.10", "192.168.1.10/24", "02:42:AC:11:00:02"),
    listed("lo0", "127.0.0.1", "127.0.0.1/8", "00:00:00:00:00:00"),
    listed("em0", "2001:db8::10", "2001:db8::10/64", "02:42:AC:11:00:02"),
  ]);
  assert.deepEqual(
    adapters.map(({ name, kind, mac, addresses }) => [name, kind, mac, addresses.map(({ prefix }) => prefix)]),
    [
      ["em0", "other", "02:42:ac:11:00:02", [24, 64]],
      ["lo0", "loopback", null, [8]],
    ],
  );
  assert.ok(adapters.every(({ addresses }) => addresses.every(({ origin }) => origin === null)));
  assert.deepEqual([internet, fixCommands], [{ ipv4: null, ipv6: null }, []]);
});

Deno.test("it lists the addresses of this machine", async () => {
  const { adapters } = await genericNetworkReader.read();
  const found = adapters.flatMap(({ addresses }) => addresses.map(({ address }) => address)).sort();
  assert.deepEqual(found, Deno.networkInterfaces().map(({ address }) => address.replace(/%.*$/, "")).sort());
});
