/** What happened in the last hour, minute by minute. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ACTIVITIES, ActivityCounter, type ActivityKind } from "../../src/lease/activity.ts";
import { PortdError } from "../../src/errors.ts";
import { LEASE_EVENT_TYPES } from "../../src/lease/events.ts";
import { FakeClock } from "../support/clock.ts";

const MINUTE_MS = 60_000;
const REFUSAL = new PortdError("pool_exhausted", "Cannot grant a port: all are leased");

/** Counts one. */
function count(counter: ActivityCounter, kind: ActivityKind): void {
  if (kind === "refusals") counter.refused(REFUSAL);
  else counter.happened({ type: kind === "grants" ? "lease.granted" : "lease.released" });
}

Deno.test("the minutes begin at the start, and the last one still runs", () => {
  const clock = new FakeClock();
  const counter = new ActivityCounter(clock);
  counter.happened({ type: "lease.granted" });
  clock.advance(59_999);
  counter.happened({ type: "lease.granted" });
  assert.deepEqual(counter.read(), {
    since: "2026-11-23T10:00:00.000Z",
    until: "2026-11-23T10:00:59.999Z",
    bucketMs: MINUTE_MS,
    grants: [2],
    releases: [0],
    refusals: [0],
  });
  clock.advance(1);
  counter.refused(REFUSAL);
  const { grants, releases, refusals } = counter.read();
  assert.deepEqual([grants, releases, refusals], [[2, 0], [0, 0], [0, 1]]);
});

Deno.test("sixty minutes are kept, and what is older is forgotten, also after hours in which nothing happened", () => {
  const clock = new FakeClock();
  const counter = new ActivityCounter(clock);
  counter.happened({ type: "lease.expired" });
  clock.advance(59 * MINUTE_MS);
  assert.deepEqual([counter.read().releases.length, counter.read().releases[0]], [60, 1]);
  clock.advance(MINUTE_MS);
  assert.deepEqual(counter.read().releases, new Array(60).fill(0));
  counter.happened({ type: "lease.expired" });
  clock.advance(5 * 60 * MINUTE_MS + 17);
  assert.deepEqual(counter.read().releases, new Array(60).fill(0));
});

Deno.test("every end of a lease is a release, and nothing else that happens to one counts; nor do errors that refuse nothing", () => {
  const counter = new ActivityCounter(new FakeClock());
  for (const type of [...LEASE_EVENT_TYPES, "listener.opened"] as const) counter.happened({ type });
  counter.refused(new DOMException("the caller has gone", "AbortError"));
  const { grants, releases, refusals } = counter.read();
  assert.deepEqual([grants, releases, refusals], [[1], [3], [0]]);
});

Deno.test("setting the wall clock moves no minute", () => {
  const clock = new FakeClock();
  const counter = new ActivityCounter(clock);
  counter.happened({ type: "lease.granted" });
  clock.step(-3 * 60 * MINUTE_MS);
  counter.happened({ type: "lease.granted" });
  assert.deepEqual(counter.read().grants, [2]);
});

Deno.test("the minutes are what a list of all that happened says, whatever happens when", () => {
  const step = fc.record({
    kind: fc.constantFrom<ActivityKind>(...ACTIVITIES),
    waitMs: fc.oneof(fc.nat(90_000), fc.nat(100 * MINUTE_MS)),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const clock = new FakeClock();
    const start = clock.monotonic();
    const counter = new ActivityCounter(clock);
    const log: (readonly [ActivityKind, number])[] = [];
    const minute = () => Math.floor((clock.monotonic() - start) / MINUTE_MS);
    for (const { kind, waitMs } of steps) {
      count(counter, kind);
      log.push([kind, minute()]);
      clock.advance(waitMs);
    }
    const first = Math.max(0, minute() - 59);
    const read = counter.read();
    for (const kind of ACTIVITIES) {
      const expected = Array.from(
        { length: minute() - first + 1 },
        (_, i) => log.filter(([each, at]) => each === kind && at === first + i).length,
      );
      assert.deepEqual(read[kind], expected);
    }
  }));
});
