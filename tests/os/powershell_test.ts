/** What portd has for PowerShell is PowerShell: the script that installs it, and what the documents say to type. */
import assert from "node:assert/strict";
import { homeNetwork } from "../support/network.ts";
import { npmRegistry, osTest, tools } from "../support/os/requirement.ts";
import { openPowerShellParser } from "../support/os/powershell_parser.ts";

const ROOT = new URL("../../", import.meta.url);

async function read(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, ROOT));
}

osTest(
  "install.ps1 and the commands of the documents are PowerShell",
  [tools("npm", "tar"), npmRegistry],
  async (t) => {
    const faultsIn = await openPowerShellParser();
    await t.step("what is none is found", () => {
      assert.deepEqual(faultsIn('if ($a -eq 1) { Write-Host "x" }\n'), []);
      assert.notDeepEqual(faultsIn('if ($a -eq 1 { Write-Host "x" }\n'), []);
      assert.notDeepEqual(faultsIn("portd stop && & portd (\n"), []);
    });
    await t.step("install.ps1", async () => {
      assert.deepEqual(faultsIn(await read("packaging/windows/install.ps1")), []);
    });
    await t.step("the commands that fix an address, also with an odd name of the adapter", () => {
      for (const name of ["Ethernet", "イーサネット 2", "a'b; reboot", "$(x) | y", "LAN [2]", 'a"b']) {
        const { fixCommands } = homeNetwork({ managedBy: "Windows", name, profile: null });
        assert.equal(fixCommands.length, 5);
        assert.deepEqual(faultsIn(`${fixCommands.join("\n")}\n`), [], name);
      }
    });
    for (const name of ["platforms.md", "windows.md", "windows.ja.md"]) {
      await t.step(`docs/${name}`, async () => {
        const blocks = [...(await read(`docs/${name}`)).matchAll(/^```powershell\n(.*?)^```$/gms)].map(([, text]) =>
          text!
        );
        assert.ok(blocks.length > 0);
        for (const block of blocks) assert.deepEqual(faultsIn(block), [], block);
      });
    }
  },
);
