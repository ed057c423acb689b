/** The parts of the benchmark that measure nothing. */
import assert from "node:assert/strict";
import { parseCpuTime } from "../bench/cpu.ts";
import { fileSystemOf } from "../bench/machine.ts";
import { interleave } from "../bench/rounds.ts";
import { type Line, type Target, verdictOf } from "../bench/row.ts";
import { median, percentile, ratiosOf, spreadOf } from "../bench/statistics.ts";
import { formatFigure, formatLines, formatNumber, formatSpread, formatTable } from "../bench/table.ts";
import { missingTools, PORTSERVER, WRK } from "../bench/tools.ts";
import { temporaryFolder } from "./support/folder.ts";

const LINE: Line = {
  what: "grants",
  portd: { median: 20_000, least: 19_000, most: 21_000, unit: "/s" },
  other: { median: 50_000, least: 49_000, most: 51_000, unit: "/s", what: "echo" },
  ratio: { median: 0.4, least: 0.38, most: 0.41 },
};

function verdict(target: Target): string | undefined {
  return verdictOf({ ...LINE, target });
}

Deno.test("median() is the middle value, or the mean of the two in the middle, in whatever order they come", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([10, 1, 2, 3]), 2.5);
  assert.equal(median([7]), 7);
});

Deno.test("median() and what stands on it refuse to tell anything of no values", () => {
  for (const tell of [median, spreadOf, (values: number[]) => percentile(values, 0.99)]) {
    assert.throws(() => tell([]), RangeError);
  }
});

Deno.test("percentile() takes the nearest rank", () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.equal(percentile(hundred, 0.99), 99);
  assert.equal(percentile(hundred, 0.5), 50);
  assert.equal(percentile(hundred, 1), 100);
  assert.equal(percentile([1, 2, 3], 0.99), 3);
  assert.equal(percentile([1, 2, 3], 0), 1);
});

Deno.test("spreadOf() sorts by number and leaves the values as they were", () => {
  const values = [10, 9, 100];
  assert.deepEqual(spreadOf(values), { median: 10, least: 9, most: 100 });
  assert.deepEqual(values, [10, 9, 100]);
});

Deno.test("ratiosOf() pairs the rounds and refuses those that do not pair up", () => {
  assert.deepEqual(ratiosOf([10, 30], [20, 40]), [0.5, 0.75]);
  assert.throws(() => ratiosOf([1, 2], [1]), /Cannot pair rounds: 2 of portd, 1 of the other$/);
});

Deno.test("interleave() measures the subjects in turn, one at a time", async () => {
  const order: string[] = [];
  let running = 0;
  const subject = (name: string) => async (round: number) => {
    assert.equal(++running, 1);
    await Promise.resolve();
    running--;
    order.push(`${name}${round}`);
    return round;
  };
  const rounds = await interleave(3, { peer: subject("a"), portd: subject("b") });
  assert.deepEqual(order, ["a0", "b0", "a1", "b1", "a2", "b2"]);
  assert.deepEqual(rounds, { peer: [0, 1, 2], portd: [0, 1, 2] });
});

Deno.test("verdictOf() judges the median of the ratio or of portd's figure, the bound itself included", () => {
  assert.equal(verdict({ of: "ratio", bound: "at least", value: 0.4 }), "met");
  assert.equal(verdict({ of: "ratio", bound: "at least", value: 0.5 }), "short");
  assert.equal(verdict({ of: "ratio", bound: "at most", value: 0.39 }), "short");
  assert.equal(verdict({ of: "portd", bound: "at most", value: 20_000 }), "met");
  assert.equal(verdict({ of: "portd", bound: "at least", value: 20_001 }), "short");
  assert.equal(verdictOf(LINE), undefined);
});

Deno.test("verdictOf() does not judge a ratio that was not measured", () => {
  const { ratio: _, ...without } = LINE;
  const target: Target = { of: "ratio", bound: "at least", value: 1 };
  assert.throws(() => verdictOf({ ...without, target }), /^Error: Cannot judge "grants": it has no ratio$/);
});

Deno.test("formatNumber() keeps three digits that mean something", () => {
  const texts = [0, 0.0123, 0.1, 0.456, 1.234, 12.34, 99.96, 100.4, 1234.5, 98_000].map(formatNumber);
  assert.deepEqual(texts, ["0.000", "0.012", "0.10", "0.46", "1.23", "12.3", "100.0", "100", "1,235", "98,000"]);
});

Deno.test("formatSpread() and formatFigure() show the range, unless there is but one value", () => {
  assert.equal(formatSpread({ median: 0.4, least: 0.38, most: 0.41 }), "0.40 (0.38–0.41)");
  assert.equal(formatSpread(spreadOf([81])), "81.0");
  assert.equal(formatFigure(LINE.portd), "20,000 (19,000–21,000) /s");
});

Deno.test("formatTable() lines the columns up and leaves no blanks at the ends", () => {
  assert.equal(formatTable([["a", "long"], ["wider", "b"], ["c", ""]]), "a      long\n-----  ----\nwider  b\nc\n");
});

Deno.test("formatLines() shows target and verdict, and a dash for what a line does not have", () => {
  const { other: _other, ratio: _ratio, ...alone } = LINE;
  const target: Target = { of: "ratio", bound: "at least", value: 0.5 };
  const [, , judged, plain] = formatLines([["grants", { ...LINE, target }], ["idle", alone]]).split("\n");
  assert.match(judged!, /^grants {2}grants {2}20,000 .* {2}50,000 .* \/s, echo {2}0\.40 .* {2}ratio ≥ 0\.5 {2}short$/);
  assert.match(plain!, /^idle {4}grants {2}20,000 \(19,000–21,000\) \/s {2}- +- +- +-$/);
});

Deno.test("formatLines() shows a target for portd's own figure in its unit", () => {
  const target: Target = { of: "portd", bound: "at most", value: 1000 };
  assert.match(formatLines([["start", { ...LINE, target }]]), / {2}≤ 1,000 \/s {2,}short$/m);
});

Deno.test("parseCpuTime() finds the times behind a command with blanks and parentheses", () => {
  const stat = "4711 (a) b (c) S 1 4711 4711 0 -1 4194304 100 0 0 0 25 7 0 0 20 0 9 0 812345 1 2 3";
  assert.deepEqual(parseCpuTime(stat), { userMs: 250, systemMs: 70 });
  assert.throws(() => parseCpuTime("4711 (deno) S 1"), SyntaxError);
});

Deno.test("fileSystemOf() tells the type of the deepest mount above a path", () => {
  const mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/b /tmp/disk xfs rw 0 0\n";
  assert.equal(fileSystemOf("/home/ada", mounts), "ext4");
  assert.equal(fileSystemOf("/tmp/portd-bench-1", mounts), "tmpfs");
  assert.equal(fileSystemOf("/tmp/disk/x", mounts), "xfs");
  assert.equal(fileSystemOf("/tmpfile", mounts), "ext4");
});

Deno.test("missingTools() names the tools that are in no folder of the search path", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/wrk`, "");
  await Deno.mkdir(`${folder.path}/portserver`);
  assert.deepEqual(missingTools([WRK, PORTSERVER], `/nonexistent:${folder.path}`), [PORTSERVER]);
});
