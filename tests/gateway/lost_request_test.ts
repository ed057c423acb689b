/** Requests that come while a pass of the mapper ends. */
import assert from "node:assert/strict";
import { MappingHost, wish } from "../support/gateway/mapping_host.ts";

Deno.test("a request is taken up at once, however close to the end of a pass it comes", async () => {
  for (let turns = 0; turns < 80; turns++) {
    await using host = new MappingHost();
    host.wanted = [wish()];
    host.mapper.request();
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    host.wanted = [];
    host.mapper.request();
    await host.settle();
    assert.deepEqual([host.mappings.length, host.disk.size], [0, 0], `after ${turns} turns`);
  }
});
