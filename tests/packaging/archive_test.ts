/** Archives; dpkg, npm and tar read them in tests/os/binary_test.ts. */
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { ar, compress, tar } from "../../packaging/archive.ts";
import { filesInTar } from "../support/packaging.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const ENTRIES = [{ path: "a/" }, { path: "a/run", bytes: bytes("#!/bin/sh\n"), mode: 0o755 }, {
  path: "a/é",
  bytes: bytes("x".repeat(513)),
}];

Deno.test("tar() writes ustar headers with a right sum, and whole blocks", () => {
  const archive = tar(ENTRIES, { mtime: 1_700_000_000, owner: "root" });
  assert.equal(archive.length % 512, 0);
  assert.equal(archive.length, 512 * (1 + 2 + 3 + 2));
  const header = archive.slice(512, 1024);
  const text = new TextDecoder().decode(header);
  assert.equal(text.slice(257, 265), "ustar\x0000");
  assert.equal(text.slice(136, 147), (1_700_000_000).toString(8));
  assert.equal(text.slice(265, 269), "root");
  const sum = parseInt(text.slice(148, 154), 8);
  header.fill(32, 148, 156);
  assert.equal(header.reduce((total, byte) => total + byte, 0), sum);
  assert.deepEqual([...filesInTar(archive)].map(([path, { mode, text }]) => [path, mode, text.length]), [
    ["a/", 0o755, 0],
    ["a/run", 0o755, 10],
    ["a/é", 0o644, 513],
  ]);
});

Deno.test("tar() refuses a path that its header cannot hold", () => {
  assert.throws(() => tar([{ path: "é".repeat(51) }], { mtime: 0 }), /is longer than 100 bytes/);
  tar([{ path: "é".repeat(50) }], { mtime: 0 });
});

Deno.test("ar() begins each file at an even place", () => {
  const archive = new TextDecoder().decode(ar([{ name: "odd", bytes: bytes("abc") }, {
    name: "even",
    bytes: bytes("abcd"),
  }], 7));
  const header = (name: string, size: number) =>
    `${name.padEnd(16)}7           0     0     100644  ${`${size}`.padEnd(10)}\`\n`;
  assert.equal(archive, `!<arch>\n${header("odd", 3)}abc\n${header("even", 4)}abcd`);
});

Deno.test("compress() names no time, no file and no system", async () => {
  const packed = await compress(bytes("x".repeat(1000)));
  assert.deepEqual([...packed.subarray(0, 10)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
  assert.equal(gunzipSync(packed).toString(), "x".repeat(1000));
  assert.deepEqual(await compress(bytes("same")), await compress(bytes("same")));
});
