import assert from "node:assert/strict";
import type { Store } from "../../../src/lease/store/store.ts";
import { fillHistory, pass, storeTest } from "../../support/store.ts";

async function endedIds(store: Store): Promise<string[]> {
  return (await store.history({ limit: 100 })).records.map(({ id }) => id.replace(/^0+/, ""));
}

storeTest("the history is bounded in leases: the oldest go, also after a restart", async (open) => {
  let store = await open({ mostEnded: 3 });
  for (const [i, id] of ["A", "B", "C", "D"].entries()) await pass(store, id, { endedAt: 10 + i });
  await store.forget(0, 0);
  assert.deepEqual(await endedIds(store), ["D", "C", "B"]);
  await store.close();
  store = await open({ mostEnded: 3 });
  await pass(store, "E", { endedAt: 20 });
  await store.forget(0, 0);
  assert.deepEqual(await endedIds(store), ["E", "D", "C"]);
});

storeTest("the history is bounded in bytes: leases with many labels push out more than others", async (open) => {
  const store = await open({ mostEndedBytes: 20_000 });
  for (let i = 10; i < 40; i++) await pass(store, String(i), { endedAt: i });
  await store.forget(0, 0);
  assert.equal((await endedIds(store)).length, 30);
  const labels = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`l${i}`, "\u{1F600}".repeat(25)]));
  for (let i = 40; i < 50; i++) await pass(store, String(i), { endedAt: i, labels });
  await store.forget(0, 0);
  assert.deepEqual(await endedIds(store), ["49", "48"]);
});

storeTest("a file that holds far too much is brought within its bounds when it is opened", async (open) => {
  let store = await open();
  await fillHistory(store, 2000);
  await store.close();
  store = await open({ mostEnded: 5 });
  await store.forget(0, 0);
  assert.deepEqual(await endedIds(store), ["1999", "1998", "1997", "1996", "1995"]);
});

storeTest("a caller's answers push out none of another caller's", async (open) => {
  const store = await open({ mostAnswers: 2 });
  await pass(store, "A", { caller: "uid:1" });
  for (const id of ["B", "C", "D", "E"]) await pass(store, id, { caller: "uid:2" });
  await store.forget(0, 0);
  const kept = (caller: string) => ["A", "B", "C", "D", "E"].filter((key) => store.answer({ caller, key }));
  assert.deepEqual([kept("uid:1"), kept("uid:2")], [["A"], ["D", "E"]]);
});

storeTest("where all answers together are too many bytes, whoever has most makes room", async (open) => {
  const store = await open({ mostAnswerBytes: 3000 });
  for (const id of ["A", "B"]) await pass(store, id, { caller: "uid:1" });
  for (let i = 10; i < 30; i++) await pass(store, String(i), { caller: "uid:2" });
  await store.forget(0, 0);
  const has = (caller: string, key: string) => store.answer({ caller, key }) !== undefined;
  assert.deepEqual(["A", "B"].map((key) => has("uid:1", key)), [true, true]);
  assert.deepEqual(["10", "29"].map((key) => has("uid:2", key)), [false, true]);
});

storeTest("forget() removes what ended or was answered before a time, and nothing else", async (open, _, clock) => {
  const store = await open();
  for (const [id, endedAt] of [["A", 10], ["B", 20], ["C", 30]] as const) {
    await pass(store, id, { endedAt });
    clock.advance(1000);
  }
  assert.deepEqual(await endedIds(store), ["C", "B", "A"]);
  await store.forget(20, clock.now() - 1500);
  assert.deepEqual(await endedIds(store), ["C", "B"]);
  assert.deepEqual(["A", "B", "C"].map((key) => store.answer({ caller: "unknown", key })?.key), [
    undefined,
    undefined,
    "C",
  ]);
});
