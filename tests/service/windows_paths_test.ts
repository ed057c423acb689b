import assert from "node:assert/strict";
import { ancestorsOf, folderOf, pathOfWord, plainPath } from "../../src/service/windows/paths.ts";

Deno.test("ancestorsOf() names the folders up to the root of the drive, or to another machine", () => {
  assert.deepEqual(ancestorsOf("C:\\Program Files\\portd\\portd.exe"), [
    "C:\\Program Files\\portd",
    "C:\\Program Files",
    "C:\\",
  ]);
  assert.deepEqual(ancestorsOf("D:\\portd.exe"), ["D:\\"]);
  assert.deepEqual(ancestorsOf("\\\\server\\share\\portd.exe"), ["\\\\server\\share", "\\\\server"]);
  assert.deepEqual(ancestorsOf("C:\\"), []);
  assert.equal(folderOf("C:\\"), "C:\\");
});

Deno.test("pathOfWord() reads a path and the address of a module, and no other words", () => {
  assert.equal(pathOfWord("file:///C:/My%20portd/main.ts"), "C:\\My portd\\main.ts");
  assert.equal(pathOfWord("--allow-net"), undefined);
  assert.equal(pathOfWord("C:/My portd/../portd/portd.exe"), "C:\\portd\\portd.exe");
});

Deno.test("plainPath() has one form for each way in which a path may be written", () => {
  for (const path of ["C:\\a\\b", "C:/a/b", "C:\\a\\b\\", "C:\\a\\.\\x\\..\\b"]) {
    assert.equal(plainPath(path), "C:\\a\\b");
  }
  assert.equal(plainPath("C:/"), "C:\\");
});
