import assert from "node:assert/strict";
import type { HistoryFilter, HistoryPlace, Store } from "../../../src/lease/store/store.ts";
import { Turns } from "../../../src/os/turns.ts";
import { fillHistory, pass, storeTest } from "../../support/store.ts";

/** All that passes a filter, page by page. */
async function search(store: Store, filter: Partial<HistoryFilter>): Promise<{ ids: string[]; pages: number }> {
  const ids: string[] = [];
  let before: HistoryPlace | undefined, pages = 0;
  for (;;) {
    const { records, next } = await store.history({ limit: 1000, ...filter, before });
    ids.push(...records.map(({ id }) => id.replace(/^0+/, "")));
    pages++;
    if (next === null) return { ids, pages };
    assert.notDeepEqual(next, before);
    before = next;
  }
}

storeTest("history() filters by name, last part of a name, project, port, state and label", async (open) => {
  const store = await open();
  await pass(store, "A", { endedAt: 10, name: "shop/web", project: "shop", labels: { job: "1" } });
  await pass(store, "B", { endedAt: 20, name: "shop/cobweb", project: "shop", labels: { job: "2" } });
  await pass(store, "C", { endedAt: 30, name: "blog/web", project: "blog", port: 4000 });
  const ids = async (filter: Partial<HistoryFilter>) => (await search(store, filter)).ids;
  assert.deepEqual(await ids({}), ["C", "B", "A"]);
  assert.deepEqual(await ids({ name: "web" }), ["C", "A"]);
  assert.deepEqual(await ids({ name: "shop/web" }), ["A"]);
  assert.deepEqual(await ids({ project: "shop" }), ["B", "A"]);
  assert.deepEqual(await ids({ port: 4000 }), ["C"]);
  assert.deepEqual(await ids({ state: "released", limit: 1 }), ["C", "B", "A"]);
  assert.deepEqual(await ids({ state: "expired" }), []);
  assert.deepEqual(await ids({ label: ["job", "1"] }), ["A"]);
  assert.deepEqual(await ids({ label: ["job", "1"], name: "cobweb" }), []);
});

storeTest("a search that finds nothing stops at its budget of rows and goes on from there", async (open) => {
  const store = await open({ mostHistoryRows: 10 });
  for (let i = 100; i < 145; i++) await pass(store, String(i), { endedAt: Math.floor(i / 7), name: "shop/web" });
  assert.deepEqual(await search(store, { name: "nope" }), { ids: [], pages: 5 });
  const newestFirst = Array.from({ length: 45 }, (_, i) => String(144 - i));
  assert.deepEqual(await search(store, { name: "web" }), { ids: newestFirst, pages: 5 });
  assert.deepEqual((await search(store, { limit: 7 })).ids, newestFirst);
});

storeTest("a page ends where its leases get too large", async (open) => {
  const store = await open();
  const labels = { long: "x".repeat(400_000) };
  for (const [i, id] of ["A", "B", "C", "D"].entries()) await pass(store, id, { endedAt: i, labels });
  assert.deepEqual(await search(store, {}), { ids: ["D", "C", "B", "A"], pages: 2 });
});

storeTest("a search pauses between its slices, and misses what is deleted meanwhile", async (open) => {
  let pauses = 0;
  const pause = () => Promise.resolve(pauses++);
  const store = await open({ turns: () => new Turns({ turnMs: 0, pause }) });
  await fillHistory(store, 5000);
  assert.deepEqual(await search(store, { label: ["no", "such"] }), { ids: [], pages: 1 });
  assert.ok(pauses >= 2, `${pauses} pauses in 5,000 rows`);
  const [{ ids }] = await Promise.all([search(store, { limit: 5000 }), store.forget(4000, 0)]);
  assert.deepEqual(ids.slice(0, 1000), Array.from({ length: 1000 }, (_, i) => String(4999 - i)));
});

storeTest("a thousand searches wait for the one that runs, and the next is refused", async (open) => {
  const store = await open();
  await pass(store, "A", { endedAt: 10 });
  const results = await Promise.allSettled(Array.from({ length: 1010 }, () => search(store, {})));
  const served = results.filter(({ status }) => status === "fulfilled").length;
  assert.equal(served, 1001);
  for (const result of results) {
    if (result.status === "rejected") assert.equal(result.reason.code, "store_unavailable");
  }
  assert.deepEqual((await search(store, {})).ids, ["A"]);
});

storeTest("a search ends for who has gone, and for everybody when the file is closed", async (open) => {
  const store = await open();
  await pass(store, "A", { endedAt: 10 });
  const gone = new Error("gone");
  await assert.rejects(store.history({ limit: 1 }, AbortSignal.abort(gone)), gone);
  const waiting = [1, 2].map(() => store.history({ limit: 1 }).catch(({ code }) => code));
  await store.close();
  assert.deepEqual(await Promise.all(waiting), ["shutting_down", "shutting_down"]);
});
