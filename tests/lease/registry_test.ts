import assert from "node:assert/strict";
import type { Lease, LeaseState } from "../../src/lease/lease.ts";
import { changed } from "../../src/lease/record.ts";
import type { LeaseObservation } from "../../src/lease/registry.ts";
import { WriteError } from "../../src/lease/store/store.ts";
import { FakeClock } from "../support/clock.ts";
import { domainTest, grantOne, openTestDomain, request, type TestDomain, wish } from "../support/domain.ts";
import { freePort, listen } from "../support/sockets.ts";

const NOBODY: LeaseObservation = { listener: "nobody", isProcessAlive: true, isTcpUsed: false, details: null };
const HOLDER: LeaseObservation = {
  listener: "holder",
  isProcessAlive: true,
  isTcpUsed: true,
  details: {
    pid: 1,
    startTime: "1",
    bootId: "b",
    command: "server",
    cwd: "/",
    user: "root",
    address: "127.0.0.1",
    since: "2026-11-23T10:00:00.000Z",
    reason: null,
  },
};
const STRANGER: LeaseObservation = { ...HOLDER, listener: "stranger" };

function stateOf(test: TestDomain, lease: Lease): LeaseState {
  return test.domain.registry.table.byId(lease.id)?.state ?? test.domain.store.find(lease.id)!.state;
}

domainTest("grant() gives a port of the pool, whole and durable", async (test) => {
  const lease = await grantOne(test, { name: "shop/web" }, { project: "shop", labels: { job: "1" } });
  assert.match(lease.id, /^[0-9A-HJKMNP-TV-Z]{26}$/);
  assert.ok(lease.port >= test.first && lease.port < test.first + 10);
  assert.deepEqual(
    [lease.name, lease.project, lease.state, lease.protocols, lease.labels, lease.exposure, lease.endedAt],
    ["shop/web", "shop", "granted", ["tcp"], { job: "1" }, null, null],
  );
  assert.equal(lease.expiresAt, "2026-11-23T10:10:00.000Z");
  assert.equal(test.domain.store.find(lease.id)?.port, lease.port);
});

domainTest("grant() never gives one port twice, whatever arrives at once", async (test) => {
  const results = await Promise.allSettled(Array.from({ length: 15 }, () => grantOne(test)));
  const ports = results.flatMap((result) => result.status === "fulfilled" ? [result.value.port] : []);
  assert.equal(ports.length, 10);
  assert.equal(new Set(ports).size, 10);
  for (const result of results) {
    if (result.status === "rejected") assert.equal(result.reason.code, "pool_exhausted");
  }
}, { poolSize: 10 });

domainTest("grant() returns the live lease of a name to its holder and refuses it to another", async (test) => {
  const first = await grantOne(test, { name: "a/web" });
  const again = await test.domain.registry.grant(request({ name: "a/web" }));
  assert.deepEqual([again.created, again.leases[0]!.id], [false, first.id]);
  const stranger = { holder: { id: "other", command: null, cwd: null } };
  await assert.rejects(grantOne(test, { name: "a/web" }, stranger), {
    code: "name_taken",
    message: /its holder is test/,
  });
  await assert.rejects(grantOne(test, { name: "a/web", port: first.port + 1 }), { code: "name_taken" });
});

domainTest("grant() gives a name one lease, however many ask for it at once", async (test) => {
  const leases = await Promise.all(Array.from({ length: 20 }, () => grantOne(test, { name: "a/web" })));
  assert.deepEqual([...new Set(leases.map(({ id }) => id))].length, 1);
  assert.equal(test.domain.registry.table.size, 1);
  await Promise.all([test.domain.registry.end(leases[0]!.id, "released"), grantOne(test, { name: "a/web" })]);
  assert.equal(test.domain.registry.table.byName("a/web")?.port, leases[0]!.port);
  assert.equal(test.domain.registry.table.size, 1);
});

domainTest("grant() lets a project stand for the holder where no holder is named", async (test) => {
  const nobody = { holder: { id: null, command: null, cwd: null }, project: "shop" };
  const first = await grantOne(test, { name: "shop/web" }, nobody);
  assert.equal((await grantOne(test, { name: "shop/web" }, nobody)).id, first.id);
  await assert.rejects(grantOne(test, { name: "shop/web" }, { ...nobody, project: "toys" }), { code: "name_taken" });
});

domainTest("grant() gives a name its port again, at once and after a restart", async (test) => {
  const first = await grantOne(test, { name: "a/web" });
  await test.domain.registry.end(first.id, "released");
  const second = await grantOne(test, { name: "a/web" });
  assert.equal(second.port, first.port);
  await test.domain.registry.end(second.id, "released");
  const after = await test.restart();
  assert.equal((await grantOne(after, { name: "a/web" })).port, first.port);
}, { poolSize: 50 });

domainTest("grant() starts at the same slot for a name on every machine", async (test) => {
  await using same = await openTestDomain({ poolSize: 50, pool: test.config.pool });
  const port = (await grantOne(test, { name: "a/web" })).port;
  await test.close();
  assert.equal((await grantOne(same, { name: "a/web" })).port, port);
}, { poolSize: 50 });

domainTest("grant() gives a freed port to another name after the cool-down, while others are free", async (test) => {
  const lease = await grantOne(test, { port: test.first });
  await test.domain.registry.end(lease.id, "released");
  const other = await grantOne(test);
  assert.notEqual(other.port, lease.port);
  test.clock.advance(60_000);
  await test.domain.registry.tick(() => NOBODY);
  assert.equal((await grantOne(test)).port, lease.port);
}, { poolSize: 2 });

domainTest("grant() takes the port freed longest ago where every other one is leased", async (test) => {
  const leases = [await grantOne(test), await grantOne(test), await grantOne(test)];
  for (const place of [1, 2, 0]) {
    await test.domain.registry.end(leases[place]!.id, "released");
    test.clock.advance(1);
  }
  const ports = [
    (await grantOne(test)).port,
    (await grantOne(test, { name: "a/web" })).port,
    (await grantOne(test)).port,
  ];
  assert.deepEqual(ports, [1, 2, 0].map((place) => leases[place]!.port));
  await assert.rejects(grantOne(test), { code: "pool_exhausted" });
}, { poolSize: 3 });

domainTest("grant() of a range or a block takes ports that cool down where there are no others", async (test) => {
  const wishes = Array.from({ length: 4 }, () => wish());
  const { leases } = await test.domain.registry.grant(request({}, { wishes, contiguous: true }));
  for (const { id } of leases) await test.domain.registry.end(id, "released");
  const again = await test.domain.registry.grant(request({}, { wishes, contiguous: true }));
  assert.deepEqual(again.leases.map(({ port }) => port), leases.map(({ port }) => port));
  for (const { id } of again.leases) await test.domain.registry.end(id, "released");
  const range = { first: test.first + 1, last: test.first + 1 };
  assert.equal((await grantOne(test, { range })).port, test.first + 1);
}, { poolSize: 4 });

domainTest("grant() never takes a cooling port on which a stranger listens by now", async (test) => {
  const lease = await grantOne(test);
  await test.domain.registry.end(lease.id, "released");
  using _server = listen(lease.port);
  await assert.rejects(grantOne(test), { code: "pool_exhausted" });
}, { poolSize: 1 });

domainTest("a port taken for TCP while it cools down goes on cooling down for UDP", async (test) => {
  const both = await grantOne(test, { port: test.first, protocols: ["tcp", "udp"] });
  await test.domain.registry.end(both.id, "released");
  await grantOne(test, { port: test.first });
  await grantOne(test, { port: test.first + 1 });
  assert.equal((await grantOne(test, { protocols: ["udp"] })).port, test.first + 1);
  assert.equal((await grantOne(test, { protocols: ["udp"] })).port, test.first);
}, { poolSize: 2 });

domainTest("a refused request leaves the cool-down of a port as it was", async (test) => {
  const lease = await grantOne(test, { port: test.first });
  await test.domain.registry.end(lease.id, "released");
  {
    using _server = listen(test.first);
    await assert.rejects(grantOne(test, { port: test.first }), { code: "port_in_use" });
  }
  const wishes = Array.from({ length: 3 }, () => wish());
  await assert.rejects(grantOne(test, {}, { wishes }), { code: "pool_exhausted" });
  await assert.rejects(grantOne(test, {}, { wishes: [wish({ port: test.first }), wish({ port: test.first })] }), {
    code: "port_leased",
  });
  assert.deepEqual(test.domain.describe().pool, { size: 2, free: 1, quarantined: 1 });
  assert.equal((await grantOne(test)).port, test.first + 1);
}, { poolSize: 2 });

domainTest("a request that waits is served when a port is released, though it cools down", async (test) => {
  const held = await grantOne(test);
  const waiting = grantOne(test, { name: "next" }, { waitMs: 30_000 });
  await test.domain.registry.end(held.id, "released");
  assert.equal((await waiting).port, held.port);
}, { poolSize: 1 });

domainTest("a cool-down goes on over a restart", async (test) => {
  const lease = await grantOne(test, { port: test.first });
  await test.domain.registry.end(lease.id, "released");
  test.clock.advance(30_000);
  const after = await test.restart();
  assert.equal(after.domain.describe().pool.quarantined, 1);
  test.clock.advance(30_000);
  await after.domain.registry.tick(() => NOBODY);
  assert.equal(after.domain.describe().pool.quarantined, 0);
}, { poolSize: 2 });

domainTest("a cool-down is over in its time though the wall clock was ahead when the lease ended", async (test) => {
  const [first, second] = [await grantOne(test, { port: test.first }), await grantOne(test, { port: test.first + 1 })];
  test.clock.step(86_400_000);
  await test.domain.registry.end(first.id, "released");
  test.clock.step(-86_400_000);
  const after = await test.restart();
  await after.domain.registry.end(second.id, "released");
  test.clock.advance(60_000);
  await after.domain.registry.tick(() => NOBODY);
  assert.deepEqual(after.domain.describe().pool, { size: 3, free: 3, quarantined: 0 });
}, { poolSize: 3 });

domainTest("grant() of a leased port names the lease, its holder and a free port", async (test) => {
  const { port } = await grantOne(test, { name: "a/web" });
  const error = await grantOne(test, { port }).catch((reason) => reason);
  assert.equal(error.code, "port_leased");
  assert.match(
    error.message,
    new RegExp(`Cannot grant port ${port}/tcp: leased to "a/web" \\(test\\) until .*is free`),
  );
  assert.ok(error.data.suggestion !== port && error.data.lease.name === "a/web");
  assert.equal((await grantOne(test, { port: error.data.suggestion })).port, error.data.suggestion);
});

domainTest("grant() of a port that a stranger listens on names the process", async (test) => {
  using server = listen();
  const error = await grantOne(test, { port: server.port }).catch((reason) => reason);
  assert.equal(error.code, "port_in_use");
  if (Deno.build.os !== "linux") return;
  assert.match(
    error.message,
    new RegExp(`Cannot grant port ${server.port}/tcp: pid ${Deno.pid} \\(.*\\) listens on it`),
  );
  assert.equal(error.data.listener.pid, Deno.pid);
});

domainTest("grant() passes over pool ports that a stranger listens on", async (test) => {
  using _server = listen(test.first);
  const ports = [(await grantOne(test)).port, (await grantOne(test)).port];
  assert.deepEqual(ports, [test.first + 1, test.first + 2]);
  await assert.rejects(grantOne(test), { code: "pool_exhausted" });
}, { poolSize: 3 });

Deno.test("grant() refuses an excluded port by number and never chooses it", async () => {
  const port = freePort();
  await using test = await openTestDomain({ exclude: [{ first: port, last: port }] });
  await assert.rejects(grantOne(test, { port }), { code: "port_excluded" });
  await assert.rejects(grantOne(test, { range: { first: port, last: port } }), { code: "pool_exhausted" });
});

domainTest("grant() tries what is preferred in order, then the pool", async (test) => {
  using taken = listen();
  const free = freePort();
  assert.equal((await grantOne(test, { prefer: [taken.port, free] })).port, free);
  const lease = await grantOne(test, { prefer: [taken.port] });
  assert.ok(lease.port >= test.first && lease.port < test.first + 10);
});

domainTest("grant() takes the kernel's own choice for the pool os", async (test) => {
  const lease = await grantOne(test, { pool: "os", protocols: ["tcp", "udp"] });
  assert.ok(lease.port < test.first || lease.port >= test.first + 10);
});

domainTest("grant() tells TCP and UDP on one number apart", async (test) => {
  const tcp = await grantOne(test, { port: test.first });
  const udp = await grantOne(test, { port: test.first, protocols: ["udp"] });
  assert.notEqual(tcp.id, udp.id);
  assert.equal(udp.hold, "none");
  await assert.rejects(grantOne(test, { port: test.first, protocols: ["tcp", "udp"] }), { code: "port_leased" });
});

domainTest("grant() of several ports is all or nothing", async (test) => {
  const wishes = (count: number) => Array.from({ length: count }, (_, i) => wish({ name: `job-${i}` }));
  await assert.rejects(grantOne(test, {}, { wishes: wishes(6) }), { code: "pool_exhausted" });
  assert.equal(test.domain.registry.table.size, 0);
  const { leases } = await test.domain.registry.grant(request({}, { wishes: wishes(5) }));
  assert.equal(new Set(leases.map(({ port }) => port)).size, 5);
}, { poolSize: 5 });

domainTest("grant() of a block gives ports in a row, also round a stranger", async (test) => {
  using _server = listen(test.first + 2);
  const wishes = Array.from({ length: 4 }, () => wish());
  const { leases } = await test.domain.registry.grant(request({}, { wishes, contiguous: true }));
  assert.deepEqual(leases.map(({ port }) => port - test.first), [3, 4, 5, 6]);
  await assert.rejects(test.domain.registry.grant(request({}, { wishes, contiguous: true })), {
    code: "pool_exhausted",
  });
}, { poolSize: 9 });

domainTest("a block for UDP that is refused leaves the holds of TCP leases on the same numbers", async (test) => {
  for (const port of [test.first, test.first + 1]) await grantOne(test, { port });
  const { kept } = test.domain.describe().holds;
  const server = Deno.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: test.first + 1 });
  const wishes = [wish({ protocols: ["udp"] }), wish({ protocols: ["udp"] })];
  await assert.rejects(test.domain.registry.grant(request({}, { wishes, contiguous: true })), {
    code: "pool_exhausted",
  });
  server.close();
  assert.equal(test.domain.describe().holds.kept, kept);
}, { poolSize: 2 });

domainTest("grant() waits in line for a port, in the order of arrival", async (test) => {
  const { registry } = test.domain;
  const held = await grantOne(test);
  const served: string[] = [];
  const waiting = ["first", "second"].map((name) =>
    grantOne(test, { name }, { waitMs: 5000 }).then((lease) => {
      served.push(name);
      return lease;
    })
  );
  await assert.rejects(grantOne(test), { code: "pool_exhausted" });
  await registry.end(held.id, "released");
  const first = await waiting[0]!;
  assert.deepEqual([served, first.port], [["first"], held.port]);
  await registry.end(first.id, "released");
  await waiting[1];
  assert.deepEqual(served, ["first", "second"]);
}, { poolSize: 1, cooldownMs: 0 });

domainTest(
  "of leases that expire together the ports go to who came first, also where it waits for all",
  async (test) => {
    const { registry } = test.domain;
    const lifetime = { kind: "ttl", ttlMs: 1000 } as const;
    for (let i = 0; i < 3; i++) await grantOne(test, {}, { lifetime });
    const served: string[] = [];
    const wishes = Array.from({ length: 3 }, () => wish());
    const all = registry.grant(request({}, { wishes, lifetime, waitMs: 5000 })).then(() => void served.push("all"));
    const one = grantOne(test, {}, { waitMs: 5000 }).then(() => void served.push("one"));
    test.clock.advance(1000);
    await registry.tick(() => NOBODY);
    await all;
    assert.deepEqual(served, ["all"]);
    test.clock.advance(1000);
    await registry.tick(() => NOBODY);
    await one;
  },
  { poolSize: 3, cooldownMs: 0 },
);

domainTest("grant() lets nobody for whom there is a port wait for those for whom there is none", async (test) => {
  const { registry } = test.domain;
  const held = await grantOne(test, { name: "held" });
  const range = { first: held.port, last: held.port };
  const caller = new AbortController();
  const waiting = [
    registry.grant(request({ range }, { waitMs: 5000 }), { signal: caller.signal }),
    registry.grant(request({}, { wishes: Array.from({ length: 3 }, () => wish()), contiguous: true, waitMs: 5000 }), {
      signal: caller.signal,
    }),
  ].map((wait) => assert.rejects(wait, /hung up/));
  await grantOne(test);
  await grantOne(test, { name: "last" }, { waitMs: 5000 });
  await assert.rejects(grantOne(test, { range }), { code: "pool_exhausted", message: /1 request waits for one/ });
  caller.abort(new Error("hung up"));
  await Promise.all(waiting);
}, { poolSize: 3 });

domainTest("grant() stops waiting when the time is up, and when the caller is gone", async (test) => {
  await grantOne(test);
  const late = assert.rejects(grantOne(test, {}, { waitMs: 5000 }), { code: "pool_exhausted" });
  const caller = new AbortController();
  const gone = test.domain.registry.grant(request({}, { waitMs: 5000 }), { signal: caller.signal });
  caller.abort(new Error("hung up"));
  await assert.rejects(gone, /hung up/);
  test.clock.advance(5000);
  await late;
  assert.equal(test.domain.registry.table.size, 1);
}, { poolSize: 1 });

domainTest("grant() refuses a pid that does not run and a process lease without one", async (test) => {
  const child = new Deno.Command(Deno.execPath(), { args: ["eval", ""], stdout: "null" }).spawn();
  await child.status;
  await assert.rejects(grantOne(test, {}, { pid: child.pid }), {
    code: "invalid_request",
    message: /no process \d+ runs/,
  });
  await assert.rejects(grantOne(test, {}, { lifetime: { kind: "process", graceMs: 0 } }), { code: "invalid_request" });
  assert.equal(test.domain.registry.table.size, 0);
});

domainTest("grant() keeps a name from another process of its holder while the first runs", async (test) => {
  const process = { pid: Deno.pid, lifetime: { kind: "process", graceMs: 0 } } as const;
  const lease = await grantOne(test, { name: "a/web" }, process);
  assert.equal((await grantOne(test, { name: "a/web" }, process)).id, lease.id);
  await assert.rejects(grantOne(test, { name: "a/web" }, { ...process, pid: Deno.ppid }), {
    code: "name_taken",
    message: new RegExp(`process ${Deno.pid} .* uses it`),
  });
});

domainTest("a lease is granted, listening, idle and expired as its listener comes and goes", async (test) => {
  const { registry, events } = test.domain;
  const seen: string[] = [];
  events.subscribe(({ type }) => seen.push(type));
  const lease = await grantOne(test);
  await registry.tick(() => HOLDER);
  assert.equal(stateOf(test, lease), "listening");
  test.clock.advance(86_400_000);
  await registry.tick(() => HOLDER);
  await registry.tick(() => NOBODY);
  assert.equal(stateOf(test, lease), "idle");
  test.clock.advance(999);
  await registry.tick(() => NOBODY);
  assert.equal(stateOf(test, lease), "idle");
  test.clock.advance(1);
  await registry.tick(() => NOBODY);
  assert.equal(stateOf(test, lease), "expired");
  assert.deepEqual(seen, ["lease.granted", "lease.listening", "lease.idle", "lease.expired"]);
}, { graceMs: 1000 });

domainTest("a lease that nobody claims expires, and asking again gives it more time", async (test) => {
  const lease = await grantOne(test, { name: "a" });
  test.clock.advance(900);
  await grantOne(test, { name: "a" });
  test.clock.advance(900);
  await test.domain.registry.tick(() => NOBODY);
  assert.equal(stateOf(test, lease), "granted");
  test.clock.advance(100);
  await test.domain.registry.tick(() => NOBODY);
  assert.equal(stateOf(test, lease), "expired");
}, { claimMs: 1000 });

domainTest("a process lease lives as long as its process, listener or not, and then for its grace", async (test) => {
  const lease = await grantOne(test, {}, { pid: Deno.pid, lifetime: { kind: "process", graceMs: 1000 } });
  assert.equal(lease.holder.pid, Deno.pid);
  test.clock.advance(86_400_000);
  await test.domain.registry.tick(() => NOBODY);
  assert.equal(stateOf(test, lease), "granted");
  await test.domain.registry.tick(() => ({ ...NOBODY, isProcessAlive: false }));
  test.clock.advance(1000);
  await test.domain.registry.tick(() => NOBODY); // another process with the pid cannot bring it back
  assert.equal(stateOf(test, lease), "expired");
});

domainTest("a ttl lease ends unless it is renewed, a pinned one never does", async (test) => {
  const { registry } = test.domain;
  const ttl = await grantOne(test, {}, { lifetime: { kind: "ttl", ttlMs: 1000 } });
  const pinned = await grantOne(test, {}, { lifetime: { kind: "pinned" } });
  test.clock.advance(900);
  assert.equal((await registry.renew(ttl.id)).expiresAt, "2026-11-23T10:00:01.900Z");
  test.clock.advance(900);
  await registry.tick(() => NOBODY);
  assert.equal(stateOf(test, ttl), "granted");
  await assert.rejects(registry.renew(pinned.id, { ttlMs: 1000 }), { code: "invalid_request" });
  test.clock.advance(31_536_000_000);
  await registry.tick(() => NOBODY);
  assert.deepEqual([stateOf(test, ttl), stateOf(test, pinned)], ["expired", "granted"]);
});

for (const days of [-1, 1]) {
  Deno.test(`a wall clock set ${days} day(s) ahead changes no lease, running or over a restart`, async () => {
    await using test = await openTestDomain();
    const lease = await grantOne(test, {}, { lifetime: { kind: "ttl", ttlMs: 10_000 } });
    test.clock.step(days * 86_400_000);
    await test.domain.registry.tick(() => NOBODY);
    assert.equal(stateOf(test, lease), "granted");
    const after = await test.restart();
    await after.domain.registry.tick(() => NOBODY);
    assert.equal(stateOf(after, lease), "granted");
    test.clock.advance(10_000);
    await after.domain.registry.tick(() => NOBODY);
    assert.equal(stateOf(after, lease), "expired");
  });
}

domainTest("a reboot voids leases of listeners and processes and leaves the others", async (test) => {
  const lifetimes = [undefined, { kind: "ttl", ttlMs: 10_000 }, { kind: "pinned" }] as const;
  const leases: Lease[] = [];
  for (const lifetime of lifetimes) leases.push(await grantOne(test, {}, { lifetime }));
  for (const record of test.domain.registry.table.all()) {
    await test.domain.store.write([{ kind: "update", record: changed(record, { bootId: "the boot before" }) }]);
  }
  const rebooted = new FakeClock(test.clock.now() + 5000, 7000);
  const after = await test.restart(rebooted);
  assert.deepEqual(leases.map((lease) => stateOf(after, lease)), ["expired", "granted", "granted"]);
  rebooted.advance(5000);
  await after.domain.registry.tick(() => NOBODY);
  assert.deepEqual(leases.map((lease) => stateOf(after, lease)), ["expired", "expired", "granted"]);
});

domainTest("a restart takes up leases and holds", async (test) => {
  const lease = await grantOne(test, { name: "a/web" }, { labels: { x: "y" } });
  const after = await test.restart();
  const [record] = [...after.domain.registry.table.all()];
  assert.deepEqual(after.domain.registry.present(record!), lease);
  assert.equal(after.domain.describe().holds.kept, Deno.build.os === "linux" ? 1 : 0);
  await assert.rejects(grantOne(after, { port: lease.port }), { code: "port_leased" });
});

domainTest("a missing hold is taken again, whoever listens on the UDP port of the same number", async (test) => {
  if (Deno.build.os !== "linux") return;
  const lease = await grantOne(test, { protocols: ["tcp", "udp"] });
  const blocker = listen(lease.port); // the restart finds the TCP port in use
  const after = await test.restart();
  assert.equal(after.domain.describe().holds.kept, 0);
  blocker[Symbol.dispose]();
  await after.domain.registry.tick(() => ({ ...STRANGER, isTcpUsed: false }));
  assert.equal(after.domain.describe().holds.kept, 1);
});

domainTest("end() is idempotent and says who ended it", async (test) => {
  const lease = await grantOne(test);
  const { registry } = test.domain;
  await Promise.all([registry.end(lease.id, "revoked"), registry.end(lease.id, "released")]);
  await registry.end(lease.id, "expired");
  assert.equal(stateOf(test, lease), "revoked");
  assert.throws(() => registry.live(lease.id), { code: "lease_ended", message: /it was revoked at/ });
  assert.throws(() => registry.live("01ARZ3NDEKTSV4RRFFQ69G5FAV"), { code: "lease_not_found" });
});

domainTest("amend() changes what is named and leaves the rest", async (test) => {
  const lease = await grantOne(test, { name: "a" }, { labels: { a: "1" } });
  const amended = await test.domain.registry.amend(lease.id, { lifetime: { kind: "pinned" }, pid: Deno.pid });
  assert.deepEqual(
    [amended.lifetime, amended.holder.pid, amended.labels, amended.expiresAt],
    [{ kind: "pinned" }, Deno.pid, { a: "1" }, null],
  );
  await assert.rejects(
    test.domain.registry.amend(lease.id, { lifetime: { kind: "process", graceMs: 0 } }).then(() =>
      grantOne(test, {}, { lifetime: { kind: "process", graceMs: 0 } })
    ),
    { code: "invalid_request" },
  );
});

domainTest("a grant that does not reach the disk leaves nothing behind", async (test) => {
  const { registry, store } = test.domain;
  const write = store.write;
  store.write = () => Promise.reject(Object.assign(new Error("disk full"), { code: "store_unavailable" }));
  await assert.rejects(grantOne(test, { name: "a" }), /disk full/);
  assert.equal(registry.table.size, 0);
  store.write = write;
  assert.equal((await grantOne(test)).port, test.first);
}, { poolSize: 1 });

domainTest("a grant that stands in the file though the disk has failed keeps its port", async (test) => {
  const { registry, store } = test.domain;
  const write = store.write.bind(store);
  store.write = async (changes) => {
    await write(changes);
    throw new WriteError("disk failed", true);
  };
  await assert.rejects(grantOne(test), /disk failed/);
  store.write = write;
  const [leaked] = [...registry.table.all()];
  assert.equal(leaked?.port, test.first);
  await assert.rejects(grantOne(test), { code: "pool_exhausted" });
  store.write = async (changes) => {
    await write(changes);
    throw new WriteError("disk failed", true);
  };
  await assert.rejects(registry.end(leaked.id, "released"), /disk failed/);
  assert.deepEqual([registry.table.size, store.liveLeases().length], [0, 0]);
}, { poolSize: 1 });

domainTest("a release that does not reach the disk leaves the lease live", async (test) => {
  const { registry, store } = test.domain;
  const lease = await grantOne(test);
  const write = store.write;
  store.write = () => Promise.reject(new Error("disk full"));
  await assert.rejects(registry.end(lease.id, "released"), /disk full/);
  store.write = write;
  assert.equal(registry.live(lease.id).state, "granted");
  await registry.end(lease.id, "released");
  assert.equal(stateOf(test, lease), "released");
});

Deno.test("what an export has written, an import takes in, and skips what it cannot have", async () => {
  await using source = await openTestDomain();
  await grantOne(source, { name: "a/web" }, { project: "a", lifetime: { kind: "pinned" } });
  await grantOne(source, { name: "a/api" }, { project: "a", lifetime: { kind: "ttl", ttlMs: 60_000 } });
  const document = await source.domain.transfer.export();
  await source.close();
  await using target = await openTestDomain({ pool: source.config.pool });
  using _server = listen(document.leases[1]!.port);
  const result = await target.domain.transfer.import(document.leases, document.names);
  assert.deepEqual(result.imported, [document.leases[0]!.id]);
  assert.deepEqual(result.skipped.map(({ id, code }) => [id, code]), [[document.leases[1]!.id, "port_in_use"]]);
  const [imported] = (await target.domain.transfer.export()).leases;
  assert.deepEqual([imported!.name, imported!.port, imported!.lifetime], ["a/web", document.leases[0]!.port, {
    kind: "pinned",
  }]);
  const again = await target.domain.transfer.import(document.leases.slice(0, 1), {});
  assert.match(again.skipped[0]!.detail, /is in the file already/);
});
