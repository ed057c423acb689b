/** What happens between a request and the disk: other requests, failures, the end of the time. */
import assert from "node:assert/strict";
import { GenericHolds } from "../../src/hold/generic.ts";
import { LinuxHolds } from "../../src/hold/linux/holds.ts";
import type { Exposure } from "../../src/lease/lease.ts";
import { WriteError } from "../../src/lease/store/changes.ts";
import type { Change } from "../../src/lease/store/store.ts";
import { domainTest, grantOne, request, type TestDomain, wish } from "../support/domain.ts";

const EXPOSED: Exposure = { firewall: { direction: "in", profiles: ["private"], remote: ["any"] }, gateway: null };

/** Has each write wait until the returned function lets the oldest one through, or fails it. */
function holdWrites(test: TestDomain): { next: (fault?: Error) => Promise<void>; stop: () => void } {
  const { store } = test.domain;
  const write = store.write.bind(store);
  const held: { changes: readonly Change[]; done: PromiseWithResolvers<void> }[] = [];
  store.write = (changes) => {
    const done = Promise.withResolvers<void>();
    held.push({ changes, done });
    return done.promise;
  };
  return {
    async next(fault) {
      const { changes, done } = held.shift()!;
      if (fault === undefined) await write(changes).then(done.resolve, done.reject);
      else done.reject(fault);
      await done.promise.catch(() => undefined);
    },
    stop: () => store.write = write,
  };
}

/** One request for a name that is live and one that is new. */
const both = () => request({}, { wishes: [wish({ name: "a/web" }), wish({ name: "a/new" })] });

domainTest("grant() of a live and a new name loses no change that comes meanwhile", async (test) => {
  const { registry, store } = test.domain;
  const lease = await grantOne(test, { name: "a/web" });
  const disk = holdWrites(test);
  const granted = registry.grant(both());
  const amended = registry.amend(lease.id, { labels: { job: "42" } });
  await disk.next();
  await granted;
  await disk.next();
  assert.deepEqual((await amended).labels, { job: "42" });
  disk.stop();
  assert.deepEqual(registry.live(lease.id).labels, { job: "42" });
  assert.deepEqual(store.find(lease.id)?.labels, { job: "42" });
});

domainTest("grant() of a live and a new name brings no withdrawn exposure back", async (test) => {
  const { registry, store } = test.domain;
  const lease = await grantOne(test, { name: "a/web" }, { exposure: EXPOSED });
  const disk = holdWrites(test);
  const granted = registry.grant(both());
  const withdrawn = registry.expose(lease.id, null);
  await disk.next();
  await granted;
  await disk.next();
  await withdrawn;
  disk.stop();
  assert.deepEqual([registry.live(lease.id).exposure, store.find(lease.id)?.exposure], [null, null]);
});

domainTest("grant() of a live and a new name brings no released lease back", async (test) => {
  const { registry, store } = test.domain;
  const lease = await grantOne(test, { name: "a/web" });
  const disk = holdWrites(test);
  const granted = registry.grant(both());
  const released = registry.end(lease.id, "released");
  await disk.next();
  await granted;
  await disk.next();
  await released;
  disk.stop();
  assert.deepEqual([registry.table.byId(lease.id), store.find(lease.id)?.state], [undefined, "released"]);
  assert.deepEqual([...registry.table.all()].map(({ name }) => name), ["a/new"]);
});

domainTest("grant() of a live and a new name is one transaction: where it fails nothing is left", async (test) => {
  const { registry } = test.domain;
  const lease = await grantOne(test, { name: "a/web" });
  const before = registry.live(lease.id);
  const disk = holdWrites(test);
  const granted = registry.grant(both());
  await Promise.all([assert.rejects(granted, /disk full/), disk.next(new Error("disk full"))]);
  disk.stop();
  assert.equal(registry.live(lease.id), before);
  assert.equal(registry.table.size, 1);
  assert.equal(test.domain.describe().pool.free, 9);
});

domainTest("a change made on top of one that failed fails too, and leaves nothing of either", async (test) => {
  const { registry, store } = test.domain;
  const lease = await grantOne(test, { name: "a/web" });
  const disk = holdWrites(test);
  const first = assert.rejects(registry.amend(lease.id, { labels: { a: "1" } }), /disk full/);
  const second = assert.rejects(registry.expose(lease.id, EXPOSED), { code: "store_unavailable" });
  await Promise.all([first, disk.next(new Error("disk full"))]);
  assert.deepEqual(registry.live(lease.id).labels, {});
  const third = registry.amend(lease.id, { labels: { c: "3" } });
  await Promise.all([second, disk.next()]);
  await disk.next();
  assert.deepEqual((await third).labels, { c: "3" });
  disk.stop();
  for (const { labels, exposure } of [registry.live(lease.id), store.find(lease.id)!]) {
    assert.deepEqual([labels, exposure], [{ c: "3" }, null]);
  }
});

domainTest("a deadline that is not on the disk ends no lease: its change may be taken back", async (test) => {
  const { registry, watch, store } = test.domain;
  const lease = await grantOne(test, {}, { lifetime: { kind: "pinned" } });
  const disk = holdWrites(test);
  const amended = assert.rejects(registry.amend(lease.id, { lifetime: { kind: "ttl", ttlMs: 1000 } }), /disk full/);
  disk.stop();
  test.clock.advance(2000);
  await watch.look();
  await Promise.all([amended, disk.next(new Error("disk full"))]);
  assert.deepEqual([registry.live(lease.id).lifetime, store.find(lease.id)?.endedAt], [{ kind: "pinned" }, null]);
});

domainTest(
  "a lease whose change has failed ends as it was before, also for those who follow the events",
  async (test) => {
    const { registry, events } = test.domain;
    const lease = await grantOne(test, {}, { exposure: EXPOSED });
    const seen: unknown[] = [];
    events.subscribe((event) => {
      if ("record" in event) seen.push([event.type, event.record.exposure]); // the firewall has events of its own
    });
    const disk = holdWrites(test);
    const closed = assert.rejects(registry.expose(lease.id, null), /disk full/);
    const released = registry.end(lease.id, "released");
    await Promise.all([closed, disk.next(new Error("disk full"))]);
    await disk.next();
    await released;
    assert.deepEqual(seen, [["lease.released", EXPOSED]]);
  },
);

domainTest("a release that fails leaves the lease to others, who do not get its error", async (test) => {
  const { registry } = test.domain;
  const lease = await grantOne(test, { name: "a/web" });
  const disk = holdWrites(test);
  const released = assert.rejects(registry.end(lease.id, "released"), /disk full/);
  const renewed = registry.renew(lease.id);
  const asked = grantOne(test, { name: "a/web" });
  disk.stop();
  await Promise.all([released, disk.next(new Error("disk full"))]);
  assert.deepEqual([(await renewed).id, (await asked).id], [lease.id, lease.id]);
});

domainTest("a request whose time is up while its ports are being written is granted, not refused", async (test) => {
  const { registry } = test.domain;
  const held = await grantOne(test);
  const waiting = grantOne(test, { name: "next" }, { waitMs: 1000 });
  await registry.end(held.id, "released");
  const disk = holdWrites(test);
  test.clock.advance(1000);
  disk.stop();
  const lease = await waiting;
  assert.deepEqual([...registry.table.all()].map(({ id }) => id), [lease.id]);
}, { poolSize: 1 });

domainTest("a request that is being written is not taken out by its time or its caller", async (test) => {
  const { registry } = test.domain;
  const disk = holdWrites(test);
  const caller = new AbortController();
  const granted = registry.grant(request({}, { waitMs: 1 }), { signal: caller.signal });
  test.clock.advance(1);
  caller.abort(new Error("hung up"));
  await disk.next();
  disk.stop();
  const { leases } = await granted;
  assert.deepEqual([...registry.table.all()].map(({ id }) => id), leases.map(({ id }) => id));
}, { poolSize: 2 });

domainTest("nobody is refused while a port is free because others wait for the disk", async (test) => {
  const disk = holdWrites(test);
  const waiting = grantOne(test, {}, { waitMs: 5000 });
  const others = Array.from({ length: 5 }, () => grantOne(test));
  for (let i = 0; i < 6; i++) await disk.next();
  disk.stop();
  const leases = await Promise.all([waiting, ...others]);
  assert.equal(new Set(leases.map(({ port }) => port)).size, 6);
});

/** Counts what the kernel is asked. */
function countClaims(): Disposable & { readonly count: number } {
  const prototype = (Deno.build.os === "linux" ? LinuxHolds : GenericHolds).prototype;
  const { claim } = prototype;
  let count = 0;
  prototype.claim = function (...args) {
    count++;
    return claim.apply(this, args);
  };
  return {
    get count() {
      return count;
    },
    [Symbol.dispose]: () => void (prototype.claim = claim),
  };
}

domainTest("the kernel is not asked for more ports than there are", async (test) => {
  const { registry } = test.domain;
  await grantOne(test);
  using claims = countClaims();
  const wishes = Array.from({ length: 10 }, () => wish());
  const waiting = Array.from({ length: 300 }, () => grantOne(test, {}, { wishes, waitMs: 1000 }));
  const refused = Promise.allSettled(waiting);
  await registry.tick(() => ({ listener: "nobody", isProcessAlive: true, isTcpUsed: false, details: null }));
  assert.equal(claims.count, 0);
  test.clock.advance(1000);
  for (let turns = 0; turns < 600; turns++) {
    test.clock.advance(1);
    for (let step = 0; step < 20; step++) await undefined; // the next one enters
  }
  test.clock.advance(1000);
  for (let turns = 0; turns < 300; turns++) test.clock.advance(0);
  assert.deepEqual([...new Set((await refused).map(({ status }) => status))], ["rejected"]);
}, { poolSize: 10 });

domainTest("a freed port is offered to those who can use it alone, a few in each turn", async (test) => {
  const { registry } = test.domain;
  const held = await Promise.all(Array.from({ length: 40 }, (_, i) => grantOne(test, { port: test.first + i })));
  const waiting = held.map(({ port }) => grantOne(test, { range: { first: port, last: port } }, { waitMs: 5000 }));
  await registry.end(held[7]!.id, "released");
  assert.equal((await waiting[7])!.port, held[7]!.port);
  assert.equal(registry.table.size, 40);
  await Promise.all(held.map(({ id }) => registry.end(id, "released")));
  for (let turns = 0; turns < 40; turns++) test.clock.advance(0);
  const served = await Promise.all(waiting);
  assert.deepEqual(served.map(({ port }) => port), held.map(({ port }) => port));
}, { poolSize: 40, cooldownMs: 0 });

domainTest("more requests than may wait are refused at once, and those who wait keep their places", async (test) => {
  const held = await grantOne(test);
  const caller = new AbortController();
  const { registry } = test.domain;
  const waiting = Array.from(
    { length: 1000 },
    () => registry.grant(request({}, { waitMs: 60_000 }), { signal: caller.signal }),
  );
  await assert.rejects(grantOne(test, {}, { waitMs: 60_000 }), {
    code: "pool_exhausted",
    message: /1000 requests wait already/,
  });
  await registry.end(held.id, "released");
  assert.equal((await waiting[0]!).leases[0]!.port, held.port);
  caller.abort(new Error("hung up"));
  const outcomes = await Promise.allSettled(waiting);
  assert.deepEqual(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
}, { poolSize: 1 });

domainTest("a small request waits behind one of the large ones that came before", async (test) => {
  const answered: string[] = [];
  const wishes = Array.from({ length: 17 }, () => wish());
  const all = [
    grantOne(test, {}, { wishes }).then(() => answered.push("large")),
    grantOne(test, {}, { wishes }).then(() => answered.push("second large")),
    grantOne(test).then(() => answered.push("small")),
  ];
  await all[0];
  test.clock.advance(1);
  await Promise.all(all);
  assert.equal(answered.at(-1), "second large");
}, { poolSize: 40 });

domainTest("a grant does not wait until many leases have been ended together", async (test) => {
  const { registry } = test.domain;
  const wishes = Array.from({ length: 34 }, () => wish());
  const { leases } = await registry.grant({ ...request(), wishes });
  const answered: string[] = [];
  test.clock.advance(2); // the pause after the large request
  const ending = registry.endAll(leases.map(({ id }) => id), "released").then(() => answered.push("ended"));
  await grantOne(test).then(() => answered.push("granted"));
  await ending;
  assert.deepEqual(answered, ["granted", "ended"]);
  assert.equal(registry.table.size, 1);
}, { poolSize: 40 });

/** Releases a/web, and both a/web and a/api while that is being written. @returns `one` with the message of its error. */
async function releaseOneThenBoth(test: TestDomain) {
  const { registry } = test.domain;
  const web = await grantOne(test, { name: "a/web" }), api = await grantOne(test, { name: "a/api" });
  const disk = holdWrites(test);
  const one = registry.end(web.id, "released").catch(({ message }) => message);
  const all = registry.endAll([web.id, api.id], "released");
  return { registry, disk, one, all };
}

domainTest("a release of several is no success when an end that it waited for may not be on the disk", async (test) => {
  const { registry, disk, one, all } = await releaseOneThenBoth(test);
  await disk.next(new WriteError("the disk has failed", true));
  assert.equal(await one, "the disk has failed");
  await assert.rejects(all, /the disk has failed/);
  disk.stop();
  assert.deepEqual([...registry.table.all()].map(({ name }) => name), ["a/api"]);
});

domainTest("a release of several waits for that of one of them, and repeats it when it fails", async (test) => {
  const { registry, disk, one, all } = await releaseOneThenBoth(test);
  await disk.next(new Error("disk full"));
  assert.equal(await one, "disk full");
  await disk.next();
  await all;
  disk.stop();
  assert.equal(registry.table.size, 0);
});

domainTest("a release of several that fails ends none of them, whatever another release has tried", async (test) => {
  const { registry } = test.domain;
  const web = await grantOne(test, { name: "a/web" }), api = await grantOne(test, { name: "a/api" });
  const disk = holdWrites(test);
  const one = registry.end(web.id, "released").catch(() => "failed");
  const all = registry.endAll([web.id, api.id], "released").catch(() => "failed");
  await disk.next(new Error("disk full"));
  await disk.next(new Error("disk full"));
  assert.deepEqual([await one, await all], ["failed", "failed"]);
  disk.stop();
  assert.deepEqual([...registry.table.all()].map(({ name }) => name), ["a/web", "a/api"]);
});

domainTest("a request for a name that is just being released is decided when that has ended", async (test) => {
  const { registry } = test.domain;
  const web = await grantOne(test, { name: "a/web" });
  await grantOne(test, { name: "a/api" });
  const disk = holdWrites(test);
  const released = registry.end(web.id, "released");
  const next = registry.grant(request({ name: "a/web" }, { waitMs: 60_000 }));
  await disk.next();
  await released;
  await disk.next();
  disk.stop();
  assert.equal((await next).leases[0]!.port, web.port); // without a tick of the watch
}, { poolSize: 2 });
