/** Tables on terminals of any width. */
import assert from "node:assert/strict";
import { cellsOf } from "../../src/cli/cells.ts";
import { shortenMiddle, shortenStart, table } from "../../src/cli/table.ts";
import { shortCommand } from "../../src/process/command_line.ts";

const HEAD = [
  { title: "NAME", least: 12, cut: shortenMiddle },
  "PORT",
  { title: "PROTO", spare: 1 },
  { title: "COMMAND", least: 10, cut: shortCommand, spare: 2 },
] as const;
const ROWS = [
  ["shop@a-branch-with-a-long-name/web", "20417", "tcp", "portd run web -- npm run dev -- --port 20417"],
  ["shop/サーバー", "20418", "tcp+udp", "サーバー --ポート 20418 --フォルダ /home/me/店"],
];

Deno.test("a table is no wider than the terminal, whatever that has, and keeps its name and port", () => {
  for (let width = 20; width <= 160; width++) {
    const lines = table(HEAD, ROWS, { width }).trimEnd().split("\n");
    for (const line of lines) assert.ok(cellsOf(line) <= width, `${width}: ${line}`);
    assert.match(lines[0]!, /^NAME +PORT/);
    assert.match(lines[1]!, /20417/);
  }
});

Deno.test("a table cuts commands and names in the middle before it leaves columns out", () => {
  assert.equal(
    table(HEAD, ROWS.slice(0, 1), { width: 60 }),
    "NAME                    PORT   PROTO  COMMAND\n" +
      "shop@a-bran…g-name/web  20417  tcp    portd …-- --port 20417\n",
  );
});

Deno.test("a table without a width cuts nothing", () => {
  const lines = table(HEAD, ROWS).split("\n");
  for (const [i, [name = "", , , command = ""]] of ROWS.entries()) {
    assert.ok(lines[i + 1]!.startsWith(name) && lines[i + 1]!.endsWith(command));
  }
});

Deno.test("a cell that goes on below stays in its column", () => {
  const head = ["CHECK", { title: "FINDING", least: 24, wraps: true }];
  const text = "the pool is used up: widen it, or release leases that nobody needs";
  assert.equal(
    table(head, [["pool", text]], { width: 40 }),
    "CHECK  FINDING\npool   the pool is used up: widen it, or\n       release leases that nobody needs\n",
  );
  assert.equal(table(head, [["pool", text]]), `CHECK  FINDING\npool   ${text}\n`);
});

Deno.test("the style of a cell does not move the columns", () => {
  const coloured = table(["A", "STATE", "B"], [["x", ["conflict", "red"], "y"]], { getColorDepth: () => 4 });
  // deno-lint-ignore no-control-regex -- the codes are what is looked for
  assert.equal(coloured.replaceAll(/\x1b\[\d+m/g, ""), table(["A", "STATE", "B"], [["x", "conflict", "y"]]));
  assert.ok(coloured.includes("\x1b[31mconflict\x1b[39m"));
});

Deno.test("names keep both ends, and addresses their end", () => {
  assert.equal(shortenMiddle("shop@a-long-branch/web", 11), "shop@…h/web");
  assert.equal(shortenMiddle("shop/web", 11), "shop/web");
  assert.equal(shortenStart("[2001:db8::1]:20417", 10), "…:1]:20417");
});
