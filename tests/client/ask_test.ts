/** Whether portd is behind an address: only what says so, and not whatever answers. */
import assert from "node:assert/strict";
import { askPortd } from "../../src/client/ask.ts";
import { freePort } from "../support/sockets.ts";

/** Asks a server whose `/v1/status` answers so, and whose other paths answer `ok`. */
async function ask(body: string, { readyz = 200, status = 200 } = {}) {
  const handler = (request: Request) =>
    request.url.endsWith("/v1/status") ? new Response(body, { status }) : new Response("ok", { status: readyz });
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  return await askPortd(`http://127.0.0.1:${server.addr.port}`);
}

Deno.test("a portd says its version and pid, and whether it is ready", async () => {
  const body = JSON.stringify({ name: "portd", version: "9.9", pid: 7 });
  const { url: _url, ...ready } = await ask(body) ?? {};
  assert.deepEqual(ready, { isReady: true, version: "9.9", pid: 7 });
  assert.equal((await ask(body, { readyz: 503 }))?.isReady, false);
});

Deno.test("a portd that answers only with a token is known by the type of its problem", async () => {
  const problem = JSON.stringify({ type: "urn:portd:problem:unauthorized" });
  const { url: _url, ...answer } = await ask(problem, { status: 401 }) ?? {};
  assert.deepEqual(answer, { isReady: true, version: null, pid: null });
});

Deno.test("whatever else answers is no portd, and neither is nobody", async () => {
  for (
    const body of ['{"version":"9.9"}', '{"version":"9.9","pid":7}', '{"type":"about:blank"}', "null", "7", "hello"]
  ) {
    assert.equal(await ask(body), undefined, body);
  }
  assert.equal(await askPortd(`http://127.0.0.1:${freePort()}`), undefined);
});
