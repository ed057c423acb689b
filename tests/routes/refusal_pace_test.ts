import assert from "node:assert/strict";
import { RefusalPace } from "../../routes/refusal_pace.ts";
import { FakeClock } from "../support/clock.ts";

const refusal = () => new Response(null, { status: 503 });

Deno.test("a few refusals are answered at once", () => {
  const pace = new RefusalPace(new FakeClock());
  for (let i = 0; i < 20; i++) assert(pace.answer(refusal()) instanceof Response, `refusal ${i}`);
});

Deno.test("refusals of a flood are answered one every 10 ms", async () => {
  const clock = new FakeClock(), pace = new RefusalPace(clock);
  for (let i = 0; i < 20; i++) pace.answer(refusal());
  const answered: number[] = [];
  for (let i = 0; i < 3; i++) Promise.resolve(pace.answer(refusal())).then(() => answered.push(i));
  for (let count = 0; count <= 3; count++) {
    await settle();
    assert.equal(answered.length, count);
    clock.advance(10);
  }
});

Deno.test("no refusal waits longer than five seconds, and the pace does not fall behind for ever", async () => {
  const clock = new FakeClock(), pace = new RefusalPace(clock);
  const flood = Array.from({ length: 5000 }, () => pace.answer(refusal()));
  clock.advance(5000);
  await Promise.all(flood);
  const later = pace.answer(refusal());
  clock.advance(10);
  await later;
});

Deno.test("after a pause refusals are answered at once again", () => {
  const clock = new FakeClock(), pace = new RefusalPace(clock);
  for (let i = 0; i < 100; i++) pace.answer(refusal());
  clock.advance(2000);
  assert(pace.answer(refusal()) instanceof Response);
});

Deno.test("a bounded number of refusals waits, and the others are answered at once", () => {
  const pace = new RefusalPace(new FakeClock());
  const flood = Array.from({ length: 20 + 4096 + 1 }, () => pace.answer(refusal()));
  assert.equal(flood.filter((answer) => answer instanceof Promise).length, 4096);
  assert(flood.at(-1) instanceof Response);
});

Deno.test("end() answers all that wait, and every later refusal at once", async () => {
  const pace = new RefusalPace(new FakeClock());
  const flood = Array.from({ length: 100 }, () => pace.answer(refusal()));
  pace.end();
  await Promise.all(flood);
  assert(pace.answer(refusal()) instanceof Response);
});

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}
