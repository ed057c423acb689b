import assert from "node:assert/strict";
import { faultText } from "../../../src/lease/store/fault.ts";

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

Deno.test("a disk that is full is named as such, with what to do, whoever reports it", () => {
  const full = "the disk is full; make room on it, and try again";
  assert.equal(faultText(new Error("database or disk is full")), full);
  assert.equal(faultText(systemError("ENOSPC", "No space left on device (os error 28)")), full);
  assert.equal(faultText(systemError("EDQUOT", "Quota exceeded (os error 122)")), full);
});

Deno.test("a file that cannot be written, and a disk that fails, are named as such", () => {
  for (const text of ["attempt to write a readonly database", "unable to open database file"]) {
    assert.equal(faultText(new Error(text)), "it cannot be written: this user may not, or its disk is read-only");
  }
  const broken = "the disk reports an error; the system's log has more about it";
  assert.equal(faultText(new Error("disk I/O error")), broken);
  assert.equal(faultText(systemError("EIO", "Input/output error (os error 5)")), broken);
});

Deno.test("any other fault of the file is given in its own words", () => {
  assert.equal(faultText(new Error("UNIQUE constraint failed")), "UNIQUE constraint failed");
});
