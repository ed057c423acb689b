import assert from "node:assert/strict";
import { folderKey, isAbsolute, isSystemFolder, upwardKeys } from "../../src/process/folder.ts";

Deno.test("folderKey() makes one text of the spellings of a folder, and keeps apart what Unix keeps apart", () => {
  assert.equal(folderKey("/home/me/Shop/"), "/home/me/Shop");
  assert.equal(folderKey("/"), "/");
  assert.equal(folderKey("//"), "/");
  assert.equal(folderKey("/home/me/a\\b"), "/home/me/a\\b");
  assert.equal(folderKey("C:\\Users\\Me\\"), "c:\\users\\me");
  assert.equal(folderKey("c:/Users/me"), "c:\\users\\me");
  assert.equal(folderKey("\\\\Server\\share\\"), "\\\\server\\share");
});

Deno.test("upwardKeys() names a folder and all above it, nearest first", () => {
  assert.deepEqual(upwardKeys("/home/me/shop"), ["/home/me/shop", "/home/me", "/home", "/"]);
  assert.deepEqual(upwardKeys("/"), ["/"]);
  assert.deepEqual(upwardKeys("C:\\Users\\Me"), ["c:\\users\\me", "c:\\users", "c:"]);
});

Deno.test("the folders of the system's services are recognised", () => {
  const folders = ["/", "C:\\", "C:\\Windows", "c:\\WINDOWS\\system32", "/home", "C:\\Users", "C:\\Windows\\Temp"];
  assert.deepEqual(folders.map(isSystemFolder), [true, true, true, true, false, false, false]);
});

Deno.test("a relative path is the folder of nobody", () => {
  assert.deepEqual(["/a", "c:\\a", "C:/a", "\\\\server\\a", "a", "", "c:a", "./a"].map(isAbsolute), [
    ...[true, true, true, true],
    ...[false, false, false, false],
  ]);
});
