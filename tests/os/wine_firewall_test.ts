/** The firewall of Windows, read and written by Deno for Windows under Wine. */
import assert from "node:assert/strict";
import { MINGW, obtainComServer } from "../support/os/firewall_com_server.ts";
import { osTest } from "../support/os/requirement.ts";
import { Wine } from "../support/os/wine.ts";
import { WINE } from "../support/os/wine_root.ts";

osTest("on Windows the firewall is read from the registry and written through COM", [...WINE, MINGW], async () => {
  await using wine = await Wine.start();
  await wine.lay(await obtainComServer());
  const flags = ["--no-prompt", "-A", "--no-check", "--cached-only"];
  const { code, stdout, stderr } = await wine.deno(["test", ...flags, "tests/support/os/wine_firewall.ts"]);
  const [, passed] = /^ok \| (\d+) passed \| 0 failed \(/m.exec(stdout) ?? assert.fail(stdout + stderr);
  assert.ok(Number(passed) > 25, stdout); // of which about half is the conformance suite
  assert.equal(code, 0);
});
