import assert from "node:assert/strict";
import { addressBytes, addressText, withoutZone } from "../../src/os/address.ts";

Deno.test("addressBytes() reads what addressText() writes", () => {
  const texts = [
    "127.0.0.1",
    "255.0.10.1",
    "::",
    "::1",
    "fe80::1:0:0:2",
    "2001:db8::",
    "1:2:3:4:5:6:7:8",
    "::ffff:127.0.0.1",
  ];
  for (const text of texts) assert.equal(addressText(addressBytes(text)!), text);
  assert.deepEqual(addressBytes("::1"), [...new Array(15).fill(0), 1]);
});

Deno.test("addressBytes() refuses what is no address", () => {
  const texts = [
    "",
    "localhost",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "1.2.3.x",
    "1:2",
    ":::",
    "::1::",
    "12345::",
    "1:2:3:4:5:6:7:8:9",
  ];
  assert.deepEqual(texts.filter((text) => addressBytes(text) !== undefined), []);
});

Deno.test("a zone is cut from the address that has one", () => {
  assert.equal(withoutZone("fe80::1%eth0"), "fe80::1");
  assert.equal(withoutZone("192.0.2.1"), "192.0.2.1");
});
