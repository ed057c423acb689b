/** `portd net`: the table, the commands, and who is asked. */
import assert from "node:assert/strict";
import { homeNetwork, LEASED } from "../../support/network.ts";
import { portd } from "../../support/cli.ts";
import { temporaryFolder } from "../../support/folder.ts";

/** An address at which nobody listens. */
const NOBODY = { PORTD_LISTEN: "127.0.0.1:1" };

async function net(network = homeNetwork(), ...args: readonly string[]) {
  await using folder = await temporaryFolder();
  return await portd(["net", ...args], { network, env: { ...NOBODY, PORTD_STATE_DIR: folder.path } });
}

Deno.test("portd net shows adapters, the way to the internet, and the commands that would fix the address", async () => {
  const { code, stdout, stderr } = await net();
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(
    stdout,
    `ADAPTER  KIND      ADDRESS            FROM  GATEWAY      DNS          MAC
eth0     ethernet  192.168.1.10/24    dhcp  192.168.1.1  192.168.1.1  02:42:ac:11:00:02
                   2001:db8:1::10/64  auto  fe80::1      -
IPv4       192.168.1.10 on eth0, by the router 192.168.1.1
IPv6       2001:db8:1::10 on eth0, by the router fe80::1
address    192.168.1.10 is from DHCP: what was typed into the router by hand leads elsewhere once the address changes
fix it     NetworkManager configures it; these commands would fix the address (portd runs none of them)
  sudo nmcli con mod uuid f5a0c3e2-1b7d-4c59-9d52-1f1c5a0e7b11 ipv4.method manual ipv4.addresses 192.168.1.10/24 ipv4.gateway 192.168.1.1 ipv4.dns 192.168.1.1
  sudo nmcli con up uuid f5a0c3e2-1b7d-4c59-9d52-1f1c5a0e7b11
`,
  );
});

Deno.test("portd net --json is what GET /network answers", async () => {
  const { stdout } = await net(homeNetwork(), "--json");
  assert.deepEqual(JSON.parse(stdout), homeNetwork());
});

Deno.test("portd net leaves loopback, link-local and temporary addresses out, --all does not", async () => {
  const linkLocal = { ...LEASED, family: "ipv6", address: "fe80::10", scope: "link" } as const;
  const temporary = { ...LEASED, family: "ipv6", address: "2001:db8::99", isTemporary: true } as const;
  const network = homeNetwork({ addresses: [LEASED, linkLocal, temporary] });
  const { stdout } = await net(network);
  assert.doesNotMatch(stdout, /fe80::10|2001:db8::99|127\.0\.0\.1/);
  const all = (await net(network, "--all")).stdout;
  assert.match(all, /fe80::10.*\n.*2001:db8::99.*temporary.*\nlo +loopback +127\.0\.0\.1/);
});

Deno.test("portd net says nothing of fixing an address that is fixed", async () => {
  const { stdout } = await net(homeNetwork({ addresses: [{ ...LEASED, origin: "static" }] }));
  assert.doesNotMatch(stdout, /DHCP|fix it|nmcli/);
});

Deno.test("portd net says what to do where it is not known who configures the adapter", async () => {
  const { stdout } = await net(homeNetwork({ managedBy: null, profile: null }));
  assert.match(stdout, /^fix it +fix the address where eth0 is configured, or have the router reserve it/m);
});

Deno.test("portd net shows a machine without a network", async () => {
  const { code, stdout, stderr } = await net({ adapters: [], internet: { ipv4: null, ipv6: null }, fixCommands: [] });
  assert.deepEqual([code, stderr], [0, "no adapter is up\n"]);
  assert.equal(stdout, "IPv4       no way to the internet\nIPv6       no way to the internet\n");
});

Deno.test("portd net makes no control character of an adapter's name effective", async () => {
  const { stdout } = await net(homeNetwork({ name: "e\x1b[2J\nth", profile: "u\x07" }));
  // deno-lint-ignore no-control-regex -- it is about control characters
  assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f]/);
  assert.doesNotMatch(stdout, /nmcli/);
});

Deno.test("portd net asks the daemon that was given, and does not look itself where that one is away", async () => {
  const { code, stderr } = await portd(["net", "--url", "http://127.0.0.1:1"], { network: homeNetwork() });
  assert.equal(code, 3);
  assert.match(stderr, /127\.0\.0\.1:1/);
});
