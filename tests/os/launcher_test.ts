/** The launcher of the npm package, by the Node of this machine; tests/os/binary_test.ts runs it by a newer one too. */
import { testLauncher } from "../support/os/launcher.ts";
import { linux, osTest, tools } from "../support/os/requirement.ts";
import { runTool } from "../support/os/tool.ts";

osTest("the launcher of the npm package starts portd as if it were portd", [linux, tools("node", "sh")], async (t) => {
  await testLauncher(t, (await runTool("sh", ["-c", "command -v node"])).trim());
});
