import assert from "node:assert/strict";
import { EventLog, type LoggedEvent } from "../../src/lease/events.ts";

const nothing = { type: "rule.failed", reason: "" } as const;
const encode = ({ number }: LoggedEvent) => new TextEncoder().encode(`event ${number}`);
const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);

function logOf(count: number, bounds: { events?: number; bytes?: number }): EventLog {
  const log = new EventLog("run", bounds);
  for (let i = 0; i < count; i++) log.publish(nothing, i);
  return log;
}

Deno.test("the log keeps the last events, as many as it is to, and knows which it has forgotten", () => {
  const log = logOf(25, { events: 10 });
  assert.equal(log.last, 25);
  assert.deepEqual([log.hasAllAfter(14), log.hasAllAfter(15), log.hasAllAfter(25)], [false, true, true]);
  assert.deepEqual([15, 16, 25, 26].map((number) => text(log.encoded(number, encode))), [
    undefined,
    "event 16",
    "event 25",
    undefined,
  ]);
});

Deno.test("the log is bounded in bytes, before its events are encoded and when they turn out longer", () => {
  const log = logOf(1000, { events: 100_000, bytes: 70_000 });
  assert.ok(log.bytes <= 70_000);
  const first = Array.from({ length: 1000 }, (_, i) => i).find((number) => log.hasAllAfter(number))!;
  assert.ok(first > 800 && first < 1000, `after ${first}`);
  const long = new Uint8Array(30_000);
  for (let number = first + 1; number <= 1000; number++) log.encoded(number, () => long);
  assert.ok(log.bytes <= 70_000);
  assert.equal(log.hasAllAfter(997), false);
  assert.equal(log.encoded(1000, encode), long);
});

Deno.test("the log forgets even a single event that is larger than all it may keep, and goes on", () => {
  const log = logOf(1, { bytes: 100 });
  assert.deepEqual([log.bytes, log.hasAllAfter(0), log.hasAllAfter(1)], [0, false, true]);
  log.publish(nothing, 2);
  assert.equal(log.last, 2);
});

Deno.test("an event is encoded once, for whoever asks, and not before", () => {
  const log = logOf(5, {});
  let encodings = 0;
  const counting = (event: LoggedEvent) => {
    encodings++;
    return encode(event);
  };
  assert.equal(log.encoded(3, counting), log.encoded(3, counting));
  assert.equal(encodings, 1);
});

Deno.test("numberOf() knows the ids of this run alone", () => {
  const log = logOf(3, {});
  assert.equal(log.numberOf(log.idOf(2)), 2);
  for (const id of ["run-4", "other-2", "run-", "run--1", "run-1e0", "run", "run- 1", "", "run-0x1"]) {
    assert.equal(log.numberOf(id), undefined, id);
  }
});
