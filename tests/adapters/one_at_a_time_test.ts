import assert from "node:assert/strict";
import type { NetworkFacts } from "../../src/adapters/adapters.ts";
import { oneAtATime } from "../../src/adapters/one_at_a_time.ts";
import { homeNetwork } from "../support/network.ts";

Deno.test("callers meanwhile share a read; the next caller has one of its own, also after a failure", async () => {
  const waiting: PromiseWithResolvers<NetworkFacts>[] = [];
  const reader = oneAtATime({
    read() {
      waiting.push(Promise.withResolvers());
      return waiting.at(-1)!.promise;
    },
  });
  const both = Promise.all([reader.read(), reader.read()]);
  assert.equal(waiting.length, 1);
  waiting[0]!.resolve(homeNetwork());
  const [first, second] = await both;
  assert.equal(first, second);
  const failing = reader.read();
  waiting[1]!.reject(new Error("Cannot read the network"));
  await assert.rejects(failing, /Cannot read the network/);
  void reader.read();
  assert.equal(waiting.length, 3);
});
