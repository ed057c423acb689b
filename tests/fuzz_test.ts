/** A small share of the fuzzing; `deno task fuzz` does as much as it is asked to do. */
import assert from "node:assert/strict";
import { fuzz } from "./fuzz/fuzz.ts";

Deno.test({
  name: "no request, whole or malformed, causes a fault, a hang or growth of the daemon",
  ignore: Deno.build.os !== "linux", // the daemon is watched through /proc
  async fn() {
    const { faults, answers, slowestHealthMs } = await fuzz({ requests: 3000, raw: 3000, seed: 20_261_123 });
    assert.deepEqual(faults, []);
    for (const status of [200, 201, 204, 400, 401, 403, 404, 405, 413, 415, 421]) {
      assert.ok(answers[status]! > 0, `no answer was ${status}`);
    }
    assert.ok(slowestHealthMs > 0);
  },
});
