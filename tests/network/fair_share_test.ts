import assert from "node:assert/strict";
import fc from "fast-check";
import { excess } from "../../src/network/fair_share.ts";

const isOurs = (caller: string) => caller === "root";

function crowdOf(counts: Readonly<Record<string, number>>): { readonly caller: string; readonly index: number }[] {
  return Object.entries(counts).flatMap(([caller, count]) =>
    Array.from({ length: count }, (_, index) => ({ caller, index }))
  );
}

function left(counts: Readonly<Record<string, number>>, room: number, mostOfOne = Infinity): Record<string, number> {
  const rest = { ...counts };
  for (const { caller } of excess(crowdOf(counts), { room, mostOfOne, isOurs })) rest[caller]!--;
  return rest;
}

Deno.test("excess() cuts nobody where there is room", () => {
  assert.deepEqual(left({ root: 2, a: 3, b: 1 }, 6), { root: 1 + 1, a: 3, b: 1 });
});

Deno.test("excess() cuts who has many, and leaves those who have few and the daemon's own user", () => {
  assert.deepEqual(left({ root: 10, a: 1000, b: 5 }, 50), { root: 10, a: 35, b: 5 });
  assert.deepEqual(left({ root: 10, a: 1000, b: 1000, c: 3 }, 53), { root: 10, a: 20, b: 20, c: 3 });
});

Deno.test("excess() leaves one caller no more than the most of one, and a quarter of the room to others than us", () => {
  assert.deepEqual(left({ a: 40 }, 100, 16), { a: 16 });
  assert.deepEqual(left({ root: 1000, a: 1000 }, 100), { root: 75, a: 25 });
});

Deno.test("excess() cuts the last connections of a caller", () => {
  const cut = excess(crowdOf({ a: 4 }), { room: 2, mostOfOne: 2, isOurs });
  assert.deepEqual(cut.map(({ index }) => index), [2, 3]);
});

Deno.test("after excess() the rest has room, whoever comes", () => {
  const counts = fc.dictionary(fc.constantFrom("root", "a", "b", "c", "d"), fc.nat(200));
  fc.assert(fc.property(counts, fc.nat(300), fc.integer({ min: 1, max: 100 }), (given, room, mostOfOne) => {
    const rest = left(given, room, mostOfOne);
    const all = Object.values(rest).reduce((sum, count) => sum + count, 0);
    assert.ok(all <= room);
    for (const [caller, count] of Object.entries(rest)) assert.ok(count >= 0 && (isOurs(caller) || count <= mostOfOne));
  }));
});
