import assert from "node:assert/strict";
import { isPort, readPort, readPortOrRange, readRange } from "../../src/port/port.ts";

Deno.test("isPort() and readPort() take whole numbers from 1 to 65535, and 0 where it is asked for", () => {
  assert.deepEqual([1, 65535, 0, 65536, 1.5, "80", NaN].map((value) => isPort(value)), [
    ...[true, true],
    ...[false, false, false, false, false],
  ]);
  assert.deepEqual([isPort(0, 0), readPort("0", 0), readPort("0"), readPort("65535")], [true, 0, undefined, 65535]);
  for (const text of ["", "65536", "80 ", "+80", "1e3", "0x50", "100000"]) assert.equal(readPort(text), undefined);
});

Deno.test("readRange() takes two ports in order, readPortOrRange() a single one too", () => {
  assert.deepEqual([readRange("80-90"), readPortOrRange("80-90")], Array(2).fill({ first: 80, last: 90 }));
  assert.deepEqual([readRange("80"), readPortOrRange("80")], [undefined, { first: 80, last: 80 }]);
  for (const text of ["", "0", "80-", "-80", "90-80", "1-65536", "1 - 2", "1e3"]) {
    assert.equal(readPortOrRange(text), undefined);
  }
});
