import assert from "node:assert/strict";
import { diagnose, type Finding } from "../../../src/cli/doctor/diagnosis.ts";
import type { Symptoms } from "../../../src/cli/doctor/symptoms.ts";
import type { ListedSocket, PortSocket } from "../../../src/client/client.ts";
import type { FirewallStatus, GatewayStatus } from "../../../src/client/wire.ts";
import type { Lease } from "../../../src/lease/lease.ts";
import { NO_EVIDENCE } from "../../../src/process/process.ts";
import { portd } from "../../support/cli.ts";
import { startTestDaemon } from "../../support/daemon.ts";
import { mappingOf, ROUTER } from "../../support/gateway/answers.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { FIREWALL as STATUS_OF_FIREWALL, PORT_SOCKET, SOCKET, STATUS, UNCLAIMED } from "../../support/wire.ts";

const NOW = Date.parse("2026-11-23T12:00:00Z");

const LEASE: Lease = { ...UNCLAIMED, grantedAt: "2026-11-23T11:59:00Z", renewedAt: "2026-11-23T11:59:00Z" };

const HEALTHY: Symptoms = {
  url: "http://127.0.0.1:7678",
  status: {
    ...STATUS,
    version: "1.0.0",
    startedAt: "2026-11-23T11:00:00Z",
    uptimeMs: 3_600_000,
    user: "root",
    pool: { size: 100, free: 99, quarantined: 0 },
    holds: { kept: 1, limit: 1000, missing: 0 },
    warnings: [],
  },
  leases: [LEASE],
  now: NOW,
  version: "1.0.0",
  changedAt: NOW - 7_200_000,
  openFiles: [],
  folderFaults: [],
  freeBytes: 5e9,
  sockets: [],
  strays: [],
  orphans: [],
  line: undefined,
  gateway: undefined,
  network: undefined,
  firewall: undefined,
};

const NOTHING_TO_DO = { add: [], change: [], remove: [] };
const FIREWALL: FirewallStatus = { ...STATUS_OF_FIREWALL, difference: NOTHING_TO_DO, drifted: [], remarks: [] };

function status(part: Partial<Symptoms["status"]>): Symptoms {
  return { ...HEALTHY, status: { ...HEALTHY.status, ...part } };
}

function leased(part: Partial<Lease>): Symptoms {
  return { ...HEALTHY, leases: [{ ...LEASE, ...part }] };
}

function firewall(part: Partial<FirewallStatus>): Symptoms {
  return { ...HEALTHY, firewall: { ...FIREWALL, ...part } };
}

Deno.test("diagnose() says how the mappings of the router stand, where a lease wants one", () => {
  const about = (gateway: GatewayStatus) =>
    diagnose({ ...HEALTHY, gateway }).filter(({ check }) => check === "gateway").map((
      { level, message },
    ) => [level, message]);
  const mapping = mappingOf(LEASE), ipv4 = ROUTER;
  assert.deepEqual(diagnose(HEALTHY).filter(({ check }) => check === "gateway"), []);
  assert.deepEqual(about({ ipv4, ipv6: null, mappings: [mapping], faults: [] }), [
    ["ok", "the router 192.168.1.1 (UPnP) has all 1 mappings that leases want"],
  ]);
  const failed = { ...mapping, state: "failed", external: null, reason: "it refuses" } as const;
  const left = { ...mapping, state: "leaving" } as const;
  const findings = about({ ipv4, ipv6: null, mappings: [mapping, failed, left], faults: ["it refuses"] });
  assert.deepEqual(findings.map(([level]) => level), ["problem", "note"]);
  assert.match(
    findings[0]![1]!,
    /^the mapping of .* is failed: it refuses; ask the router again with: portd gateway sync$/,
  );
  assert.match(findings[1]![1]!, /^the router has not deleted 1 mappings/);
  const making = { ...mapping, state: "making", external: null } as const;
  assert.deepEqual(about({ ipv4: null, ipv6: null, mappings: [making], faults: [] }).map(([level]) => level), ["note"]);
});

Deno.test("diagnose() finds nothing wrong with a healthy daemon, and says so of every check", () => {
  const findings = diagnose(HEALTHY);
  const checks = ["daemon", "pool", "conflicts", "servers", "holds", "claims", "clock", "disk", "rights"];
  assert.deepEqual(findings.map(({ check, level }) => `${check} ${level}`), checks.map((check) => `${check} ok`));
});

const STRANGER = { ...NO_EVIDENCE, pid: 99, command: "nc -l", address: "0.0.0.0", since: "", reason: null };
const VITE: PortSocket = {
  ...PORT_SOCKET,
  localPort: 5173,
  pid: 4715,
  process: { command: "node /shop/node_modules/.bin/vite", cwd: "/shop", user: "me" },
  lease: null,
  ofHolder: null,
};
const OF_RUN: Lease = {
  ...LEASE,
  holder: { ...LEASE.holder, pid: 4711, command: "portd run web -- npm run dev" },
  lifetime: { kind: "process", graceMs: 10_000 },
};
const OF_VITE: Lease = { ...OF_RUN, holder: { ...OF_RUN.holder, command: "portd run web -- vite" } };
const INTRUDER: ListedSocket = { ...SOCKET, localAddress: "::1", localPort: 7678, pid: 99, lease: null };

function stray(leases: readonly Lease[], isStarted = true): Symptoms {
  return { ...HEALTHY, strays: [{ socket: VITE, leases, isStarted }] };
}

const FUTURE = "2026-11-24T12:00:00Z";

const CASES: readonly (readonly [string, Symptoms, string, RegExp])[] = [
  ["another version", { ...HEALTHY, version: "1.1.0" }, "daemon warning", /this command is portd 1\.1\.0: restart/],
  [
    "a daemon that is older than this portd",
    { ...HEALTHY, changedAt: NOW - 60_000 },
    "daemon warning",
    /but this portd has been changed since, at 2026-11-23T11:59:00\.000Z: restart the daemon with portd stop/,
  ],
  [
    "another program on the daemon's port",
    { ...HEALTHY, sockets: [INTRUDER] },
    "daemon warning",
    /^pid 99 \(vite\) listens on \[::1\]:7678, where "localhost" may lead: end it, or use only http:/,
  ],
  [
    "a server on another port than its lease",
    stray([OF_VITE]),
    "servers problem",
    /^shop\/web listens on 5173, not on 20417: pid 4715 \(vite\); add what sets its port .*, like: --port \{port\}$/,
  ],
  [
    "a server that npm has started on another port than its lease",
    stray([OF_RUN]),
    "servers problem",
    /to the command, like: -- --port \{port\}$/,
  ],
  [
    "a server that may belong to a lease by its folder",
    stray([{ ...LEASE, holder: { ...LEASE.holder, cwd: "/shop" } }], false),
    "servers warning",
    /^nobody listens on 20417 \(shop\/web\), and pid 4715 \(vite\) in the same folder listens on 5173: if it is that/,
  ],
  [
    "a server that outlives its portd run",
    { ...HEALTHY, orphans: [{ pid: 4715, command: "vite", lease: OF_RUN }] },
    "servers warning",
    /^pid 4715 \(vite\) still listens on shop\/web \(20417\/tcp\), and its portd run \(pid 4711\) has ended; portd free 20417/,
  ],
  [
    "a server that outlives its portd run and its lease",
    { ...HEALTHY, orphans: [{ pid: 4715, command: "vite", lease: { ...OF_RUN, endedAt: "2026-11-23T11:59:30Z" } }] },
    "servers warning",
    /^pid 4715 \(vite\) still listens on 20417, and its lease shop\/web has ended with its portd run; end process 4715/,
  ],
  ["a system without a list of sockets", { ...HEALTHY, sockets: null }, "servers note", /does not list sockets/],
  [
    "a full disk",
    { ...HEALTHY, freeBytes: 4096 },
    "disk problem",
    /^the disk of \/nowhere\/state is full: no port can/,
  ],
  [
    "a disk with little room",
    { ...HEALTHY, freeBytes: 9 << 20 },
    "disk warning",
    /^9 MB are free for \/nowhere\/state$/,
  ],
  ["a disk that cannot be asked", { ...HEALTHY, freeBytes: null }, "disk note", /is not known$/],
  ["faults of the folder", { ...HEALTHY, folderFaults: ["it is gone"] }, "rights problem", /^it is gone$/],
  ["what the daemon warns of", status({ warnings: ["5 ports are excluded"] }), "daemon warning", /5 ports/],
  [
    "an empty pool",
    status({ pool: { size: 100, free: 0, quarantined: 3 } }),
    "pool problem",
    /0 of 100 .* widen "pool"/,
  ],
  [
    "a stranger",
    leased({ state: "conflict", listener: STRANGER }),
    "conflicts problem",
    /shop\/web \(20417\/tcp\): a stranger listens there: pid 99 \(nc -l\); see portd inspect 20417/,
  ],
  [
    "a hold that is missing",
    status({ holds: { kept: 1, limit: 1000, missing: 2 } }),
    "holds problem",
    /2 could not be/,
  ],
  ["few holds left", status({ holds: { kept: 900, limit: 1000, missing: 0 } }), "holds warning", /raise the limit/],
  ["no holds at all", status({ holds: { kept: 0, limit: 0, missing: 0 } }), "holds note", /no holds/],
  [
    "a lease that nobody claims",
    leased({ renewedAt: "2026-11-23T10:00:00Z" }),
    "claims note",
    /nobody has listened on shop\/web \(20417\/tcp\) for over 1h/,
  ],
  ["a clock set forward", { ...HEALTHY, now: NOW + 60_000 }, "clock warning", /was set 1m forward since/],
  ["a clock set back", { ...HEALTHY, now: NOW - 60_000 }, "clock warning", /was set 1m back since/],
  [
    "leases of the future",
    leased({ grantedAt: FUTURE, renewedAt: FUTURE }),
    "clock warning",
    /1 lease was granted in the/,
  ],
  ["a firewall that cannot be read", firewall({ error: "nft needs root" }), "firewall problem", /nft needs root/],
  [
    "rules that are not set",
    firewall({ difference: { add: ["portd-in-tcp-80"], change: [], remove: [] } }),
    "firewall problem",
    /not set: portd-in-tcp-80; set them with: portd firewall sync/,
  ],
  ["what hinders rules", firewall({ remarks: ["mpssvc is stopped"] }), "firewall warning", /mpssvc/],
  [
    "an open token",
    { ...HEALTHY, openFiles: ["/state/admin.token"] },
    "rights problem",
    /^\/state\/admin\.token can be read by other users/,
  ],
  ["somebody else's daemon", { ...HEALTHY, openFiles: null }, "rights note", /only root can do what needs the token/],
  [
    "a daemon without rights",
    status({ user: "me" }),
    "rights note",
    /runs as me: it cannot see the processes of other/,
  ],
];

for (const [name, symptoms, expected, message] of CASES) {
  Deno.test(`diagnose() finds ${name}`, () => {
    const findings = diagnose(symptoms).filter(({ level }) => level !== "ok");
    assert.deepEqual(findings.map(({ check, level }) => `${check} ${level}`), [expected]);
    assert.match(findings[0]!.message, message);
  });
}

Deno.test("portd doctor ends with 0 for a healthy daemon, with 1 for a problem, with 3 without a daemon", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using folder = await temporaryFolder();
  await using daemon = await startTestDaemon(folder.path);
  const env = { PORTD_URL: daemon.url };
  const healthy = await portd(["doctor"], { env });
  assert.deepEqual([healthy.code, healthy.stderr], [0, ""]);
  assert.match(healthy.stdout, /^CHECK +LEVEL +FINDING\ndaemon +ok +portd /);
  await Deno.chmod(`${folder.path}/admin.token`, 0o644);
  const open = await portd(["doctor", "--json"], { env });
  assert.equal(open.code, 1);
  const problems = JSON.parse(open.stdout).findings.filter(({ level }: Finding) => level === "problem");
  assert.deepEqual(problems.map(({ check }: Finding) => check), ["rights"]);
  const nowhere = { PORTD_STATE_DIR: `${folder.path}/none`, PORTD_LISTEN: "127.0.0.1:1" };
  assert.equal((await portd(["doctor"], { env: nowhere })).code, 3);
});

Deno.test("diagnose() does not repeat what the daemon warns of", () => {
  const warnings = ['pid 99 (vite) listens on [::1]:7678, where "localhost" may lead: end it'];
  const findings = diagnose({ ...status({ warnings }), sockets: [INTRUDER] });
  assert.equal(findings.filter(({ level }) => level === "warning").length, 1);
});
