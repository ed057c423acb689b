import assert from "node:assert/strict";
import { diagnose, type Finding, type Symptoms } from "../../../src/cli/doctor/diagnosis.ts";
import type { FirewallStatus } from "../../../src/client/wire.ts";
import type { Lease } from "../../../src/lease/lease.ts";
import { NO_EVIDENCE } from "../../../src/process/process.ts";
import { portd } from "../../support/cli.ts";
import { startTestDaemon } from "../../support/daemon.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { FIREWALL as STATUS_OF_FIREWALL, STATUS, UNCLAIMED } from "../../support/wire.ts";

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
  openFiles: [],
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

Deno.test("diagnose() finds nothing wrong with a healthy daemon, and says so of every check", () => {
  const findings = diagnose(HEALTHY);
  const checks = ["daemon", "pool", "conflicts", "holds", "claims", "clock", "rights"];
  assert.deepEqual(findings.map(({ check, level }) => `${check} ${level}`), checks.map((check) => `${check} ok`));
});

const STRANGER = { ...NO_EVIDENCE, pid: 99, command: "nc -l", address: "0.0.0.0", since: "", reason: null };
const FUTURE = "2026-11-24T12:00:00Z";

const CASES: readonly (readonly [string, Symptoms, string, RegExp])[] = [
  ["another version", { ...HEALTHY, version: "1.1.0" }, "daemon warning", /this command is portd 1\.1\.0: restart/],
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
    /shop\/web \(20417\/tcp\): pid 99 \(nc -l\) listens there .* portd inspect 20417/,
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
