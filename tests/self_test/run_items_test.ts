/** The run of a self-test: what becomes of its items. */
import assert from "node:assert/strict";
import { fail, type Item, ok, refused, runItems, skipped, verdict } from "../../src/self_test/self_test.ts";

function item(id: string, run: Item["run"]): Item {
  return { id, does: `try ${id}`, run };
}

function options(signal = new AbortController().signal) {
  return {
    inFolder: (id: string, use: Item["run"]) => use(`/folder/${id}`),
    signal,
    redact: (value: unknown) => value === "secret" ? "<user>" : value,
  };
}

Deno.test("every item has a result, also one that throws, and what names the user is taken out", async () => {
  const results = await runItems([
    item("a", (folder) => Promise.resolve(ok(folder))),
    item("b", () => Promise.reject(new Error("secret"))),
    item("c", () => Promise.resolve(skipped("no desktop", "secret"))),
    item("d", () => Promise.resolve(fail("wrong"))),
  ], options());
  assert.deepEqual(results.map(({ ms: _, ...result }) => result), [
    { id: "a", state: "ok", reason: null, value: "/folder/a" },
    { id: "b", state: "fail", reason: "<user>", value: null },
    { id: "c", state: "skipped", reason: "no desktop", value: "<user>" },
    { id: "d", state: "fail", reason: "wrong", value: null },
  ]);
});

Deno.test("when the user interrupts, the item in hand ends and all others are skipped", async () => {
  const stop = new AbortController();
  const first = item("a", () => {
    stop.abort();
    return Promise.resolve(ok());
  });
  const results = await runItems([first, item("b", () => assert.fail("it runs"))], options(stop.signal));
  assert.deepEqual(results.map(({ state, reason }) => [state, reason]), [["ok", null], ["skipped", "interrupted"]]);
});

Deno.test("items for which rights are missing are skipped with the reason, and do nothing", async () => {
  const items = refused([item("fw", () => assert.fail("it runs"))], "that takes an administrator's rights");
  const [result] = await runItems(items, options());
  assert.deepEqual([result?.state, result?.reason], ["skipped", "that takes an administrator's rights"]);
});

Deno.test("a verdict has all objections", () => {
  assert.deepEqual(verdict([], 1), { state: "ok", value: 1 });
  assert.deepEqual(verdict(["a", "b"], 1), { state: "fail", reason: "a; b", value: 1 });
});
