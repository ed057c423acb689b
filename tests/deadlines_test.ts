import assert from "node:assert/strict";
import { Deadlines } from "../src/deadlines.ts";
import { FakeClock } from "./support/clock.ts";

/** A clock that counts its timers. */
class CountingClock extends FakeClock {
  started = 0;
  running = 0;

  override after(ms: number, callback: () => void): () => void {
    this.started++;
    this.running++;
    const cancel = super.after(ms, () => {
      this.running--;
      callback();
    });
    return () => {
      this.running--;
      cancel();
    };
  }
}

Deno.test("Deadlines call each that is late once, none too early, and none that was done in time", () => {
  const clock = new CountingClock();
  const deadlines = new Deadlines(10_000, clock);
  const late: string[] = [];
  const [first, second, third] = ["first", "second", "third"].map((name) => () => late.push(name));
  deadlines.add(first!);
  clock.advance(4000);
  deadlines.add(second!);
  deadlines.remove(deadlines.add(third!));
  clock.advance(5999);
  assert.deepEqual(late, []);
  clock.advance(1);
  assert.deepEqual(late, ["first"]);
  clock.advance(3999);
  assert.deepEqual(late, ["first"]);
  clock.advance(1);
  assert.deepEqual(late, ["first", "second"]);
  assert.equal(clock.running, 0);
});

Deno.test("Deadlines have one timer for all, which ends when nobody waits any more and they rest", () => {
  const clock = new CountingClock();
  const deadlines = new Deadlines(10_000, clock);
  const waiting = Array.from({ length: 1000 }, () => deadlines.add(() => {}));
  assert.deepEqual([clock.started, clock.running], [1, 1]);
  for (const deadline of waiting) deadlines.remove(deadline);
  const [first, second] = [deadlines.add(() => {}), deadlines.add(() => {})];
  deadlines.remove(first);
  deadlines.remove(first);
  assert.deepEqual([clock.started, clock.running], [1, 1]);
  deadlines.rest();
  assert.equal(clock.running, 1);
  deadlines.remove(second);
  assert.equal(clock.running, 0);
});

Deno.test("Deadlines have no timer when nobody has waited for as long as a deadline is away", () => {
  const clock = new CountingClock();
  const deadlines = new Deadlines(10_000, clock);
  deadlines.remove(deadlines.add(() => {}));
  clock.advance(10_000);
  assert.equal(clock.running, 0);
});
