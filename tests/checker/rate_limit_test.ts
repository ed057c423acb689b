import assert from "node:assert/strict";
import fc from "fast-check";
import { sharesOf } from "../../src/checker/caller_address.ts";
import { RateLimit } from "../../src/checker/rate_limit.ts";

const LIMITS = { burst: 10, refillMs: 6000, mostNetworks: 100 };

Deno.test("an address may ask ten times at once, and then once every six seconds", () => {
  const limit = new RateLimit(LIMITS), shares = sharesOf("203.0.113.9");
  for (let i = 0; i < 10; i++) assert.equal(limit.take(shares, 0), 0);
  assert.equal(limit.take(shares, 0), 6000);
  assert.equal(Math.round(limit.take(shares, 4000)), 2000);
  assert.equal(limit.take(shares, 6000), 0);
  assert.equal(limit.take(shares, 6000), 6000);
});

Deno.test("one address does not use up what another one has", () => {
  const limit = new RateLimit(LIMITS);
  for (let i = 0; i < 20; i++) limit.take(sharesOf("203.0.113.9"), 0);
  assert.equal(limit.take(sharesOf("203.0.113.10"), 0), 0);
});

Deno.test("the addresses of a /64 share ten, and the networks of a /48 forty", () => {
  const limit = new RateLimit(LIMITS);
  const taken = (address: (i: number) => string) =>
    Array.from({ length: 100 }, (_, i) => limit.take(sharesOf(address(i)), 0)).filter((wait) => wait === 0).length;
  assert.equal(taken((i) => `2400:db80:1:1::${i + 1}`), 10);
  assert.equal(taken((i) => `2400:db80:1:${(i + 2).toString(16)}::1`), 30);
  assert.equal(taken((i) => `2400:db80:2:${(i + 2).toString(16)}::1`), 40);
});

Deno.test("the table has a bound, and forgets who asked longest ago", () => {
  const limit = new RateLimit(LIMITS);
  for (let i = 0; i < 10_000; i++) limit.take(sharesOf(`198.51.${i >> 8}.${i & 255}`), i);
  assert.equal(limit.size, LIMITS.mostNetworks);
});

Deno.test("whatever the times and callers, none gets more than its burst and what came back since", () => {
  const call = fc.record({ host: fc.integer({ min: 1, max: 3 }), pauseMs: fc.nat(5000) });
  fc.assert(fc.property(fc.array(call, { maxLength: 200 }), (calls) => {
    const limit = new RateLimit(LIMITS), taken = new Map<number, number>();
    let now = 0;
    for (const { host, pauseMs } of calls) {
      now += pauseMs;
      if (limit.take(sharesOf(`203.0.113.${host}`), now) === 0) taken.set(host, (taken.get(host) ?? 0) + 1);
    }
    for (const count of taken.values()) assert(count <= LIMITS.burst + now / LIMITS.refillMs);
  }));
});
