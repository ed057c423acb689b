import assert from "node:assert/strict";
import { eventLog } from "../../src/service/windows/event_log.ts";
import { readWide } from "../support/wide_text.ts";

/** An Event Log that takes entries, or none. */
function openLog({ isOpen = true } = {}) {
  /** What ReportEventW was given. */
  const entries: [type: number, id: number, text: string][] = [];
  let opened = 0;
  const write = eventLog({
    RegisterEventSourceW: () => isOpen ? (opened++, Deno.UnsafePointer.create(1n)) : null,
    ReportEventW: (_source, type, _category, id, _sid, count, _size, texts) => {
      assert.equal(count, 1);
      const [address] = texts as BigUint64Array<ArrayBuffer>;
      entries.push([type, id, readWide(address!)]);
      return 1;
    },
    DeregisterEventSource: () => opened--,
  });
  return { write, entries, left: () => opened };
}

Deno.test("start and stop are information, a failure is an error, each with a number of its own", () => {
  const { write, entries, left } = openLog();
  const taken = [write("start", "läuft"), write("stop", "b"), write("failure", "c")];
  assert.deepEqual(taken, [true, true, true]);
  assert.deepEqual(entries, [[4, 1, "läuft"], [4, 2, "b"], [1, 3, "c"]]);
  assert.equal(left(), 0);
});

Deno.test("an entry is no longer than Windows takes, and none is no failure", () => {
  const { write, entries } = openLog();
  write("failure", "x".repeat(100_000));
  assert.equal(entries[0]![2].length, 4000);
  assert.equal(openLog({ isOpen: false }).write("start", "a"), false);
});
