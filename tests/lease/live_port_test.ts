/** Asking again for a live name with other wishes. */
import assert from "node:assert/strict";
import type { LeaseEventType } from "../../src/lease/events.ts";
import type { Lifetime } from "../../src/lease/lease.ts";
import { WriteError } from "../../src/lease/store/store.ts";
import { appTest } from "../support/app.ts";
import { grantOne, openTestDomain, request, type TestDomain, wish } from "../support/domain.ts";
import { FakeMachine } from "../support/machine.ts";

/** Declares a test of a domain over a machine in memory. */
function memoryTest(name: string, run: (test: TestDomain, machine: FakeMachine) => Promise<void>): void {
  Deno.test(name, async () => {
    const machine = new FakeMachine();
    await using test = await openTestDomain({ machine });
    await run(test, machine);
  });
}

memoryTest("grant() of a live name applies labels and hold, in the file too", async (test, machine) => {
  const { registry, events, store } = test.domain;
  const published: LeaseEventType[] = [];
  events.subscribe(({ type }) => void published.push(type as LeaseEventType));
  const { id, port } = await grantOne(test, { name: "a/web" }, { labels: { job: "1", team: "red" } });
  const changed = await grantOne(test, { name: "a/web", hold: "none" }, { labels: { job: "2" } });
  assert.deepEqual([changed.id, changed.labels, changed.hold], [id, { job: "2" }, "none"]);
  assert.deepEqual([store.find(id)?.labels, store.find(id)?.hold, [...machine.held]], [{ job: "2" }, "none", []]);
  const kept = await grantOne(test, { name: "a/web" });
  assert.deepEqual([kept.labels, kept.hold], [{ job: "2" }, "none"]);
  assert.equal((await grantOne(test, { name: "a/web", hold: "soft" })).hold, "soft");
  assert.deepEqual([...machine.held], [port]);
  assert.deepEqual(published, ["lease.granted", "lease.changed", "lease.renewed", "lease.changed"]);
  assert.equal(registry.table.size, 1);
});

memoryTest(
  "a hold that is asked for while a server listens is kept when the server has ended",
  async (test, machine) => {
    const { port } = await grantOne(test, { name: "a/web", hold: "none" });
    machine.start(7);
    machine.listen({ protocol: "tcp", port }, { pid: 7 });
    assert.equal((await grantOne(test, { name: "a/web", hold: "soft" })).hold, "soft");
    assert.deepEqual([...machine.held], []);
    machine.end(7);
    await test.domain.watch.look();
    assert.deepEqual([...machine.held], [port]);
  },
);

memoryTest(
  "grant() of a live name applies a lifetime, but a process ends no lease that has a time or is pinned",
  async (test, machine) => {
    machine.start(7);
    const ttl = { kind: "ttl", ttlMs: 60_000 }, pinned = { kind: "pinned" }, process = { kind: "process", graceMs: 0 };
    const listener = { kind: "listener", claimMs: 1000, graceMs: 0 }, long = { kind: "ttl", ttlMs: 3_600_000 };
    const cases = [
      [ttl, long, long],
      [ttl, pinned, pinned],
      [pinned, ttl, ttl],
      [listener, ttl, ttl],
      [process, pinned, pinned],
      [listener, process, process],
      [process, listener, listener],
      [ttl, process, ttl],
      [pinned, process, pinned],
      [pinned, listener, pinned],
      [ttl, undefined, ttl],
    ] as readonly (readonly [Lifetime, Lifetime | undefined, Lifetime])[];
    for (const [i, [before, lifetime, after]] of cases.entries()) {
      const name = `a/web-${i}`;
      const { id } = await grantOne(test, { name }, { lifetime: before, pid: 7 });
      const lease = await grantOne(test, { name }, { lifetime, pid: 7 });
      assert.deepEqual([lease.id, lease.lifetime, test.domain.store.find(id)?.lifetime], [id, after, after], name);
      const now = test.clock.now();
      const left = lease.expiresAt === null ? null : Date.parse(lease.expiresAt) - now;
      assert.equal(left, after.kind === "ttl" ? after.ttlMs : after.kind === "listener" ? after.claimMs : null, name);
      await test.domain.registry.end(id, "released");
    }
  },
);

Deno.test("a hold that the machine has no room for is answered as none", async () => {
  await using test = await openTestDomain({ machine: new FakeMachine({ mostHolds: 0 }) });
  await grantOne(test, { name: "a/web" });
  assert.equal((await grantOne(test, { name: "a/web", hold: "soft" })).hold, "none");
});

memoryTest("a change of hold and labels that does not reach the disk is taken back", async (test, machine) => {
  const { store, registry } = test.domain;
  const soft = await grantOne(test, { name: "a/web" }, { labels: { job: "1" } });
  const none = await grantOne(test, { name: "a/api", hold: "none" });
  const write = store.write;
  store.write = () => Promise.reject(new WriteError("Cannot write: the disk is full", false));
  const changes = [
    grantOne(test, { name: "a/web", hold: "none" }, { labels: { job: "2" } }),
    grantOne(test, { name: "a/api", hold: "soft" }),
  ];
  for (const change of changes) await assert.rejects(change, /the disk is full/);
  store.write = write;
  assert.deepEqual(registry.table.byId(soft.id)?.labels, { job: "1" });
  assert.deepEqual([soft, none].map(({ id }) => registry.table.byId(id)?.hold), ["soft", "none"]);
  assert.deepEqual([...machine.held], [soft.port]);
});

memoryTest(
  "grant() of a live name is refused where its port is not what is asked for, and changes nothing",
  async (test) => {
    const { id, port } = await grantOne(test, { name: "a/web" }, { labels: { job: "1" } });
    const before = test.domain.registry.table.byId(id);
    const there = `Cannot grant the name "a/web": it is leased on port ${port}; to have`;
    const cases = [
      [{ range: { first: 3000, last: 3999 } }, "a port of 3000-3999"],
      [{ pool: "os" }, "a port of the system's own choice"],
      [{ port: port + 1 }, `port ${port + 1}`],
      [{ protocols: ["udp"] }, "udp instead of tcp"],
    ] as const;
    for (const [part, wanted] of cases) {
      await assert.rejects(grantOne(test, { name: "a/web", hold: "none", ...part }, { labels: { job: "2" } }), {
        code: "name_taken",
        message: `${there} ${wanted}, release it first: portd release a/web`,
      });
    }
    const wishes = [wish({ name: "a/new" }), wish({ name: "a/web", range: { first: 3000, last: 3999 } })];
    await assert.rejects(test.domain.registry.grant(request({}, { wishes })), { code: "name_taken" });
    assert.equal(test.domain.registry.table.byId(id), before);
    assert.equal(test.domain.registry.table.size, 1);
  },
);

memoryTest("a request is met by the lease that it got, however often it comes", async (test) => {
  const range = { first: test.first, last: test.first + 3 };
  const asked = [
    request({ name: "a/web", range, prefer: [3000] }),
    request({ name: "a/api", range, port: test.first + 2 }),
    request({ name: "a/os", pool: "os" }),
    request({}, {
      wishes: [0, 1, 2].map((i) => wish({ name: `a/block-${i}`, port: test.first + 5 })),
      contiguous: true,
    }),
  ];
  for (const each of asked) {
    const portsOf = async () => (await test.domain.registry.grant(each)).leases.map(({ port }) => port);
    const ports = await portsOf();
    assert.deepEqual(await portsOf(), ports);
  }
  assert.equal(test.domain.registry.table.byName("a/web")?.port, 3000);
  assert.equal(test.domain.registry.table.byName("a/block-2")?.port, test.first + 7);
});

memoryTest("a block is refused where its live leases are not all of it and in a row", async (test) => {
  const names = ["a/p-1", "a/p-2", "a/p-3"];
  const block = (count: number) =>
    test.domain.registry.grant(request({}, {
      wishes: names.slice(0, count).map((name) => wish({ name })),
      contiguous: true,
    }));
  const [first, second] = [test.first, test.first + 1] as const;
  await grantOne(test, { name: "a/p-1", port: first });
  await grantOne(test, { name: "a/p-2", port: second });
  assert.deepEqual((await block(2)).leases.map(({ port }) => port), [first, second]);
  await assert.rejects(block(3), {
    code: "name_taken",
    message: `Cannot grant the name "a/p-1": it is leased on port ${first}; to have 3 ports in a row, ` +
      "release what there is of them first: portd release a/p-1 a/p-2",
  });
  await grantOne(test, { name: "a/p-3", port: first + 4 });
  await assert.rejects(block(3), { code: "name_taken" });
});

appTest("POST /leases for a live name takes labels and hold, and keeps what is absent", async (app) => {
  const post = async (body: object) =>
    (await app.call("/v1/leases", { body: { name: "web", project: "shop", ...body } })).body;
  await post({ labels: { job: "1" }, hold: "none" });
  const kept = await post({});
  assert.deepEqual([kept.labels, kept.hold], [{ job: "1" }, "none"]);
  assert.deepEqual((await post({ labels: {} })).labels, {});
  const refused = await post({ range: { first: 3000, last: 3009 }, labels: { job: "2" } });
  assert.deepEqual([refused.code, refused.port], ["name_taken", kept.port]);
});
