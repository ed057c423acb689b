import assert from "node:assert/strict";
import { openLog } from "../../src/daemon/log.ts";
import { temporaryFolder } from "../support/folder.ts";

Deno.test("nothing that stands in a line of the log can steer the terminal that shows it, or forge another line", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/daemon.log`;
  {
    await using log = await openLog(path);
    log.line("name \x1b[2J\x9b2J\u202e\u2066\u2028\u200f\u061c end\nforged");
  }
  const text = await Deno.readTextFile(path);
  assert.match(text, /name \\x1b\[2J\\x9b2J\\u202e\\u2066\\u2028\\u200f\\u061c end\\nforged\n$/);
  assert.equal(text.split("\n").length, 2);
});

Deno.test("a flood of the same line leaves a small log that says how many there were", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/daemon.log`;
  {
    await using log = await openLog(path);
    for (let i = 0; i < 1000; i++) log.line(`cannot do ${i}`);
  }
  const lines = (await Deno.readTextFile(path)).trimEnd().split("\n");
  assert.equal(lines.length, 21);
  assert.match(lines.at(-1)!, /… and 980 more like it: cannot do 0$/);
});

Deno.test("why the daemon ends is logged as an error, other lines as information", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/daemon.log`;
  {
    await using log = await openLog(path);
    log.line("stopping");
    log.failure("Cannot listen");
  }
  assert.match(await Deno.readTextFile(path), /^\S+ \[info\] .*stopping\n\S+ \[error\] .*Cannot listen\n$/i);
});
