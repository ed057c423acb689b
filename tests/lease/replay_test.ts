import assert from "node:assert/strict";
import type { Granted } from "../../src/lease/grants.ts";
import type { Make, Replay } from "../../src/lease/replay.ts";
import { domainTest, openTestDomain, request } from "../support/domain.ts";

const KEYED = { caller: "unknown", key: "k1", fingerprint: "f" };

/** Work that ends when the test says so. */
class Work {
  readonly #outcome = Promise.withResolvers<Granted>();
  signal: AbortSignal | undefined;
  runs = 0;

  readonly make: Make = (_, signal) => {
    this.runs++;
    this.signal = signal;
    return this.#outcome.promise;
  };

  finish(granted: Granted = { leases: [], created: true }): void {
    this.#outcome.resolve(granted);
  }

  fail(error: Error): void {
    this.#outcome.reject(error);
  }
}

async function withReplay(use: (replay: Replay) => Promise<void>): Promise<void> {
  await using test = await openTestDomain();
  await use(test.domain.replay);
}

Deno.test("run() goes on when the first who asked has left, and the others get what they asked for", async () => {
  await withReplay(async (replay) => {
    const work = new Work(), leaving = new AbortController();
    const first = replay.run(KEYED, work.make, leaving.signal);
    const others = [1, 2].map(() => replay.run(KEYED, work.make, new AbortController().signal));
    leaving.abort(new Error("left"));
    await assert.rejects(first, /left/);
    assert.equal(work.signal?.aborted, false);
    work.finish();
    assert.deepEqual(await Promise.all(others), [{ leases: [], created: true }, { leases: [], created: true }]);
    assert.equal(work.runs, 1);
  });
});

Deno.test("run() calls the work off when all who asked have left", async () => {
  await withReplay(async (replay) => {
    const work = new Work(), leaving = new AbortController();
    const waits = [1, 2].map(() => replay.run(KEYED, work.make, leaving.signal));
    leaving.abort(new Error("left"));
    for (const wait of waits) await assert.rejects(wait, /left/);
    assert.equal(work.signal?.aborted, true);
    work.finish();
  });
});

Deno.test("run() waits for work that is being called off before it makes an attempt of its own", async () => {
  await withReplay(async (replay) => {
    const abandoned = new Work(), own = new Work(), leaving = new AbortController();
    const first = replay.run(KEYED, abandoned.make, leaving.signal);
    leaving.abort(new Error("left"));
    await assert.rejects(first, /left/);
    const second = replay.run({ ...KEYED, fingerprint: "another" }, own.make);
    await Promise.resolve();
    assert.equal(own.runs, 0);
    abandoned.fail(new Error("called off"));
    own.finish();
    assert.deepEqual(await second, { leases: [], created: true });
    assert.equal(own.runs, 1);
  });
});

Deno.test("run() hands a failure to all who wait, and the key is free again", async () => {
  await withReplay(async (replay) => {
    const failing = new Work(), next = new Work();
    const waits = [1, 2].map(() => replay.run(KEYED, failing.make));
    failing.fail(new Error("no port"));
    for (const wait of waits) await assert.rejects(wait, /no port/);
    next.finish();
    await replay.run({ ...KEYED, fingerprint: "another" }, next.make);
    assert.equal(next.runs, 1);
  });
});

Deno.test("run() takes a request whose caller has gone already for one that nobody waits for", async () => {
  await withReplay(async (replay) => {
    const work = new Work();
    await assert.rejects(replay.run(KEYED, work.make, AbortSignal.abort(new Error("gone"))), /gone/);
    assert.equal(work.signal?.aborted, true);
    work.finish();
  });
});

domainTest("run() lets the second of two callers stand in line when the first leaves it", async (test) => {
  const { registry, replay } = test.domain;
  const { leases: [holder] } = await registry.grant(request());
  const make: Make = (keep, signal) => registry.grant(request({}, { waitMs: 60_000 }), { signal, answerOf: keep });
  const leaving = new AbortController();
  const first = replay.run(KEYED, make, leaving.signal);
  const second = replay.run(KEYED, make);
  leaving.abort(new Error("left"));
  await assert.rejects(first, /left/);
  await registry.end(holder!.id, "released");
  assert.equal((await second).leases[0]?.port, holder!.port);
}, { poolSize: 1, cooldownMs: 0 });
