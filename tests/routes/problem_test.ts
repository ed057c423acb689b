import assert from "node:assert/strict";
import { problemOf } from "../../routes/problem.ts";
import { PortdError } from "../../src/errors.ts";

const request = new Request("http://127.0.0.1:7678/v1");

/** The problem for an error, and what was logged with which level. */
function told(error: unknown, asked: Request = request) {
  const logged: unknown[] = [];
  const { code } = problemOf(error, asked, (line, level) => void logged.push([line.split("\n")[0], level]));
  return { code, logged };
}

Deno.test("a fault of portd is logged as an error, and a refusal is not logged", () => {
  assert.deepEqual(told(new Error("broken")), {
    code: "internal",
    logged: [["internal error: Error: broken", "error"]],
  });
  assert.deepEqual(told(new PortdError("not_found", "Cannot find it")), { code: "not_found", logged: [] });
});

Deno.test("that a client has gone is no fault", () => {
  const gone = new DOMException("gone", "AbortError");
  const asked = new Request(request, { signal: AbortSignal.abort(gone) });
  assert.deepEqual(told(gone, asked), { code: "invalid_request", logged: [] });
});
