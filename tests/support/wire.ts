/** One whole document of each kind that a daemon answers with. */
import type { ReachReport } from "../../src/reach/reach.ts";
import type {
  DaemonStatus,
  ImportOutcome,
  Lease,
  LeaseDocument,
  ListedSocket,
  PortDescription,
  PortSocket,
} from "../../src/client/client.ts";
import type { Activity, FirewallStatus, Line, PortMap } from "../../src/client/wire.ts";
import type { Rule } from "../../src/firewall/rule.ts";
import { MAP_LETTERS } from "../../src/inspect/port_map.ts";

const INSTANT = "2026-11-23T10:00:00.000Z";

/** A lease with everything that a lease can have. */
export const LEASE: Lease = {
  id: "01K00000000000000000000001",
  name: "shop/web",
  project: "shop",
  port: 20417,
  protocols: ["tcp"],
  state: "listening",
  holder: {
    id: "cli:/home/me/shop",
    pid: 4711,
    startTime: "12345",
    bootId: "b",
    command: "vite",
    cwd: "/home/me/shop",
    user: "me",
  },
  lifetime: { kind: "listener", claimMs: 600_000, graceMs: 300_000 },
  hold: "soft",
  labels: { job: "17" },
  exposure: {
    firewall: { direction: "in", profiles: ["domain", "private"], remote: ["LocalSubnet"] },
    gateway: { externalPort: 25565, ipv4: true, ipv6: false, lifetimeMs: 3_600_000 },
  },
  listener: {
    pid: 4711,
    startTime: "812390",
    bootId: "b",
    command: "vite",
    cwd: "/home/me/shop",
    user: "me",
    address: "127.0.0.1",
    since: INSTANT,
    reason: null,
  },
  grantedAt: INSTANT,
  renewedAt: INSTANT,
  expiresAt: INSTANT,
  endedAt: null,
};

/** A lease that nobody has claimed, with everything left out that may be. */
export const UNCLAIMED: Lease = {
  ...LEASE,
  state: "granted",
  holder: { id: "cli:/shop", pid: null, startTime: null, bootId: null, command: null, cwd: null, user: null },
  lifetime: { kind: "pinned" },
  labels: {},
  exposure: null,
  listener: null,
  expiresAt: null,
};

/** A rule of the firewall. */
export const RULE: Rule = {
  name: "portd-in-tcp-20417",
  direction: "in",
  protocol: "tcp",
  port: 20417,
  profiles: ["domain", "private"],
  remote: ["LocalSubnet"],
  displayName: "portd-in-tcp-20417 shop/web",
};

/** `GET /status`. */
export const STATUS: DaemonStatus = {
  name: "portd",
  version: "0.1.0",
  pid: 4712,
  startedAt: INSTANT,
  uptimeMs: 61_000,
  stateDir: "/nowhere/state",
  user: "me",
  leases: { live: 1, listening: 1 },
  pool: { size: 10, free: 9, quarantined: 0 },
  holds: { kept: 1, limit: 100, missing: 0 },
  ephemeral: { first: 32768, last: 60999 },
  wsl: null,
  warnings: ["a warning"],
};

/** One of `GET /listeners`. */
export const SOCKET: ListedSocket = {
  protocol: "tcp",
  family: 4,
  localAddress: "127.0.0.1",
  localPort: 20417,
  remoteAddress: "0.0.0.0",
  remotePort: 0,
  state: "LISTEN",
  pid: 4711,
  user: "me",
  process: { command: "vite", cwd: "/home/me/shop", user: "me" },
  forwarder: { program: "docker-proxy", target: { address: "172.17.0.2", port: 80 } },
  ofHolder: true,
  lease: { id: LEASE.id, name: LEASE.name, state: "listening" },
};

/** One of `GET /ports/{port}`. */
export const PORT_SOCKET: PortSocket = {
  ...SOCKET,
  startTime: "12345",
  bootId: "b",
  startedAt: INSTANT,
  reason: null,
  ancestors: [{ pid: 4700, command: "npm run dev" }],
};

/** `GET /ports/20417`. */
export const DESCRIPTION: PortDescription = {
  port: 20417,
  class: "user",
  verdict: "listening",
  sentence: "shop/web listens on port 20417",
  advice: ["portd free 20417"],
  services: [{ protocol: "tcp", name: "web", description: "a service" }],
  developmentUse: "a server",
  privileged: false,
  pooled: true,
  quarantined: false,
  ephemeral: false,
  reserved: false,
  exclusions: [{ first: 20400, last: 20500, by: "configuration", protocols: ["tcp"] }],
  leases: [LEASE],
  rules: [{ ...RULE, state: "set" }],
  listeners: [PORT_SOCKET],
  connections: [{ ...PORT_SOCKET, state: "ESTABLISHED", remotePort: 4000 }],
};

/** `GET /firewall`. */
export const FIREWALL: FirewallStatus = {
  backend: "nftables",
  desired: [{ ...RULE, state: "set" }],
  last: { at: INSTANT, error: null },
  error: null,
  lacksRights: false,
  actual: [{ name: RULE.name, rule: RULE }],
  difference: { add: ["portd-in-tcp-1"], change: ["portd-in-tcp-2"], remove: ["portd-in-tcp-3"] },
  drifted: ["portd-in-tcp-4"],
  remarks: ["a remark"],
  foreign: 3,
};

/** `GET /export`. */
export const DOCUMENT: LeaseDocument = {
  version: 1,
  exportedAt: INSTANT,
  leases: [LEASE],
  names: { "shop/web": 20417 },
};

/** `POST /import`. */
export const OUTCOME: ImportOutcome = {
  imported: [LEASE.id],
  skipped: [{ id: LEASE.id, code: "lease_exists", detail: "Cannot import it" }],
};

/** The document of an event about a lease. */
export const EVENT = { type: "lease.granted", at: INSTANT, lease: LEASE } as const;

/** `GET /line`. */
export const LINE: Line = {
  verdict: "map-e",
  reason: "all ports seen are of PSID 17",
  certainty: "likely",
  doubts: ["no IPv6 address confirms it"],
  externalAddress: "198.51.100.7",
  portSet: { offset: 4, length: 8, psid: 17 },
  usable: [{ first: 4368, last: 4383 }],
  samples: [{ localPort: 40000, address: "198.51.100.7", port: 4370 }],
  sampledAt: INSTANT,
};

/** `POST /ports/{port}/check`. */
export const REACH: ReachReport = {
  port: 20417,
  protocol: "tcp",
  family: "ipv4",
  from: "internet",
  layers: [{ layer: "rule", result: "fail", reason: "the rule is not there", next: "portd firewall sync" }],
  verdict: "closed",
  broken: "rule",
  external: { address: "203.0.113.9", port: 20417 },
};

const COUNTS = {
  none: 1,
  free: 65_533,
  ephemeral: 0,
  pool: 0,
  quarantined: 0,
  excluded: 0,
  used: 1,
  leased: 0,
  listening: 1,
  conflict: 0,
} as const;

/** `GET /ports/map`. */
export const PORT_MAP: PortMap = {
  version: "0123456789abcdef0123",
  letters: MAP_LETTERS,
  tcp: "1n21f1u20394f1s45118f",
  udp: "1n21f1u20394f1s45118f",
  counts: { tcp: COUNTS, udp: COUNTS },
  pool: [{ first: 20000, last: 29999 }],
  ephemeral: [{ first: 32768, last: 60999 }],
  unprivilegedFrom: 1024,
  line: "map-e",
  usable: [{ first: 4368, last: 4383 }],
};

/** `GET /activity`. */
export const ACTIVITY: Activity = {
  since: INSTANT,
  until: INSTANT,
  bucketMs: 60_000,
  grants: [3, 0],
  releases: [1, 1],
  refusals: [0, 2],
};
