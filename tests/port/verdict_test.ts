import assert from "node:assert/strict";
import type { PortSocket } from "../../src/port/description.ts";
import { judge, type PortFacts } from "../../src/port/verdict.ts";

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
  listeners: [],
  connections: [],
  ephemeralRange: { first: 49152, last: 65535 },
  obstacle: undefined,
};

const SOCKET: PortSocket = {
  protocol: "tcp",
  family: 4,
  localAddress: "0.0.0.0",
  localPort: 50010,
  remoteAddress: "0.0.0.0",
  remotePort: 0,
  state: "LISTEN",
  pid: 812,
  process: { command: "/usr/bin/docker-proxy -host-port 50010", cwd: "/", user: "root" },
  lease: null,
  ofHolder: null,
  startTime: "1",
  bootId: "b",
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

Deno.test("sockets that cannot be seen are told as such", () => {
  const hidden = judge({ ...FACTS, listeners: [{ ...SOCKET, pid: null, process: null }] });
  assert.deepEqual(hidden.verdict, "listening");
  assert.match(hidden.sentence, /a process that cannot be seen at 0\.0\.0\.0 listens/);
  assert.equal(hidden.advice.length, 1);
  const bound = judge({ ...FACTS, obstacle: { reason: "in_use", protocol: "tcp" } });
  assert.deepEqual([bound.verdict, bound.sentence], [
    "bound",
    "Port 50010 is in use: a socket that cannot be seen is bound to it, though nobody listens",
  ]);
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
  assert.match(sentence, /^Port 80 is free; as far as the daemon can see without rights; listening on it takes an adm/);
});
