import assert from "node:assert/strict";
import fc from "fast-check";
import type { PortSet } from "../../src/line/line.ts";
import { DIVISIONS, lowestPort, portsOf, psidOfAddress, psidOfPort } from "../../src/line/port_sets.ts";
import { contains, isWithin } from "../../src/port/port.ts";

const [FOUR_EIGHT, SIX_SIX] = DIVISIONS as [typeof DIVISIONS[0], typeof DIVISIONS[0]];

const anySet = fc.constantFrom(...DIVISIONS).chain((division) =>
  fc.integer({ min: 0, max: 2 ** division.length - 1 }).map((psid): PortSet => ({ ...division, psid }))
);

Deno.test("portsOf() gives 15 ranges of 16 ports for (4, 8), from 4096 on", () => {
  const ranges = portsOf({ ...FOUR_EIGHT, psid: 17 });
  assert.equal(ranges.length, 15);
  assert.deepEqual(ranges.slice(0, 2), [{ first: 4368, last: 4383 }, { first: 8464, last: 8479 }]);
  assert.deepEqual(ranges.at(-1), { first: 61712, last: 61727 });
});

Deno.test("portsOf() gives 63 ranges of 16 ports for (6, 6), from 1024 on", () => {
  const ranges = portsOf({ ...SIX_SIX, psid: 37 });
  assert.equal(ranges.length, 63);
  assert.deepEqual(ranges[0], { first: 1616, last: 1631 });
  assert.deepEqual(ranges.at(-1), { first: 65104, last: 65119 });
});

Deno.test("portsOf() follows the rule of RFC 7597 section 5.1 for every PSID", () => {
  const byRule = (a: number, k: number, psid: number, block: number) => (block << (16 - a)) | (psid << (16 - a - k));
  for (const { offset, length } of DIVISIONS) {
    for (let psid = 0; psid < 2 ** length; psid++) {
      const starts = portsOf({ offset, length, psid }).map(({ first }) => first);
      assert.deepEqual(starts, starts.map((_, i) => byRule(offset, length, psid, i + 1)));
    }
  }
});

Deno.test("the sets of all PSIDs are every port from the lowest on, each once", () => {
  for (const division of DIVISIONS) {
    const owners = new Uint8Array(65536);
    for (let psid = 0; psid < 2 ** division.length; psid++) {
      for (const { first, last } of portsOf({ ...division, psid })) {
        for (let port = first; port <= last; port++) owners[port]!++;
      }
    }
    assert.equal(owners.findIndex((count) => count > 0), lowestPort(division));
    assert.deepEqual(new Set(owners.subarray(lowestPort(division))), new Set([1]));
  }
});

Deno.test("psidOfPort() is the PSID whose set has the port, and undefined where nobody has it", () => {
  fc.assert(fc.property(anySet, fc.integer({ min: 1, max: 65535 }), (set, port) => {
    assert.equal(psidOfPort(port, set) === set.psid, isWithin(portsOf(set), port));
  }));
  assert.equal(psidOfPort(25565, FOUR_EIGHT), 61);
  assert.deepEqual([psidOfPort(4095, FOUR_EIGHT), psidOfPort(1023, SIX_SIX)], [undefined, undefined]);
});

Deno.test("each set of (4, 8) lies in a set of (6, 6), so that (4, 8) is to be tried first", () => {
  for (let psid = 0; psid < 256; psid++) {
    const ports = portsOf({ ...FOUR_EIGHT, psid }).flatMap(({ first, last }) => [first, last]);
    assert.equal(new Set(ports.map((port) => psidOfPort(port, SIX_SIX))).size, 1);
  }
  assert.equal(DIVISIONS[0], FOUR_EIGHT);
  assert.ok(contains({ first: 1024, last: 4095 }, lowestPort(SIX_SIX)));
});

Deno.test("psidOfAddress() reads bits 48 to 55 of an IPv6 address, or the last six of them", () => {
  assert.equal(psidOfAddress("2400:4050:1234:3d00::1", FOUR_EIGHT), 61);
  assert.equal(psidOfAddress("2400:4050:1234:e500:a00:1ff:fe00:1", SIX_SIX), 37);
  for (const text of ["", "1.2.3.4", "2400:::1", "fe80::1%eth0"]) {
    assert.equal(psidOfAddress(text, FOUR_EIGHT), undefined);
  }
});
