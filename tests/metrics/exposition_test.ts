import assert from "node:assert/strict";
import { type Family, formatFor, writeMetrics } from "../../src/metrics/exposition.ts";
import { Histogram } from "../../src/metrics/histogram.ts";

const counted = new Histogram([0.5, 1]);
for (const value of [0.2, 0.7, 3]) counted.observe(value);
const FAMILIES: readonly Family[] = [
  { name: "a_total", type: "counter", help: 'a "b"\n\\', samples: [{ labels: { code: 'x"\n\\' }, value: 2 }] },
  { name: "b", type: "gauge", help: "b", samples: [{ value: NaN }, { labels: { n: "" }, value: -Infinity }] },
  { name: "c_seconds", type: "histogram", help: "c", samples: [{ value: counted.read() }] },
];

Deno.test("metrics are written in the text format", () => {
  assert.deepEqual(writeMetrics(FAMILIES, "text").split("\n"), [
    '# HELP a_total a "b"\\n\\\\',
    "# TYPE a_total counter",
    'a_total{code="x\\"\\n\\\\"} 2',
    "# HELP b b",
    "# TYPE b gauge",
    "b NaN",
    'b{n=""} -Inf',
    "# HELP c_seconds c",
    "# TYPE c_seconds histogram",
    'c_seconds_bucket{le="0.5"} 1',
    'c_seconds_bucket{le="1"} 2',
    'c_seconds_bucket{le="+Inf"} 3',
    "c_seconds_sum 3.9",
    "c_seconds_count 3",
    "",
  ]);
});

Deno.test("OpenMetrics names counters without their suffix, writes whole bounds with a point, and has an end", () => {
  const lines = writeMetrics(FAMILIES, "openMetrics").split("\n");
  assert.deepEqual(lines.slice(0, 3), [
    '# HELP a a \\"b\\"\\n\\\\',
    "# TYPE a counter",
    'a_total{code="x\\"\\n\\\\"} 2',
  ]);
  assert.ok(lines.includes('c_seconds_bucket{le="1.0"} 2'));
  assert.deepEqual(lines.slice(-2), ["# EOF", ""]);
});

Deno.test("OpenMetrics is for those who want it at least as much as text", () => {
  const prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75," +
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
  for (const accept of [prometheus, "application/openmetrics-text", "text/plain, Application/OpenMetrics-Text"]) {
    assert.equal(formatFor(accept), "openMetrics", accept);
  }
  const others = [
    null,
    "",
    "*/*",
    "text/html",
    "application/openmetrics-text; version=0.0.1",
    "application/openmetrics-text; q=0",
    "application/openmetrics-text; q=0.4, text/plain; q=0.5",
    "application/openmetrics-text; q=x",
    ";;;q=,,,=",
  ];
  for (const accept of others) assert.equal(formatFor(accept), "text", accept ?? "none");
});
