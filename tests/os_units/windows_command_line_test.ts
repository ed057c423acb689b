import assert from "node:assert/strict";
import fc from "fast-check";
import { joinCommandLine, quoteWord, splitCommandLine } from "../../src/os/windows/command_line.ts";

Deno.test("joinCommandLine() puts the program in quotes, and only those words that need it", () => {
  assert.equal(
    joinCommandLine(["C:\\Program Files\\portd\\portd.exe", "service", "run", "--state-dir", "C:\\My state\\", ""]),
    '"C:\\Program Files\\portd\\portd.exe" service run --state-dir "C:\\My state\\\\" ""',
  );
  assert.equal(joinCommandLine(["C:\\portd.exe"]), '"C:\\portd.exe"');
});

Deno.test("quoteWord() doubles backslashes only before a quote", () => {
  assert.equal(quoteWord("a\\b"), "a\\b");
  assert.equal(quoteWord('say "hi"'), '"say \\"hi\\""');
  assert.equal(quoteWord('a\\"b'), '"a\\\\\\"b"');
  assert.equal(quoteWord('"C:\\x y\\portd.exe" run'), '"\\"C:\\x y\\portd.exe\\" run"');
});

Deno.test("splitCommandLine() reads the examples of the manual", () => {
  const words = (text: string) => splitCommandLine(`program ${text}`).slice(1);
  assert.deepEqual(words('"a b c" d e'), ["a b c", "d", "e"]);
  assert.deepEqual(words('"ab\\"c" "\\\\" d'), ['ab"c', "\\", "d"]);
  assert.deepEqual(words('a\\\\\\b d"e f"g h'), ["a\\\\\\b", "de fg", "h"]);
  assert.deepEqual(words('a\\\\\\"b c d'), ['a\\"b', "c", "d"]);
  assert.deepEqual(words('a\\\\\\\\"b c" d e'), ["a\\\\b c", "d", "e"]);
  assert.deepEqual(words('a"b"" c d'), ['ab" c d']);
  assert.deepEqual(words('"" x'), ["", "x"]);
});

Deno.test("splitCommandLine() takes a program without quotes up to the first blank", () => {
  assert.deepEqual(splitCommandLine("C:\\Windows\\system32\\svchost.exe -k netsvcs  -p"), [
    "C:\\Windows\\system32\\svchost.exe",
    "-k",
    "netsvcs",
    "-p",
  ]);
  assert.deepEqual(splitCommandLine("  "), []);
});

Deno.test("what joinCommandLine() joins splitCommandLine() splits", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "\\", '"', " ", "\t", "ä", ":"), maxLength: 12 });
  fc.assert(fc.property(fc.array(letters, { maxLength: 6 }), (words) => {
    const whole = ["C:\\Program Files\\portd.exe", ...words] as [string, ...string[]];
    assert.deepEqual(splitCommandLine(joinCommandLine(whole)), whole);
  }));
});
