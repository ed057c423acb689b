/** Examples of answers about firewall, router, network and line. */
import type { NetworkFacts } from "../../src/adapters/adapters.ts";
import type { FirewallStatus, GatewayStatus, Line, ReachReport } from "../../src/client/wire.ts";
import type { Rule } from "../../src/firewall/rule.ts";

const AT = "2026-11-23T10:00:00.000Z";
const ADDRESS = "192.168.1.20", ROUTER = "192.168.1.1", OUTER = "203.0.113.9";

const RULE: Rule = {
  name: "portd-5c0f2a1e-in-tcp-20417",
  direction: "in",
  protocol: "tcp",
  port: 20_417,
  profiles: ["domain", "private"],
  remote: ["LocalSubnet"],
  displayName: "portd: shop/web (20417/tcp)",
};

/** `GET /firewall`, `POST /firewall/sync`. */
export const FIREWALL_EXAMPLES: Readonly<Record<"status" | "sync", FirewallStatus>> = {
  status: {
    backend: "nftables",
    last: { at: AT, error: null },
    desired: [{ ...RULE, state: "set" }],
    error: null,
    lacksRights: false,
    actual: [{ name: RULE.name, rule: RULE }],
    difference: { add: [], change: [], remove: [] },
    drifted: [],
    remarks: [],
    foreign: 12,
  },
  sync: {
    backend: "nftables",
    dryRun: false,
    actual: [],
    difference: { add: [RULE.name], change: [], remove: [] },
    drifted: [],
    remarks: [],
    foreign: 12,
  },
};

/** `GET /gateway`. */
export const GATEWAY_EXAMPLE: GatewayStatus = {
  ipv4: { family: "ipv4", protocol: "pcp", address: ROUTER, name: null, externalAddress: OUTER },
  ipv6: null,
  mappings: [{
    leaseId: "01KAR3Y8T2M4C6V8X0Z2B4D6F8",
    lease: "shop/web",
    family: "ipv4",
    protocol: "tcp",
    internal: { address: ADDRESS, port: 20_417 },
    wantedPort: null,
    external: { address: OUTER, port: 20_417 },
    state: "set",
    reason: null,
    via: "pcp",
    expiresAt: "2026-11-23T11:00:00.000Z",
  }],
  faults: [],
};

/** `GET /network`. */
export const NETWORK_EXAMPLE: NetworkFacts = {
  adapters: [{
    name: "enp3s0",
    index: 2,
    mac: "02:00:5e:10:00:01",
    isUp: true,
    isVirtual: false,
    kind: "ethernet",
    addresses: [{
      family: "ipv4",
      address: ADDRESS,
      prefix: 24,
      scope: "private",
      origin: "dhcp",
      isTemporary: false,
    }],
    gateways: [ROUTER],
    dns: [ROUTER],
    managedBy: "NetworkManager",
    profile: "3f1c9f2e-6f0d-4a52-8f7b-0c8a2f4f9d10",
  }],
  internet: { ipv4: { adapter: "enp3s0", address: ADDRESS, gateway: ROUTER }, ipv6: null },
  fixCommands: [],
};

/** `GET /line`. */
export const LINE_EXAMPLE: Line = {
  verdict: "map-e",
  reason: "Every port that was seen is one of PSID 17",
  certainty: "sure",
  doubts: [],
  externalAddress: OUTER,
  portSet: { offset: 4, length: 8, psid: 17 },
  usable: [{ first: 4368, last: 4383 }, { first: 8464, last: 8479 }],
  samples: [{ localPort: 40_000, address: OUTER, port: 4370 }],
  sampledAt: AT,
};

/** `POST /ports/{port}/check`. */
export const REACH_EXAMPLE: ReachReport = {
  port: 25_565,
  protocol: "tcp",
  family: "ipv4",
  from: "internet",
  layers: [
    { layer: "listener", result: "ok", reason: "pid 4711 (java) listens on ::", next: null },
    {
      layer: "rule",
      result: "fail",
      reason: "portd's rule is not in the host's firewall",
      next: "portd firewall sync",
    },
  ],
  verdict: "closed",
  broken: "rule",
  external: { address: OUTER, port: 25_565 },
};
