import assert from "node:assert/strict";
import { sidBytes, sidBytesAt, sidText } from "../../src/os/windows/sid.ts";
import { bytesOfHex } from "../support/hex.ts";

const SIDS: Readonly<Record<string, string>> = {
  "S-1-5-18": "0101000000000005 12000000",
  "S-1-5-21-2127521184-1604012920-1887927527-1001": "0105000000000005 15000000 a065cf7e 784b9b5f e77c8770 e9030000",
  "S-1-281474976710655-1": "0101ffffffffffff 01000000",
};

Deno.test("a SID is written and read as Windows does", () => {
  for (const [text, hex] of Object.entries(SIDS)) {
    const bytes = bytesOfHex(hex);
    assert.equal(sidText(bytes), text);
    assert.deepEqual(sidBytes(text), bytes);
  }
});

Deno.test("a SID ends where its second byte says", () => {
  const [system, user] = Object.values(SIDS).map((hex) => bytesOfHex(hex));
  assert.deepEqual(sidBytesAt(new Uint8Array([7, ...system!, ...user!]), 1), system);
});
