import assert from "node:assert/strict";
import fc from "fast-check";
import { Pool } from "../../src/lease/pool.ts";
import type { Protocol } from "../../src/port/port.ts";

const TCP = ["tcp"] as const, UDP = ["udp"] as const, BOTH = ["tcp", "udp"] as const;

function ports(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

Deno.test("next() gives the port that was given back longest ago", () => {
  const pool = new Pool(ports(100, 103));
  for (const port of [100, 101, 102, 103]) {
    assert.equal(pool.next(TCP), port);
    pool.take(port, TCP);
  }
  assert.equal(pool.next(TCP), undefined);
  for (const port of [102, 100]) pool.give(port, TCP);
  assert.equal(pool.next(TCP), 102);
  assert.equal(pool.free, 2);
});

Deno.test("next() finds a port that is free for one protocol when none is free for both", () => {
  const pool = new Pool(ports(100, 101));
  for (const port of [100, 101]) pool.take(port, TCP);
  assert.deepEqual([pool.next(UDP), pool.next(TCP), pool.next(BOTH)], [100, undefined, undefined]);
});

Deno.test("search() goes round from where it starts and keeps to the pool", () => {
  const pool = new Pool([...ports(100, 102), ...ports(300, 301)]);
  assert.equal(pool.search(TCP, 102), 102);
  pool.take(102, TCP);
  assert.equal(pool.search(TCP, 102), 300);
  for (const port of [300, 301]) pool.take(port, TCP);
  assert.equal(pool.search(TCP, 102), 100);
});

Deno.test("searchRange() also finds ports outside the pool", () => {
  const pool = new Pool([]);
  assert.equal(pool.searchRange(TCP, { first: 3000, last: 3001 }, 3001), 3001);
  for (const port of [3000, 3001]) pool.take(port, TCP);
  assert.equal(pool.searchRange(TCP, { first: 3000, last: 3001 }, 3000), undefined);
  assert.equal(pool.searchRange(TCP, { first: 65535, last: 65535 }, 65535), 65535);
});

Deno.test("searchBlock() finds a run, round the end too, and never one with a gap", () => {
  const pool = new Pool([...ports(100, 104), ...ports(106, 109)]);
  pool.take(101, UDP);
  const isFree = (protocols: readonly Protocol[]) => (port: number) => pool.isFree(port, protocols);
  assert.equal(pool.searchBlock(5, 100, isFree(TCP)), 100);
  assert.equal(pool.searchBlock(4, 100, isFree(BOTH)), 106);
  assert.equal(pool.searchBlock(5, 103, isFree(TCP)), 100);
  assert.equal(pool.searchBlock(6, 100, isFree(TCP)), undefined);
  assert.equal(pool.searchBlock(3, 1, isFree(TCP), { first: 104, last: 106 }), 104);
});

Deno.test("countFree() counts what is free of the pool, or of a range in its place", () => {
  const pool = new Pool([...ports(100, 104), ...ports(1000, 1099)]);
  assert.equal(pool.countFree(BOTH), 105);
  pool.take(101, UDP);
  pool.take(1099, TCP);
  pool.take(50, TCP);
  assert.deepEqual([pool.countFree(TCP), pool.countFree(UDP), pool.countFree(BOTH)], [104, 104, 103]);
  assert.equal(pool.countFree(TCP, { first: 50, last: 51 }), 1);
  assert.equal(pool.countFree(TCP, { first: 1, last: 65535 }), 65_533);
});

Deno.test("slot() is the same for the same name and pool", () => {
  const pool = new Pool(ports(20000, 29999));
  assert.equal(pool.slot("shop/web"), new Pool(ports(20000, 29999)).slot("shop/web"));
  assert.notEqual(pool.slot("shop/web"), pool.slot("shop/api"));
  assert.ok(pool.has(pool.slot("")));
});

Deno.test("a pool agrees with a plain list of free ports, whatever is taken and given back", () => {
  const members = ports(60, 70);
  const step = fc.record({
    port: fc.integer({ min: 58, max: 72 }),
    protocols: fc.constantFrom<readonly Protocol[]>(TCP, UDP, BOTH),
    take: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const pool = new Pool(members);
    const taken = new Set<string>();
    let line = [...members];
    for (const { port, protocols, take } of steps) {
      const wasFree = !taken.has(`tcp${port}`) && !taken.has(`udp${port}`);
      for (const protocol of protocols) taken[take ? "add" : "delete"](`${protocol}${port}`);
      const isFree = !taken.has(`tcp${port}`) && !taken.has(`udp${port}`);
      pool[take ? "take" : "give"](port, protocols);
      if (!isFree) line = line.filter((other) => other !== port);
      else if (!wasFree && members.includes(port)) line.push(port);
      const free = (p: readonly Protocol[]) => members.filter((m) => p.every((x) => !taken.has(`${x}${m}`)));
      assert.equal(pool.free, line.length);
      for (const wanted of [TCP, UDP, BOTH]) {
        assert.equal(pool.next(wanted), line[0] ?? free(wanted)[0]);
        assert.equal(pool.search(wanted, 65), free(wanted).find((m) => m >= 65) ?? free(wanted)[0]);
      }
    }
  }));
});

Deno.test("replace() gives the pool other members, and what is taken stays taken", () => {
  const pool = new Pool(ports(100, 103));
  pool.take(101, TCP);
  pool.take(102, TCP);
  pool.replace(ports(102, 105));
  assert.deepEqual([pool.size, pool.free, [...pool.ports]], [4, 3, ports(102, 105)]);
  assert.deepEqual([pool.has(100), pool.has(105)], [false, true]);
  const granted: (number | undefined)[] = [];
  for (let port = pool.next(TCP); port !== undefined; port = pool.next(TCP)) {
    pool.take(port, TCP);
    granted.push(port);
  }
  assert.deepEqual(granted.sort(), [103, 104, 105]);
  pool.give(101, TCP); // no member any more
  pool.give(102, TCP);
  assert.deepEqual([pool.free, pool.next(TCP)], [1, 102]);
});
