import assert from "node:assert/strict";
import { EventLog } from "../../src/service/windows/event_log.ts";

/** What ReportEventW was given: type, id, text. */
type Entry = readonly [type: number, id: number, text: string];

/** An Event Log that takes entries, or none. */
function eventLog({ isOpen = true } = {}) {
  const entries: Entry[] = [];
  let opened = 0;
  const log = new EventLog({
    RegisterEventSourceW: () => isOpen ? (opened++, Deno.UnsafePointer.create(1n)) : null,
    ReportEventW: (_source, type, _category, id, _sid, count, _size, texts) => {
      assert.equal(count, 1);
      const [address] = texts as BigUint64Array<ArrayBuffer>;
      entries.push([type, id, readWide(address!)]);
      return 1;
    },
    DeregisterEventSource: () => opened--,
  });
  return { log, entries, left: () => opened };
}

function readWide(address: bigint): string {
  const view = new Deno.UnsafePointerView(Deno.UnsafePointer.create(address)!);
  let text = "";
  for (let at = 0; view.getUint16(at) !== 0; at += 2) text += String.fromCharCode(view.getUint16(at));
  return text;
}

Deno.test("start and stop are information, a failure is an error, each with a number of its own", () => {
  const { log, entries, left } = eventLog();
  assert.deepEqual([log.write("start", "läuft"), log.write("stop", "b"), log.write("failure", "c")], [
    true,
    true,
    true,
  ]);
  assert.deepEqual(entries, [[4, 1, "läuft"], [4, 2, "b"], [1, 3, "c"]]);
  assert.equal(left(), 0);
});

Deno.test("an entry is no longer than Windows takes, and none is no failure", () => {
  const { log, entries } = eventLog();
  log.write("failure", "x".repeat(100_000));
  assert.equal(entries[0]![2].length, 4000);
  assert.equal(eventLog({ isOpen: false }).log.write("start", "a"), false);
});
