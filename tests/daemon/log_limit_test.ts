import assert from "node:assert/strict";
import { LogLimit } from "../../src/daemon/log_limit.ts";
import { FakeClock } from "../support/clock.ts";

function limitOf(): { clock: FakeClock; written: string[]; limit: LogLimit } {
  const clock = new FakeClock(), written: string[] = [];
  return { clock, written, limit: new LogLimit({ clock, write: (line) => written.push(line) }) };
}

Deno.test("lines that begin alike are written twenty times a minute, then counted, and the count is written", () => {
  const { clock, written, limit } = limitOf();
  for (let i = 0; i < 143; i++) limit.line(`cannot serve request ${i}: it broke`);
  limit.line("another thing");
  assert.equal(written.length, 21);
  assert.equal(written.at(-1), "another thing");
  clock.advance(60_000);
  assert.deepEqual(written.slice(21), ["… and 123 more like it: cannot serve request 0: it broke"]);
  limit.line("cannot serve request 0: it broke");
  assert.equal(written.length, 23);
});

Deno.test("a log that ends says what it has left out", () => {
  const { written, limit } = limitOf();
  for (let i = 0; i < 25; i++) limit.line("the same");
  limit.end();
  assert.deepEqual(written.slice(20), ["… and 5 more like it: the same"]);
});

Deno.test("no flood of lines, alike or not, short or long, takes more than 300 KB a minute", () => {
  for (const length of [10, 100, 5000, 1_000_000]) {
    for (const differ of [true, false]) {
      const { clock, written, limit } = limitOf();
      const word = (i: number) => differ ? String.fromCharCode(97 + i % 26, 97 + i / 26 % 26, 97 + i / 676 % 26) : "a";
      for (let i = 0; i < 3000; i++) limit.line(word(i).padEnd(length, "x"));
      clock.advance(60_000);
      const characters = written.reduce((sum, line) => sum + line.length, 0);
      assert.ok(characters < 300_000, `${characters} characters of lines of ${length}`);
      const left = written.map((line) => Number(/^… and (\d+) more/.exec(line)?.[1] ?? 0));
      const whole = left.reduce((sum, count) => sum + (count === 0 ? 1 : count), 0);
      assert.equal(whole, 3000, "each line is written or counted");
    }
  }
});

Deno.test("a single line is cut where it is too long to be read", () => {
  const { written, limit } = limitOf();
  limit.line("x".repeat(100_000));
  assert.match(written[0]!, /^x{8192}… \(100000 characters\)$/);
});
