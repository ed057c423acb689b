import assert from "node:assert/strict";
import { PortGate } from "../../src/lease/port_gate.ts";
import { FakeClock } from "../support/clock.ts";

Deno.test("requests for many ports enter in their order, each when there is room and a moment after the one before", async () => {
  const clock = new FakeClock(), gate = new PortGate(clock);
  assert.equal(gate.enter(20), undefined);
  const entered: string[] = [];
  const waiting = [["large", 30], ["small", 8]].map(([name, ports]) =>
    gate.enter(ports as number)!.then(() => entered.push(name as string))
  );
  await Promise.resolve();
  assert.deepEqual(entered, []);
  gate.leave(20);
  await Promise.resolve();
  assert.deepEqual(entered, []);
  clock.advance(1);
  await waiting[0];
  assert.deepEqual(entered, ["large"]);
  gate.leave(30);
  clock.advance(2);
  await waiting[1];
  assert.deepEqual(entered, ["large", "small"]);
});

Deno.test("a request that comes in the pause waits for its end", async () => {
  const clock = new FakeClock(), gate = new PortGate(clock);
  gate.enter(256);
  gate.leave(256);
  let isIn = false;
  const entering = gate.enter(8)!.then(() => isIn = true);
  clock.advance(10);
  await Promise.resolve();
  assert.equal(isIn, false);
  clock.advance(1);
  await entering;
});

Deno.test("a request whose caller leaves is out of the line, and the next one enters", async () => {
  const clock = new FakeClock(), gate = new PortGate(clock);
  gate.enter(32);
  const caller = new AbortController();
  const left = gate.enter(16, caller.signal)!;
  const next = gate.enter(16)!;
  caller.abort(new Error("hung up"));
  await assert.rejects(left, /hung up/);
  gate.leave(32);
  clock.advance(2);
  await next;
  assert.equal(gate.enter(16), undefined);
});
