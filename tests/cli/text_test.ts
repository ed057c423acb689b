/** What the command line reads and writes: durations, values of flags, placeholders, text for a terminal. */
import assert from "node:assert/strict";
import { formatDuration, parseDuration } from "../../src/duration.ts";
import { parseCount, parsePair, parsePort, parsePortRange, parseVariable } from "../../src/cli/parse.ts";
import { checkPlaceholders, fillPlaceholders, portVariables } from "../../src/cli/run/placeholders.ts";
import { table } from "../../src/cli/table.ts";
import {
  columnTime,
  escapeControls,
  hang,
  shorten,
  styled,
  toJson,
  withTimesFor,
  wrap,
} from "../../src/cli/terminal.ts";

Deno.test("parseDuration() reads every unit, and sums in falling order", () => {
  const texts = { "0": 0, "500ms": 500, "30s": 30_000, "30m": 1_800_000, "2h": 7_200_000, "7d": 604_800_000 };
  for (const [text, ms] of Object.entries(texts)) assert.equal(parseDuration(text), ms);
  assert.equal(parseDuration("1h30m"), 5_400_000);
  assert.equal(parseDuration("1d2h3m4s5ms"), 93_784_005);
});

Deno.test("parseDuration() refuses everything else and says what would work", () => {
  for (const text of ["", "30", "1.5h", "-1s", "30 m", "30M", "5m1h", "1e3s", "s", "99999999s"]) {
    assert.throws(() => parseDuration(text), /must be a duration like 500ms, 30s, 30m, 2h or 7d/, text);
  }
});

Deno.test("formatDuration() gives the two greatest units", () => {
  const durations = { 0: "0ms", 999: "999ms", 1000: "1s", 61_000: "1m 1s", 5_400_000: "1h 30m", 90_061_000: "1d 1h" };
  for (const [ms, text] of Object.entries(durations)) assert.equal(formatDuration(Number(ms)), text);
  assert.equal(formatDuration(-5), "0ms");
});

Deno.test("values of flags are checked once, at the edge", () => {
  assert.equal(parsePort("65535"), 65535);
  assert.equal(parsePort("0", 0), 0);
  assert.deepEqual(parsePortRange("3000-3999"), { first: 3000, last: 3999 });
  assert.deepEqual(parsePair("a=b=c"), ["a", "b=c"]);
  assert.deepEqual(parsePair("a="), ["a", ""]);
  assert.equal(parseCount("3"), 3);
  assert.equal(parseVariable("API_PORT"), "API_PORT");
  for (const text of ["0", "65536", "1e3", "0x10", " 1", ""]) assert.throws(() => parsePort(text), SyntaxError, text);
  for (const text of ["3999-3000", "0-1", "1-65536", "1", "1-"]) assert.throws(() => parsePortRange(text), SyntaxError);
  for (const text of ["a", "=b", ""]) assert.throws(() => parsePair(text), SyntaxError);
  for (const text of ["0", "-1", "x"]) assert.throws(() => parseCount(text), SyntaxError);
  for (const text of ["1X", "A-B", "A B", ""]) assert.throws(() => parseVariable(text), SyntaxError);
});

Deno.test("placeholders are filled with the first port and with named ones", () => {
  const ports = [{ name: "web", port: 1 }, { name: "my-api", port: 2 }];
  const filled = fillPlaceholders(["{port}", "--api={port:my-api},{port:web}", "{PORT}", "{port:}"], ports);
  assert.deepEqual(filled, ["1", "--api=2,1", "{PORT}", "{port:}"]);
  assert.deepEqual(portVariables(ports), { PORT: "1", WEB_PORT: "1", MY_API_PORT: "2" });
  assert.deepEqual(portVariables([{ name: undefined, port: 5 }]), { PORT: "5" });
});

Deno.test("a placeholder of no service is refused before anything is leased", () => {
  assert.throws(() => checkPlaceholders(["{port:api}"], ["web"]), /Cannot fill \{port:api\}: the names are web/);
  assert.throws(() => checkPlaceholders(["{port:api}"], []), /no name is given/);
  assert.doesNotThrow(() => checkPlaceholders(["{port} {port:web}"], ["web"]));
});

Deno.test("no text can control the terminal", () => {
  assert.equal(escapeControls("a\x1b[2J\r\n\x9b\u202e\u2066b ä"), "a\\x1b[2J\\x0d\\x0a\\x9b\\u202e\\u2066b ä");
  const json = toJson({ a: "\x1b\x9b\u202e" });
  assert.equal(json, '{"a":"\\u001b\\u009b\\u202e"}');
  assert.deepEqual(JSON.parse(json), { a: "\x1b\x9b\u202e" });
});

Deno.test("table() lines columns up and keeps each row on its line", () => {
  assert.equal(table(["A", "LONGER"], [["xyz", "1"], ["a\nb", ""]]), "A       LONGER\nxyz     1\na\\x0ab\n");
  assert.equal(shorten("abcdef", 4), "abc…");
  assert.equal(shorten("abcd", 4), "abcd");
});

Deno.test("wrap() breaks at blanks, and hang() puts the lines below the text", () => {
  assert.deepEqual(wrap("one two three", 7), ["one two", "three"]);
  assert.deepEqual(wrap("/a/very/long/path then", 7), ["/a/very/long/path", "then"]);
  assert.deepEqual(wrap("\x1b[1mone\x1b[22m two", 7), ["\x1b[1mone\x1b[22m two"]);
  assert.deepEqual(wrap("", 7), [""]);
  const some = (count: number) => Array(count).fill("word").join(" "), words = some(12);
  assert.equal(hang("head  ", words, 40), `head  ${some(7)}\n      ${some(5)}`);
  assert.equal(hang("head  ", words, Infinity), `head  ${words}`);
  for (const line of hang("a head of half a line  ", words, 40).split("\n")) assert.ok(line.length <= 40, line);
});

Deno.test("a terminal gets instants in local time, everything else gets them in UTC", () => {
  const instant = "2026-11-23T22:20:36.517Z", time = new Date(instant);
  const pad = (number: number) => String(number).padStart(2, "0");
  const local = `2026-${pad(time.getMonth() + 1)}-${pad(time.getDate())} ${pad(time.getHours())}:20:36`;
  assert.equal(withTimesFor({ isTerminal: false }, `until ${instant}`), `until ${instant}`);
  const shown = withTimesFor({ isTerminal: true }, `until ${instant}, or 2026-11-23T22:20:36Z.`);
  assert.equal(shown, `until ${local}, or ${local}.`);
});

Deno.test("a column on a terminal has no date in front of a time of today", () => {
  const instant = "2026-11-23T12:00:00.000Z", at = new Date(instant), tomorrow = new Date(at.getTime() + 86_400_000);
  const local = withTimesFor({ isTerminal: true }, instant);
  assert.equal(columnTime({ isTerminal: true }, instant, at), local.split(" ")[1]);
  assert.equal(columnTime({ isTerminal: true }, instant, tomorrow), local);
  assert.equal(columnTime({ isTerminal: false }, instant, at), instant);
});

Deno.test("styled() changes nothing where there are no colours", () => {
  assert.equal(styled("conflict", "red", { getColorDepth: () => 1 }), "conflict");
  assert.equal(styled("conflict", "red", { getColorDepth: () => 4 }), "\x1b[31mconflict\x1b[39m");
  assert.equal(styled("granted", undefined, { getColorDepth: () => 4 }), "granted");
});
