import assert from "node:assert/strict";
import { addressesForOthers, isOnThisMachine } from "../../../src/cli/open/addresses.ts";

const one = (name: string, address: string) => {
  const family = address.includes(":") ? "IPv6" as const : "IPv4" as const;
  return { name, family, address };
};

const MACHINE = [
  one("lo", "127.0.0.1"),
  one("lo", "::1"),
  one("eth0", "2001:db8::20"),
  one("eth0", "fe80::1"),
  one("eth0", "192.168.1.20"),
  one("wlan0", "169.254.3.4"),
  one("docker0", "172.17.0.1"),
  one("br-0123456789ab", "172.18.0.1"),
  one("br-lan", "192.168.2.1"),
];

Deno.test("the addresses for others are those of networks with other machines in them, IPv4 first", () => {
  const all = ["192.168.1.20", "192.168.2.1", "2001:db8::20"];
  assert.deepEqual(addressesForOthers(MACHINE, []), all);
  assert.deepEqual(addressesForOthers(MACHINE, ["::"]), all);
});

Deno.test("of a server that listens on some addresses, only those are for others", () => {
  assert.deepEqual(addressesForOthers(MACHINE, ["0.0.0.0"]), ["192.168.1.20", "192.168.2.1"]);
  assert.deepEqual(addressesForOthers(MACHINE, ["192.168.2.1", "127.0.0.1"]), ["192.168.2.1"]);
  assert.deepEqual(addressesForOthers(MACHINE, ["127.0.0.1", "::1"]), []);
});

Deno.test("a daemon is on this machine at a loopback address or one of the machine's own", () => {
  const urls = ["http://127.0.0.1:7678", "http://localhost:1", "http://[::1]:1", "http://[2001:db8::20]:1"];
  for (const url of urls) assert.equal(isOnThisMachine(url, MACHINE), true, url);
  for (const url of ["http://192.168.1.21:1", "https://portd.example:1"]) {
    assert.equal(isOnThisMachine(url, MACHINE), false, url);
  }
});
