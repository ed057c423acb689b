import assert from "node:assert/strict";
import fc from "fast-check";
import { readPidRequest } from "../../src/compat/pid_request.ts";

const read = (text: string) => readPidRequest(new TextEncoder().encode(text));

Deno.test("a request is a process number, with a line end or without", () => {
  for (
    const [text, pid] of [["4711\n", 4711], ["4711", 4711], [" 4711 \r\n", 4711], ["+4711", 4711], ["4_711", 4711]]
  ) {
    assert.equal(read(String(text)), pid, JSON.stringify(text));
  }
});

Deno.test("what names no process that may have ports is none", () => {
  const texts = ["", "\n", "0", "1", "-4711", "abc", "47 11", "4711x", "0x10", "1e3", "4.5", "_5", "5_", "5__5"];
  for (const text of [...texts, "4711\0", "4294967296", "9".repeat(20), " ".repeat(20) + "7"]) {
    assert.equal(read(text), undefined, JSON.stringify(text));
  }
});

Deno.test("any bytes are a process number or none", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
    const pid = readPidRequest(bytes);
    assert.ok(pid === undefined || (Number.isSafeInteger(pid) && pid > 1));
  }));
});
