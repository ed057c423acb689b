import assert from "node:assert/strict";
import fc from "fast-check";
import { Histogram } from "../../src/metrics/histogram.ts";

Deno.test("a value counts in every bucket whose bound is at least as large", () => {
  const histogram = new Histogram([1, 2, 5]);
  for (const value of [0, 1, 1.5, 2, 5.1]) histogram.observe(value);
  assert.deepEqual(histogram.read(), { bounds: [1, 2, 5], cumulative: [2, 4, 4, 5], sum: 9.6 });
  assert.equal(histogram.count, 5);
});

Deno.test("whatever is counted, nothing of a histogram ever goes down", () => {
  fc.assert(fc.property(fc.array(fc.double(), { minLength: 1, maxLength: 50 }), (values) => {
    const histogram = new Histogram([0.1, 1, 10]);
    let before = histogram.read();
    for (const value of values.filter((value) => value !== Infinity)) {
      histogram.observe(value);
      const after = histogram.read();
      assert.ok(after.sum >= before.sum, `${value}`);
      assert.ok(after.cumulative.every((count, i) => count >= before.cumulative[i]!), `${value}`);
      assert.equal(after.cumulative.at(-1), before.cumulative.at(-1)! + 1);
      before = after;
    }
  }));
});
