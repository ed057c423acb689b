import assert from "node:assert/strict";
import { shortCommand } from "../../src/process/command_line.ts";

Deno.test("shortCommand() takes the program's folder away, quoted or not, and cuts", () => {
  assert.equal(shortCommand("/usr/bin/python3 -m http.server", 80), "python3 -m http.server");
  assert.equal(shortCommand('"C:\\Program Files\\nodejs\\node.exe" a/b.js', 80), "node.exe a/b.js");
  assert.equal(shortCommand("vite", 80), "vite");
  assert.equal(shortCommand("[kworker/0:1]", 80), "[kworker/0:1]");
  assert.equal(shortCommand("", 80), "");
  assert.equal(shortCommand("deno run main.ts", 8), "deno ru…");
});
