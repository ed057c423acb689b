/** What a check finds where everything is in order: a game server at home, behind a router that maps its port. */
import type { NetworkFacts } from "../../src/adapters/adapters.ts";
import type { Mapping } from "../../src/gateway/mapping.ts";
import type { Line } from "../../src/line/line.ts";
import type { ReachFacts } from "../../src/reach/facts.ts";

/** The addresses in it. */
export const OWN = "192.168.1.10", ROUTER = "192.168.1.1", OUTER = "203.0.113.9";
/** Its port. */
export const GAME_PORT = 25565;

/** A machine with one address. */
export function networkWith(address: string, ipv6: string | null = null): NetworkFacts {
  const addresses = [
    { family: "ipv4", address, prefix: 24, scope: "private", origin: "dhcp", isTemporary: false },
    ...ipv6 === null
      ? []
      : [{ family: "ipv6", address: ipv6, prefix: 64, scope: "global", origin: "auto", isTemporary: false } as const],
  ] as const;
  return {
    adapters: [{
      name: "eth0",
      index: 2,
      mac: "02:00:00:00:00:01",
      isUp: true,
      isVirtual: false,
      kind: "ethernet",
      addresses,
      gateways: [ROUTER],
      dns: [ROUTER],
      managedBy: null,
      profile: null,
    }],
    internet: {
      ipv4: { adapter: "eth0", address, gateway: ROUTER },
      ipv6: ipv6 === null ? null : { adapter: "eth0", address: ipv6, gateway: "fe80::1%eth0" },
    },
    fixCommands: [],
  };
}

/** The mapping, and `part` of it else. */
export function mappingWith(part: Partial<Mapping> = {}): Mapping {
  return {
    family: "ipv4",
    protocol: "tcp",
    internal: { address: OWN, port: GAME_PORT },
    leaseId: "01KAR3Y8T2M4C6V8X0Z2B4D6F8",
    lease: "shop/game",
    wantedPort: null,
    external: { address: OUTER, port: GAME_PORT },
    state: "set",
    reason: null,
    via: "upnp",
    expiresAt: "2026-11-23T11:00:00.000Z",
    ...part,
  };
}

/** A line, and `part` of it else. */
export function lineWith(part: Partial<Line> = {}): Line {
  return {
    verdict: "unrestricted",
    reason: "the NAT keeps ports",
    certainty: "sure",
    doubts: [],
    externalAddress: OUTER,
    portSet: null,
    usable: null,
    samples: [],
    sampledAt: null,
    ...part,
  };
}

/** The facts, and `part` of them else. */
export function factsWith(part: Partial<ReachFacts> = {}): ReachFacts {
  return {
    port: GAME_PORT,
    protocol: "tcp",
    family: "ipv4",
    from: "internet",
    target: "shop/game",
    listeners: [{ address: "0.0.0.0", who: "pid 4711 (java)" }],
    network: networkWith(OWN),
    isOurs: false,
    lan: { outcome: "open", answered: false, elapsedMs: 1 },
    rule: { state: "set", remote: ["any"], reason: null },
    needsRule: null,
    mapping: mappingWith(),
    look: "set",
    gateway: { name: `the router at ${ROUTER} (upnp)`, externalAddress: OUTER, fault: null },
    line: lineWith(),
    hairpin: { outcome: "open", answered: false, elapsedMs: 2 },
    ...part,
  };
}
