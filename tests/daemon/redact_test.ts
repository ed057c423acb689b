import assert from "node:assert/strict";
import { withoutToken } from "../../src/daemon/redact.ts";

const TOKEN = "0123456789abcdef".repeat(4);

Deno.test("wherever the token stands in a line or a field, something else is written", () => {
  const written: unknown[] = [];
  const { log, details } = withoutToken({
    log: (...line) => void written.push(line),
    details: (...line) => void written.push(line),
  }, TOKEN);
  log(`${TOKEN} and ${TOKEN}`, "error");
  log("nothing");
  details!(`GET /${TOKEN}`, { path: `/${TOKEN}`, status: 404 });
  assert.deepEqual(written, [
    ["<token> and <token>", "error"],
    ["nothing", undefined],
    ["GET /<token>", { path: "/<token>", status: 404 }],
  ]);
});

Deno.test("where nobody wants details there are none", () => {
  assert.equal(withoutToken({ log() {}, details: undefined }, TOKEN).details, undefined);
});
