import assert from "node:assert/strict";
import type { LogFormat } from "../../src/log_line.ts";
import { type LogOptions, openLog } from "../../src/daemon/log.ts";
import { temporaryFolder } from "../support/folder.ts";

/** What the log has after `work`. */
async function logged(options: LogOptions, work: (log: Awaited<ReturnType<typeof openLog>>) => void): Promise<string> {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/daemon.log`;
  {
    await using log = await openLog(path, options);
    work(log);
  }
  return await Deno.readTextFile(path);
}

const HOSTILE = "name \x1b[2J\x9b2J\u202e\u2066\u2028\u200f\u061c end\r\nforged";

Deno.test("nothing that stands in a line of the log can steer the terminal that shows it, or forge another line", async () => {
  const text = await logged({}, (log) => log.line(HOSTILE));
  assert.match(text, /name \\x1b\[2J\\x9b2J\\u202e\\u2066\\u2028\\u200f\\u061c end\\x0d\\nforged\n$/);
  assert.equal(text.split("\n").length, 2);
});

Deno.test("a flood of the same line leaves a small log that says how many there were", async () => {
  const text = await logged({}, (log) => {
    for (let i = 0; i < 1000; i++) log.line(`cannot do ${i}`);
  });
  const lines = text.trimEnd().split("\n");
  assert.equal(lines.length, 21);
  assert.match(lines.at(-1)!, /… and 980 more like it: cannot do 0$/);
});

Deno.test("each line has its level: information, warning, or the error with which the daemon ends", async () => {
  const text = await logged({}, (log) => {
    log.line("stopping");
    log.line("the pool is small", "warning");
    log.failure("Cannot listen");
  });
  const patterns = [/ \[info\] .*stopping$/i, / \[warning\] .*the pool is small$/i, / \[error\] .*Cannot listen$/i];
  for (const [i, line] of text.trimEnd().split("\n").entries()) assert.match(line, patterns[i]!);
});

Deno.test("lines that are less grave than the level are not written", async () => {
  for (const [level, expected] of [["error", 1], ["warning", 2], ["info", 3], ["debug", 4]] as const) {
    const text = await logged({ level }, ({ line, failure, details }) => {
      line("a");
      line("b", "warning");
      failure("c");
      details?.("d", {});
      assert.equal(details !== undefined, level === "debug", level);
    });
    assert.equal(text.trimEnd().split("\n").length, expected, level);
  }
});

Deno.test("as JSON each line is one document, whatever is in it", async () => {
  const text = await logged({ level: "debug", format: "json" }, (log) => {
    log.line(HOSTILE, "warning");
    log.details!(HOSTILE, { route: HOSTILE, ms: 1.5 });
  });
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/);
  const [first, second, ...others] = text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(others, []);
  assert.deepEqual([first.level, first.message], ["warning", HOSTILE]);
  assert.deepEqual([second.level, second.route, second.ms], ["debug", HOSTILE, 1.5]);
  assert.match(second.time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

Deno.test("as text a line has its fields behind it", async () => {
  const text = await logged({ level: "debug" }, (log) => log.details!("GET /v1 200", { ms: 1.5, from: HOSTILE }));
  assert.match(text, /GET \/v1 200 ms=1\.5 from=name \\x1b.*\\nforged\n$/);
});

Deno.test("details are not limited a minute, as whoever turns them on wants each of them", async () => {
  const text = await logged({ level: "debug" }, (log) => {
    for (let i = 0; i < 100; i++) log.details!("GET /v1 200", {});
  });
  assert.equal(text.trimEnd().split("\n").length, 100);
});

Deno.test("no line is longer than the log takes", async () => {
  for (const format of ["text", "json"] satisfies LogFormat[]) {
    const text = await logged({ level: "debug", format }, (log) => {
      log.line("x".repeat(100_000));
      log.failure("y".repeat(100_000));
      log.details!("z".repeat(100_000), {});
    });
    for (const line of text.trimEnd().split("\n")) assert.ok(line.length < 8500, format);
    assert.equal(text.match(/… \(100000 characters\)/g)?.length, 3);
  }
});
