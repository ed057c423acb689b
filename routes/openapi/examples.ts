/** Examples of requests and answers, as they come and go. A test checks each against its schema. */
import { VERSION } from "../../src/version.ts";
import {
  FIREWALL_EXAMPLES,
  GATEWAY_EXAMPLE,
  LINE_EXAMPLE,
  NETWORK_EXAMPLE,
  REACH_EXAMPLE,
} from "./outside_examples.ts";
import { PORT_MAP_EXAMPLE } from "./port_map_example.ts";
import { LEASED } from "./lease_example.ts";

const { id, port, name } = LEASED;
const GRANTED_AT = LEASED.grantedAt;
const SECOND = { ...LEASED, id: "01KAR3Y8T2M4C6V8X0Z2B4D6F9", name: "shop/api", port: 20418 };
const EXPOSURE = {
  firewall: { direction: "in", profiles: ["domain", "private"], remote: ["any"] },
  gateway: { externalPort: 25565, ipv4: true, ipv6: false, lifetimeMs: 3_600_000 },
};

const SOCKET = {
  protocol: "tcp",
  family: 4,
  localAddress: "127.0.0.1",
  localPort: port,
  remoteAddress: "0.0.0.0",
  remotePort: 0,
  state: "LISTEN",
  pid: 4715,
  user: "me",
  process: { command: "node server.mjs", cwd: "/home/me/shop", user: "me" },
  forwarder: null,
  ofHolder: true,
  lease: { id, name, state: "listening" },
};

const FREE_PORT = {
  port: 20417,
  class: "user",
  services: [],
  developmentUse: null,
  privileged: false,
  pooled: true,
  quarantined: false,
  ephemeral: false,
  reserved: false,
  exclusions: [],
  leases: [],
  rules: [],
  listeners: [],
  connections: [],
  verdict: "free",
  sentence: "Port 20417 is free",
  advice: ["portd lease --port 20417 takes it"],
};

const STATUS = {
  name: "portd",
  stateDir: "/home/me/.local/state/portd",
  user: "me",
  uptimeMs: 2601,
  leases: { live: 2, granted: 2 },
  pool: { size: 9846, free: 9843, quarantined: 1 },
  holds: { kept: 2, limit: 15_000, missing: 0 },
  ephemeral: { first: 32_768, last: 60_999 },
  wsl: null,
  warnings: [],
  version: VERSION,
  pid: 4690,
  startedAt: GRANTED_AT,
};

/** By name. */
export const EXAMPLES = {
  nothing: {},
  any_port: {},
  named_port: { name: "web", project: "shop", prefer: [5173], lifetime: { kind: "ttl", ttlMs: 60_000 } },
  services: {
    project: "shop",
    services: [{ name: "web", prefer: [5173] }, { name: "dns", protocols: ["tcp", "udp"] }],
  },
  exposed_port: { name: "game", port: 25_565, exposure: { firewall: { remote: ["any"] }, gateway: {} } },
  labels: { labels: { job: "1234" } },
  ttl: { ttlMs: 60_000 },
  exposure: EXPOSURE,
  check_with_listener: { protocol: "udp", from: "internet", listen: true },
  seen_processes: { processes: [{ pid: 4715, startTime: "812390", bootId: LEASED.holder.bootId }] },
  freed: { ended: [{ pid: 4715, command: "node server.mjs", signal: "TERM" }], released: [id] },
  metrics: "# HELP portd_holds Holds that are kept.\n# TYPE portd_holds gauge\nportd_holds 2\n",
  code_for_any_user: { anyUser: true },
  code: { code: "0123456789".repeat(4) },
  dashboard_code: { code: "0123456789".repeat(4), expiresAt: "2026-11-23T10:01:00.000Z" },
  dashboard_session: { token: "0123456789abcdef".repeat(4), expiresAt: "2026-11-23T22:00:00.000Z" },
  dry_run: { dryRun: true },
  stun_servers: { servers: ["stun.example.org:3478"] },
  lease: LEASED,
  exposed_lease: { ...LEASED, exposure: EXPOSURE },
  several_leases: { leases: [LEASED, SECOND] },
  short_lease: { id, port },
  several_short_leases: { leases: [{ id, port }, { id: SECOND.id, port: SECOND.port }] },
  lease_page: { leases: [LEASED], next: id },
  released: { released: [id] },
  free_port: FREE_PORT,
  listeners: { listeners: [SOCKET] },
  event_stream: `retry: 1000\n\nid: m3k9-17\nevent: lease.listening\ndata: ${
    JSON.stringify({ type: "lease.listening", at: GRANTED_AT, lease: LEASED })
  }\n\n`,
  reach_report: REACH_EXAMPLE,
  firewall: FIREWALL_EXAMPLES.status,
  firewall_sync: FIREWALL_EXAMPLES.sync,
  gateway: GATEWAY_EXAMPLE,
  network: NETWORK_EXAMPLE,
  line: LINE_EXAMPLE,
  status: STATUS,
  port_map: PORT_MAP_EXAMPLE,
  activity: {
    since: "2026-11-23T09:58:00.000Z",
    until: GRANTED_AT,
    bucketMs: 60_000,
    grants: [3, 0],
    releases: [1, 1],
    refusals: [0, 2],
  },
  ok: { status: "ok" },
  ready: { status: "ready" },
  stopping: { status: "stopping" },
  proof: { proof: "0123456789abcdef".repeat(4) },
  calls: {
    name: "portd",
    version: VERSION,
    calls: [{ method: "POST", path: "/v1/leases", scope: "lease", does: "leases a port, or several" }],
  },
  lease_document: { version: 1, exportedAt: GRANTED_AT, leases: [LEASED], names: { "shop/web": 20_417 } },
  import_outcome: {
    imported: [id],
    skipped: [{
      id: SECOND.id,
      code: "port_in_use",
      detail: "Cannot grant port 20418/tcp: pid 99 (vite) listens on it",
    }],
  },
} as const;

/** The name of an example. */
export type ExampleName = keyof typeof EXAMPLES;
