/** Files that another program holds for a moment. */
import assert from "node:assert/strict";
import { retryWhileHeld } from "../src/held.ts";

/** Does what fails so often with this error. @returns how often it was tried, and the pauses. */
function tryHeld(failures: number, error: Error, os: typeof Deno.build.os = "windows") {
  const pauses: number[] = [];
  let tries = 0;
  const act = () => {
    if (++tries <= failures) throw error;
    return "done";
  };
  const run = () => retryWhileHeld(act, { os, pause: (ms) => void pauses.push(ms) });
  return { run, pauses, tries: () => tries };
}

const SCANNED = new Error(
  "The process cannot access the file because it is being used by another process. (os error 32)",
);

Deno.test("what a scanner holds is tried up to ten times, with growing pauses", () => {
  for (const error of [SCANNED, Object.assign(new Deno.errors.PermissionDenied("x"), { code: "EACCES" })]) {
    const held = tryHeld(9, error);
    assert.equal(held.run(), "done");
    assert.deepEqual(held.pauses, [5, 10, 20, 40, 80, 160, 200, 200, 200]);
  }
  const forever = tryHeld(10, SCANNED);
  assert.throws(forever.run, SCANNED);
  assert.equal(forever.tries(), 10);
});

Deno.test("any other error, and any error elsewhere, is thrown at once", () => {
  for (const held of [tryHeld(1, new Deno.errors.NotFound("x")), tryHeld(1, SCANNED, "linux")]) {
    assert.throws(held.run);
    assert.equal(held.tries(), 1);
  }
});
