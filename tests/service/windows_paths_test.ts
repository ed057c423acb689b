import assert from "node:assert/strict";
import { folderOf, pathOfWord, plainPath, waysTo } from "../../src/service/windows/paths.ts";

Deno.test("waysTo() names the folders up to the root of the drive, each by what it is", () => {
  assert.deepEqual(waysTo("C:\\Program Files\\portd\\portd.exe"), [
    { path: "C:\\Program Files\\portd\\portd.exe", role: "file" },
    { path: "C:\\Program Files\\portd", role: "folder" },
    { path: "C:\\Program Files", role: "ancestor" },
    { path: "C:\\", role: "root" },
  ]);
});

Deno.test("a folder that is the root of a drive is a folder to the program that lies in it", () => {
  assert.deepEqual(waysTo("D:\\portd.exe"), [
    { path: "D:\\portd.exe", role: "file" },
    { path: "D:\\", role: "folder" },
  ]);
});

Deno.test("waysTo() ends on another machine too", () => {
  assert.deepEqual(waysTo("\\\\server\\share\\portd.exe").map(({ path }) => path), [
    "\\\\server\\share\\portd.exe",
    "\\\\server\\share",
    "\\\\server",
  ]);
  assert.equal(folderOf("C:\\"), "C:\\");
});

Deno.test("pathOfWord() reads the address of a module, and leaves other words", () => {
  assert.equal(pathOfWord("file:///C:/My%20portd/main.ts"), "C:\\My portd\\main.ts");
  assert.equal(pathOfWord("--allow-net"), "--allow-net");
  assert.equal(pathOfWord("C:/My portd/../portd/portd.exe"), "C:\\portd\\portd.exe");
});

Deno.test("plainPath() has one form for each way in which a path may be written", () => {
  for (const path of ["C:\\a\\b", "C:/a/b", "C:\\a\\b\\", "C:\\a\\.\\x\\..\\b"]) {
    assert.equal(plainPath(path), "C:\\a\\b");
  }
  assert.equal(plainPath("C:/"), "C:\\");
});
