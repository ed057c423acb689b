import assert from "node:assert/strict";
import type { GatewayStatus, Mapping } from "../../../src/client/client.ts";
import { judge, type Outcome, type RouterWish } from "../../../src/cli/open/outcome.ts";
import { IPV6_ROUTER, mappingOf, ROUTER } from "../../support/gateway/answers.ts";
import { LEASE as ANY_LEASE } from "../../support/wire.ts";

const LEASE = { ...ANY_LEASE, port: 25565, protocols: ["tcp"] } as const;

/** Judges mappings of one lease. */
function judged(
  mappings: readonly Partial<Mapping>[],
  { wish = {}, status = {} }: { readonly wish?: Partial<RouterWish>; readonly status?: Partial<GatewayStatus> } = {},
): Outcome {
  const whole = { leases: [LEASE], target: "game", ipv4: true, ipv6: false, external: undefined, waited: "15s" };
  const found = { ipv4: ROUTER, ipv6: IPV6_ROUTER, faults: [], ...status };
  return judge(
    { ...whole, hasGlobalIpv6: true, hasNoPort: false, ...wish },
    { ...found, mappings: mappings.map((part) => mappingOf(LEASE, part)) },
  );
}

/** The only thing that does not work, and what to do. */
function onlyFault(outcome: Outcome): string {
  assert.deepEqual([outcome.shortcomings.length, outcome.addresses, outcome.done], [1, [], []]);
  const [{ layer, message, next }] = outcome.shortcomings as [Outcome["shortcomings"][number]];
  return `${layer}: ${message}; ${next}`;
}

Deno.test("an address is confirmed only where the router has granted the mapping of this lease", () => {
  const { addresses, done, shortcomings, isWithoutRouter } = judged([{}]);
  assert.deepEqual([addresses, shortcomings, isWithoutRouter], [["203.0.113.7:25565"], [], false]);
  assert.deepEqual(done, [
    "203.0.113.7:25565/tcp leads to 192.168.1.20:25565 (UPnP, renewed before 2026-11-23T22:20:36.000Z)",
  ]);
  for (
    const part of [{ leaseId: "0".repeat(26) }, { protocol: "udp" }, { family: "ipv6" }, { state: "leaving" }] as const
  ) {
    assert.match(
      onlyFault(judged([part])),
      /^mapping: port 25565\/tcp is not forwarded: the router has not answered within 15s; /,
    );
  }
});

Deno.test("a mapping and a pinhole are two addresses, and one for both protocols is one", () => {
  const both = { ...LEASE, protocols: ["tcp", "udp"] as const };
  const { addresses } = judged([{}, { protocol: "udp" }, { family: "ipv6" }, { family: "ipv6", protocol: "udp" }], {
    wish: { ipv6: true, leases: [both] },
  });
  assert.deepEqual(addresses, ["203.0.113.7:25565", "[2400:db80::20]:25565"]);
});

Deno.test("what does not work is said with what to do", () => {
  assert.match(
    onlyFault(judged([{ state: "making", external: null }])),
    /has not answered within 15s; portd keeps asking/,
  );
  const refused = { state: "failed", external: null, reason: "UPnP error 718: ConflictInMappingEntry" } as const;
  assert.match(
    onlyFault(judged([refused])),
    /error 718: ConflictInMappingEntry; look at the page of the router, http:\/\/192\.168\.1\.1\//,
  );
  assert.match(onlyFault(judged([refused], { wish: { external: 25565 } })), /portd open game --router --external N/);
  const offline = { ...refused, internal: { address: "0.0.0.0", port: 25565 } };
  assert.match(
    onlyFault(judged([offline], { status: { ipv4: null } })),
    /; look at the way to the internet: portd net$/,
  );
  const without = { ...ROUTER, externalAddress: null };
  assert.match(onlyFault(judged([refused], { status: { ipv4: without } })), /; the router has no IPv4 address of the/);
  assert.match(onlyFault(judged([refused], { status: { ipv4: null } })), /switch UPnP, NAT-PMP or PCP on/);
  assert.match(
    onlyFault(judged([refused], { wish: { hasNoPort: true } })),
    /; see what is known of the line: portd line$/,
  );
  const useless = { state: "unusable", reason: "the line has no port 25565" } as const;
  assert.match(
    onlyFault(judged([useless])),
    /is forwarded, but nothing arrives: the line has no port 25565; see which ports/,
  );
  assert.match(onlyFault(judged([useless], { wish: { external: 25565 } })), /; leave --external out/);
});

Deno.test("what fails for both protocols alike is said once", () => {
  const both = { ...LEASE, protocols: ["tcp", "udp"] as const };
  const failed = (protocol: "tcp" | "udp", why: string) =>
    ({ protocol, state: "failed", external: null, reason: `${why} 25565/${protocol}` }) as const;
  const messagesOf = (...mappings: Partial<Mapping>[]) =>
    judged(mappings, { wish: { leases: [both] } }).shortcomings.map(({ message }) => message);
  assert.deepEqual(messagesOf(failed("tcp", "refused"), failed("udp", "refused")), [
    "port 25565/tcp+udp is not open: refused 25565/tcp+udp",
  ]);
  assert.deepEqual(messagesOf(failed("tcp", "refused"), failed("udp", "no room for")), [
    "port 25565/tcp is not open: refused 25565/tcp",
    "port 25565/udp is not open: no room for 25565/udp",
  ]);
});

Deno.test("a grant may be of no use: another port, no address, or one that is not of the internet", () => {
  const other = { external: { address: "203.0.113.7", port: 25566 } };
  assert.match(
    onlyFault(judged([other], { wish: { external: 25565 } })),
    /has granted port 25566\/tcp instead of 25565/,
  );
  assert.deepEqual(judged([other]).addresses, ["203.0.113.7:25566"]);
  for (const address of ["10.0.0.2", "100.64.3.4", "192.168.7.7", "192.0.0.2", "0.0.0.0", "127.0.0.1"]) {
    const outcome = judged([{ external: { address, port: 25565 } }]);
    assert.match(onlyFault(outcome), /its own address [\d.]+ is not one of the internet; .*bridge mode/);
  }
  for (const address of [null, "", "evil.example", "\x1b[2J", "1.2.3"]) {
    assert.match(onlyFault(judged([{ external: { address, port: 25565 } }])), /does not say which address it has/);
  }
});

Deno.test("a pinhole takes an IPv6 address that the internet knows", () => {
  const only = { ipv4: false, ipv6: true };
  const none = { wish: { ...only, hasGlobalIpv6: false } };
  assert.match(
    onlyFault(judged([], none)),
    /^pinhole: no IPv6 pinhole: this machine has no IPv6 address that the internet/,
  );
  assert.deepEqual(judged([{ family: "ipv6" }], none).addresses, ["[2400:db80::20]:25565"]);
  assert.match(
    onlyFault(judged([{ family: "ipv6", state: "failed", reason: "silent" }], { wish: only })),
    /a pinhole for port 25565\/tcp is not open: silent/,
  );
});

Deno.test("no router is one that answers for IPv4, where a port of IPv4 is wanted", () => {
  const failed = { state: "failed", reason: "no router answers" } as const;
  assert.equal(judged([failed], { status: { ipv4: null } }).isWithoutRouter, true);
  assert.equal(judged([failed]).isWithoutRouter, false);
  assert.equal(judged([], { status: { ipv4: null }, wish: { ipv4: false, ipv6: true } }).isWithoutRouter, false);
});
