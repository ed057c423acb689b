/** Values for the fields of requests: some that work, and some that must be refused. */
import type { Random } from "../support/random.ts";

/** The pool of the daemon: so small that grants and refusals both happen. */
export const POOL = { first: 31_000, last: 31_149 } as const;

const LONG = [100, 5000, 70_000] as const;

/** A value that hardly any field takes. */
export function hostileValue(random: Random): unknown {
  const makers: (() => unknown)[] = [
    () => random.pick([null, true, false, -1, 0, 1.5, 1e308, 2 ** 53, -0, 65_536, 4_294_967_376]),
    () => random.pick(["", " ", "\0", "a\nb", "\u202eevil", "\x9b2J", "\ud800", "ä".normalize("NFD"), "🙂", "\ufffd"]),
    () => random.pick(["../../etc/passwd", "%2e%2e%2f", "'; DROP TABLE leases; --", "$(id)", "{{7*7}}", "NaN", "1e3"]),
    () => random.pick(["__proto__", "constructor", "toString", "hasOwnProperty"]),
    () => "x".repeat(random.pick(LONG)),
    () => [[], [null], [[[]]], Array(random.int(1, 300)).fill(1)][random.int(0, 3)],
    () => ({ [random.pick(["__proto__x", "constructor", "a", "kind"])]: random.pick([1, null, "x", {}]) }),
    () => JSON.parse("[".repeat(200) + "]".repeat(200)),
  ];
  return random.pick(makers)();
}

const port = (random: Random) => random.int(POOL.first, POOL.last);
const protocols = (random: Random) => random.pick([["tcp"], ["tcp"], ["udp"], ["tcp", "udp"]]);
const name = (random: Random) => `${random.pick(["web", "api", "db", "a.b", "x_y"])}-${random.int(1, 40)}`;
const instant = () => "2026-11-23T10:00:00.000Z";
const lifetime = (random: Random) =>
  random.pick([
    { kind: "listener" },
    { kind: "listener", claimMs: random.int(1000, 3000), graceMs: random.int(0, 5000) },
    { kind: "ttl", ttlMs: random.int(1000, 3000) },
    { kind: random.chance(0.1) ? "pinned" : "listener" },
    { kind: "process" },
  ]);
const exposure = (random: Random) =>
  random.pick([
    {},
    { firewall: {}, gateway: null },
    { firewall: { remote: ["LocalSubnet"], profiles: ["domain"] } },
    { gateway: { externalPort: 25565, ipv4: true, ipv6: true, lifetimeMs: 120_000 } },
  ]);
const wish = (random: Random) => ({ name: name(random), ...random.pick([{}, { port: port(random) }]) });
const lease = (random: Random) => ({
  id: ulid(random),
  name: name(random),
  project: null,
  port: port(random),
  protocols: protocols(random),
  holder: { id: "fuzz" },
  lifetime: { kind: "pinned" },
  hold: "soft",
  labels: {},
  grantedAt: instant(),
  renewedAt: instant(),
  expiresAt: null,
});

/** A random ULID. */
export function ulid(random: Random): string {
  return `01${Array.from({ length: 24 }, () => random.pick([..."0123456789ABCDEFGHJKMNPQRSTVWXYZ"])).join("")}`;
}

/** Values that work, by the name of the field; a field that is not listed gets a hostile value. */
const GOOD: Readonly<Record<string, (random: Random) => unknown>> = {
  port: (random) => random.pick([0, port(random), port(random)]),
  prefer: (random) => [port(random), port(random)],
  range: () => ({ first: POOL.first, last: POOL.first + 50 }),
  pool: (random) => random.pick(["default", "default", "os"]),
  protocols,
  hold: (random) => random.pick(["soft", "none"]),
  name,
  project: (random) => random.pick(["shop", "a/b", "shop@feature"]),
  count: (random) => random.int(1, 4),
  block: (random) => random.int(1, 4),
  services: (random) => [wish(random), wish(random)],
  holder: (random) => ({ id: `fuzz:${random.int(1, 5)}` }),
  pid: () => Deno.pid,
  lifetime,
  ttlMs: (random) => random.int(1000, 3000),
  labels: (random) => ({ fuzz: String(random.int(1, 20)) }),
  exposure,
  firewall: () => ({}),
  gateway: () => ({}),
  waitMs: (random) => random.int(0, 30),
  dryRun: (random) => random.chance(0.5),
  version: () => 1,
  leases: (random) => random.pick([[], [lease(random)], [lease(random), lease(random)]]),
  names: (random) => ({ [`shop/${name(random)}`]: port(random) }),
  exportedAt: instant,
  label: (random) => `fuzz:${random.int(1, 20)}`,
  state: (random) => random.pick(["granted", "listening", "released", "LISTEN"]),
  ended: (random) => random.pick(["true", "false"]),
  connections: (random) => random.pick(["true", "false"]),
  protocol: (random) => random.pick(["tcp", "udp"]),
  limit: (random) => random.int(1, 1000),
  cursor: (random) => random.pick([ulid(random), `1795000000000-${ulid(random)}`]),
  lastEventId: (random) => random.pick(["0-0", `mih-${random.int(0, 9999)}`, "x"]),
};

/** A value for a field: mostly one that works. */
export function valueFor(field: string, random: Random, badShare = 0.05): unknown {
  const good = GOOD[field];
  return good === undefined || random.chance(badShare) ? hostileValue(random) : good(random);
}
