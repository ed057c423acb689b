/** Artefacts of self-tests: which names are ours, and what a cleanup removes. */
import assert from "node:assert/strict";
import { newTag, PREFIX, removeArtefacts, tagOf } from "../../src/self_test/artefact.ts";

Deno.test("every run has a tag of its own, which is found in the names that it makes", () => {
  const tag = newTag();
  assert.match(tag, /^[0-9a-f]{16}$/);
  assert.notEqual(newTag(), tag);
  assert.equal(tagOf(`${PREFIX}${tag}`), tag);
  assert.equal(tagOf(`${PREFIX}${tag} second`), tag);
});

Deno.test("a name that only looks like one of ours has no tag", () => {
  for (
    const name of ["portd", "portd-selftest-", "portd-selftest-0123456789abcde", "my portd-selftest-0123456789abcdef"]
  ) {
    assert.equal(tagOf(name), undefined, name);
  }
  assert.equal(tagOf(`${PREFIX}0123456789abcdef0`), undefined, "a longer number");
});

Deno.test("a cleanup removes all of runs that have ended, and goes on after a failure", async () => {
  const removed: string[] = [];
  const artefact = (what: string, tag: string, error?: Error) => ({
    what,
    tag,
    remove: () => error === undefined ? Promise.resolve(void removed.push(what)) : Promise.reject(error),
  });
  const removals = await removeArtefacts([
    () => Promise.resolve([artefact("rule", "a", new Error("no rights")), artefact("rule 2", "a")]),
    () => Promise.reject(new Error("cannot list services")),
    () => Promise.resolve([artefact("folder", "a"), artefact("folder 2", "b")]),
  ], (tag) => tag === "b");
  assert.deepEqual(removed, ["rule 2", "folder"]);
  assert.deepEqual(removals, [
    { what: "rule", state: "failed", reason: "no rights" },
    { what: "rule 2", state: "removed", reason: null },
    { what: "leftovers", state: "failed", reason: "cannot list services" },
    { what: "folder", state: "removed", reason: null },
    { what: "folder 2", state: "in use", reason: "the self-test that made it still runs" },
  ]);
});
