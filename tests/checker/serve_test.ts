/** A checker that cannot listen. */
import assert from "node:assert/strict";
import { serveChecker } from "../../src/checker/serve.ts";

Deno.test("an address that this machine does not have is named, with the reason", async () => {
  const answerer = { answer: () => Promise.resolve(new Response()), refuse: () => new Response() };
  const serving = serveChecker({
    createApp: () => answerer,
    listen: { host: "192.0.2.254", port: 0 }, // of no machine: RFC 5737
    allowPrivate: false,
    log: () => {},
    signal: AbortSignal.abort(),
    onReady: () => {},
  });
  await assert.rejects(serving, { message: "Cannot listen on 192.0.2.254:0: this machine has no such address" });
});
