import assert from "node:assert/strict";
import fc from "fast-check";
import { slotNames, slotOf } from "../../src/project/slot.ts";
import { temporaryFolder } from "../support/folder.ts";

Deno.test("a slot is the project, in a worktree with its branch", () => {
  assert.equal(slotOf("shop"), "shop");
  assert.equal(slotOf("shop@login"), "shop_login");
  assert.equal(slotOf("my-shop@login"), "my_shop_login");
});

Deno.test("where more than separators changes, a hash keeps slots apart", () => {
  assert.match(slotOf("Shop"), /^shop_[0-9a-f]{6}$/);
  assert.match(slotOf("shop@feature/x"), /^shop_feature_x_[0-9a-f]{6}$/);
  assert.match(slotOf("7up"), /^p_7up_[0-9a-f]{6}$/);
  assert.notEqual(slotOf("shop@feature/x"), slotOf("shop@feature-x"));
});

Deno.test("every slot is a name of at most 63 characters, safe in databases and hosts", () => {
  fc.assert(fc.property(fc.string({ maxLength: 300 }), (name) => assert.match(slotOf(name), /^[a-z][a-z0-9_]{0,62}$/)));
});

Deno.test("outside of git there is no branch", async () => {
  await using folder = await temporaryFolder();
  assert.deepEqual(slotNames({ name: "shop", root: folder.path }), { project: "shop", branch: "", slot: "shop" });
});
