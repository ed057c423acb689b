import assert from "node:assert/strict";
import { judgeAddress } from "../../../src/cli/doctor/address.ts";
import type { NetworkFacts } from "../../../src/client/wire.ts";
import type { Lease } from "../../../src/lease/lease.ts";
import { homeNetwork, LEASED } from "../../support/network.ts";
import { UNCLAIMED } from "../../support/wire.ts";

/** A lease that asks the router for a port. */
const FORWARDED: Lease = {
  ...UNCLAIMED,
  exposure: {
    firewall: { direction: "in", profiles: ["private"], remote: ["any"] },
    gateway: { externalPort: null, ipv4: true, ipv6: false, lifetimeMs: 3_600_000 },
  },
};

const judge = (network: NetworkFacts | undefined, leases: readonly Lease[] = [FORWARDED]) =>
  judgeAddress({ leases, network }).map(([level, message]) => `${level}: ${message}`).join("\n");

Deno.test("an address from DHCP is noted: portd follows it, what was typed into the router by hand does not", () => {
  assert.match(
    judge(homeNetwork()),
    /^note: 192\.168\.1\.10 on eth0 is from DHCP: when it changes, portd asks .* portd net/,
  );
  const unknown = homeNetwork({ addresses: [{ ...LEASED, origin: null }] });
  assert.match(judge(unknown), /^note: 192\.168\.1\.10 on eth0 may change/);
});

Deno.test("a fixed address is well, one without a router is noted, no way to the internet is a problem", () => {
  const network = homeNetwork({ addresses: [{ ...LEASED, origin: "static" }] }), { internet } = network;
  assert.equal(judge(network), "ok: 192.168.1.10 on eth0 is fixed, behind the router 192.168.1.1");
  const direct = { ...network, internet: { ...internet, ipv4: { ...internet.ipv4!, gateway: null } } };
  assert.match(judge(direct), /^note: .* without a router/);
  assert.match(judge({ ...network, internet: { ...internet, ipv4: null } }), /^problem: .* no way to the internet/);
});

Deno.test("nothing is said where no lease asks the router for a port of IPv4", () => {
  const { exposure } = FORWARDED;
  assert.equal(judge(homeNetwork(), [UNCLAIMED]), "");
  assert.equal(judge(homeNetwork(), [{ ...FORWARDED, exposure: { ...exposure!, gateway: null } }]), "");
  assert.equal(judge(undefined), "");
});
