import assert from "node:assert/strict";
import type { PortSocket } from "../../src/inspect/description.ts";
import { judge, type PortFacts } from "../../src/inspect/verdict.ts";
import type { Lease } from "../../src/lease/lease.ts";
import { PORT_SOCKET, UNCLAIMED } from "../support/wire.ts";

const FACTS: PortFacts = {
  port: 50010,
  class: "dynamic",
  services: [],
  developmentUse: null,
  privileged: false,
  pooled: false,
  quarantined: false,
  ephemeral: false,
  reserved: false,
  exclusions: [],
  leases: [],
  rules: [],
  listeners: [],
  connections: [],
  ephemeralRange: { first: 49152, last: 65535 },
  obstacle: undefined,
  isHeld: false,
  seesBound: true,
};

const SOCKET: PortSocket = {
  ...PORT_SOCKET,
  localAddress: "0.0.0.0",
  localPort: 50010,
  pid: 812,
  user: null,
  process: { command: "/usr/bin/docker-proxy -host-port 50010", cwd: "/", user: "root" },
  lease: null,
  ofHolder: null,
  startedAt: null,
  ancestors: [],
  forwarder: null,
};

Deno.test("a port that Windows keeps is excluded, for the protocols that it keeps", () => {
  const exclusion = { first: 50000, last: 50059, by: "windows", protocols: ["tcp"] } as const;
  const { verdict, sentence } = judge({ ...FACTS, exclusions: [exclusion] });
  assert.equal(verdict, "excluded");
  assert.equal(sentence, "Port 50010 is excluded by Windows (50000-50059/tcp): no program can have it");
});

Deno.test("a free port of the ephemeral range is free with a warning, one kept out of it without", () => {
  const risky = judge({ ...FACTS, ephemeral: true });
  assert.equal(risky.verdict, "free");
  assert.match(risky.sentence, /^Port 50010 is free, but the system may give it to any program \(.*49152-65535\)$/);
  assert.equal(judge({ ...FACTS, reserved: true }).sentence, "Port 50010 is free");
});

Deno.test("a container's proxy is named with what it stands in for", () => {
  const target = { address: "172.17.0.2", port: 80 };
  const proxied = judge({ ...FACTS, listeners: [{ ...SOCKET, forwarder: { program: "docker-proxy", target } }] });
  assert.match(proxied.sentence, /pid 812 \(docker-proxy for the container's 172\.17\.0\.2:80\) at 0\.0\.0\.0 listens/);
  const unknown = judge({ ...FACTS, listeners: [{ ...SOCKET, forwarder: { program: "rootlessport", target: null } }] });
  assert.match(unknown.sentence, /pid 812 \(rootlessport for a container\)/);
});

Deno.test("sockets that cannot be seen are reported as such", () => {
  const hidden = judge({ ...FACTS, listeners: [{ ...SOCKET, pid: null, process: null }] });
  assert.deepEqual(hidden.verdict, "listening");
  assert.match(hidden.sentence, /a process that portd cannot see at 0\.0\.0\.0 listens/);
  assert.deepEqual(hidden.advice, [
    "portd lease gives a port that nobody uses",
    "portd open 50010 leases it to that process and lets other machines reach it",
  ]);
  const bound = judge({ ...FACTS, obstacle: { reason: "in_use", protocol: "tcp" } });
  assert.deepEqual([bound.verdict, bound.sentence], [
    "bound",
    "Port 50010 is in use: a socket that portd cannot see is bound to it, though nobody listens",
  ]);
});

Deno.test("a socket that is bound and no more is no connection, and where none can be seen the verdict says so", () => {
  const bound: PortSocket = { ...SOCKET, state: "CLOSE" };
  const obstacle = { reason: "in_use", protocol: "tcp" } as const;
  const { verdict, sentence } = judge({ ...FACTS, connections: [bound], obstacle });
  assert.equal(verdict, "bound");
  assert.match(sentence, /^Port 50010 is in use: pid 812 .* is bound to it, though nobody listens$/);
  const unsure = judge({ ...FACTS, seesBound: false });
  assert.equal(unsure.verdict, "free");
  assert.match(unsure.sentence, /; a socket that is bound to it and does not listen cannot be seen on this system$/);
});

Deno.test("a connection that only lingers on a port is not named as the one that uses it", () => {
  const used: PortSocket = { ...SOCKET, remotePort: 443, state: "ESTABLISHED" };
  const lingering: PortSocket = { ...used, remotePort: 80, state: "TIME_WAIT", pid: null, process: null };
  const obstacle = { reason: "in_use", protocol: "tcp" } as const;
  const { sentence } = judge({ ...FACTS, connections: [lingering, used], obstacle });
  assert.match(sentence, /: pid 812 .* uses it for a connection \(ESTABLISHED\), though nobody listens$/);
});

Deno.test("several processes on one port are counted, several sockets of one are not", () => {
  const second = { ...SOCKET, localAddress: "::", family: 6 } as const;
  const third = { ...SOCKET, pid: 813 };
  assert.match(judge({ ...FACTS, listeners: [SOCKET, second, third] }).sentence, /listens and 1 more; portd/);
  assert.doesNotMatch(judge({ ...FACTS, listeners: [SOCKET, second] }).sentence, /more/);
});

Deno.test("a port that takes rights says so, and whether the daemon could look", () => {
  const obstacle = { reason: "no_permission", protocol: "tcp" } as const;
  const { verdict, sentence } = judge({ ...FACTS, port: 80, privileged: true, obstacle });
  assert.equal(verdict, "free");
  assert.equal(
    sentence,
    "Port 80 seems free; only root may listen on it, and the daemon is not root's, so it could not try",
  );
  const tried = judge({ ...FACTS, port: 80, privileged: true });
  assert.equal(tried.sentence, "Port 80 is free; listening on it takes an administrator's rights");
});

const LEASE: Lease = { ...UNCLAIMED, name: "shop/dns", port: 50010, protocols: ["udp"], hold: "none" };

Deno.test("a listener of the protocol that a lease does not cover is distinguished from that lease", () => {
  const { verdict, sentence } = judge({ ...FACTS, leases: [LEASE], listeners: [SOCKET] });
  assert.equal(verdict, "listening");
  assert.match(sentence, /portd has no lease of it for tcp; the one for udp is "shop\/dns"$/);
});

Deno.test("two leases on one number are both named", () => {
  const web: Lease = { ...LEASE, name: "shop/web", protocols: ["tcp"], state: "idle" };
  const { sentence, advice } = judge({ ...FACTS, leases: [web, LEASE] });
  assert.match(
    sentence,
    /^Port 50010\/tcp is leased to "shop\/web" .* its listener has left, .*; 50010\/udp is leased to/,
  );
  assert.deepEqual(advice, ["portd release shop/web gives it back", "portd release shop/dns gives it back"]);
});

Deno.test("a held port on which nobody has listened yet has advice for a server without SO_REUSEADDR", () => {
  const web: Lease = { ...LEASE, name: "shop/web", protocols: ["tcp"], state: "granted", hold: "soft" };
  const hint = (way: string) =>
    `if the server fails with "Address already in use", it does not set SO_REUSEADDR: ${way}`;
  const adviceOf = (lease: Lease, isHeld = true) => judge({ ...FACTS, leases: [lease], isHeld }).advice[0];
  assert.equal(adviceOf(web), hint("portd lease shop/web --hold none"));
  assert.equal(adviceOf({ ...web, name: null }), hint("release it, and lease one with --hold none"));
  assert.equal(adviceOf(web, false), "portd release shop/web gives it back");
  assert.equal(adviceOf({ ...web, state: "idle" }), "portd release shop/web gives it back", "it could bind the port");
});

Deno.test("advice does not promise what portd would refuse", () => {
  const leases: Lease[] = [{ ...LEASE, protocols: ["tcp"] }];
  for (const pid of [1, null]) {
    const { advice } = judge({ ...FACTS, leases, listeners: [{ ...SOCKET, pid, ofHolder: true }] });
    assert.match(advice.join(), /^stop its service or container/);
  }
  const obstacle = { reason: "no_permission", protocol: "tcp" } as const;
  assert.match(
    judge({ ...FACTS, port: 80, privileged: true, obstacle }).advice.join(),
    /^to lease it, run the daemon as root: sudo portd/,
  );
});

Deno.test("where the daemon itself listens, no advice would end it", () => {
  const daemon = { ...SOCKET, pid: 99 }, lease: Lease = { ...UNCLAIMED, name: "shop/web", protocols: ["tcp"] };
  const free = judge({ ...FACTS, isApi: true, listeners: [daemon] });
  assert.equal(free.sentence, "Port 50010 is in use: portd itself listens at 0.0.0.0, for its API");
  for (const ofHolder of [true, false]) {
    const { verdict, sentence, advice } = judge({
      ...FACTS,
      isApi: true,
      leases: [lease],
      listeners: [{ ...daemon, ofHolder }],
    });
    assert.equal(verdict, ofHolder ? "listening" : "conflict");
    assert.match(sentence, /portd itself listens .*; the lease "shop\/web" of it is of no use$/);
    assert.equal(advice[0], "portd release shop/web ends that lease");
    assert.doesNotMatch(advice.join(), /portd free|end process/);
  }
});

Deno.test("a port that a UDP client uses is bound", () => {
  const client: PortSocket = { ...SOCKET, protocol: "udp", state: "", remotePort: 53, remoteAddress: "127.0.0.53" };
  assert.equal(judge({ ...FACTS, connections: [client] }).verdict, "bound");
});

Deno.test("a port whose lease has ended a moment ago is not said to have been in use", () => {
  const { sentence } = judge({ ...FACTS, quarantined: true });
  assert.match(sentence, /^Port 50010 is free; it was leased or in use a moment ago, and is granted only by number /);
});
