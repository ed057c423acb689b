/** Ending processes on Windows: the tests of the handle, run by Deno for Windows under Wine. */
import assert from "node:assert/strict";
import { osTest } from "../support/os/requirement.ts";
import { Wine } from "../support/os/wine.ts";
import { WINE } from "../support/os/wine_root.ts";

const FLAGS = ["--no-prompt", "-A", "--no-check", "--cached-only"];

osTest("on Windows a handle ends its process and no other", WINE, async () => {
  await using wine = await Wine.start();
  const filter = "--filter=the handle of this system";
  const { code, stdout } = await wine.deno(["test", ...FLAGS, filter, "tests/terminate/handle_test.ts"]);
  assert.equal(code, 0, stdout);
  const [, passed] = /^ok \| (\d+) passed \| 0 failed/m.exec(stdout) ?? [];
  assert.ok(Number(passed) >= 5, stdout);
});
