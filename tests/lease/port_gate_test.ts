import assert from "node:assert/strict";
import { PortGate } from "../../src/lease/port_gate.ts";

Deno.test("requests for many ports enter in their order, each when there is room", async () => {
  const gate = new PortGate();
  assert.equal(gate.enter(20), undefined);
  const entered: string[] = [];
  const waiting = [["large", 30], ["small", 8]].map(([name, ports]) =>
    gate.enter(ports as number)!.then(() => entered.push(name as string))
  );
  await Promise.resolve();
  assert.deepEqual(entered, []);
  gate.leave(20);
  await waiting[0];
  assert.deepEqual(entered, ["large"]);
  gate.leave(30);
  await waiting[1];
  assert.deepEqual(entered, ["large", "small"]);
});

Deno.test("a request whose caller leaves is out of the line, and the next one enters", async () => {
  const gate = new PortGate();
  gate.enter(32);
  const caller = new AbortController();
  const left = gate.enter(16, caller.signal)!;
  const next = gate.enter(16)!;
  caller.abort(new Error("hung up"));
  await assert.rejects(left, /hung up/);
  gate.leave(32);
  await next;
  assert.equal(gate.enter(16), undefined);
});
