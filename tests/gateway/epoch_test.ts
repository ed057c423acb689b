import assert from "node:assert/strict";
import { type EpochRule, EpochWatch, natPmpEpochRule, pcpEpochRule } from "../../src/gateway/epoch.ts";
import { FakeClock } from "../support/clock.ts";

/** Whether a table is taken for lost after so many seconds of the router and of ours. */
function isLost(rule: EpochRule, routerS: number, ourS: number): boolean {
  return rule({ routerS: 1000, ourS: 50 }, { routerS: 1000 + routerS, ourS: 50 + ourS });
}

Deno.test("PCP: clocks that run alike, or differ by a sixteenth, have lost nothing", () => {
  for (const [routerS, ourS] of [[0, 0], [-1, 0], [2, 0], [0, 2], [100, 100], [1000, 940], [940, 1000], [3600, 3380]]) {
    assert.equal(isLost(pcpEpochRule, routerS!, ourS!), false, `${routerS} ${ourS}`);
  }
});

Deno.test("PCP: a clock that went back, stood, or ran ahead has lost the table", () => {
  for (const [routerS, ourS] of [[-2, 0], [-1000, 5], [0, 3], [4, 0], [1000, 900], [900, 1000], [-999, 3600]]) {
    assert.equal(isLost(pcpEpochRule, routerS!, ourS!), true, `${routerS} ${ourS}`);
  }
});

Deno.test("NAT-PMP: a clock that is behind seven eighths of ours has lost the table, one that runs ahead has not", () => {
  for (const [routerS, ourS] of [[0, 0], [-2, 0], [100, 100], [873, 1000], [5000, 10]]) {
    assert.equal(isLost(natPmpEpochRule, routerS!, ourS!), false, `${routerS} ${ourS}`);
  }
  for (const [routerS, ourS] of [[-3, 0], [0, 3], [872, 1000], [-1000, 10]]) {
    assert.equal(isLost(natPmpEpochRule, routerS!, ourS!), true, `${routerS} ${ourS}`);
  }
});

Deno.test("a loss is reported once, by whatever answer it was seen", () => {
  const clock = new FakeClock(), watch = new EpochWatch(pcpEpochRule, clock);
  watch.see(500);
  assert.equal(watch.takeLoss(), false);
  clock.advance(10_000);
  watch.see(3);
  watch.see(3);
  assert.equal(watch.takeLoss(), true);
  assert.equal(watch.takeLoss(), false);
  clock.advance(10_000);
  watch.see(13);
  assert.equal(watch.takeLoss(), false);
});
