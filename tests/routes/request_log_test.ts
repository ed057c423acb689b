/** The lines of the level `debug`: one for each request. */
import assert from "node:assert/strict";
import { createApp } from "../../routes/app.ts";
import { appPartsOf, HOST } from "../support/app.ts";
import { FakeClock } from "../support/clock.ts";
import { openTestDomain } from "../support/domain.ts";
import { FakeMachine } from "../support/machine.ts";

/** The lines for some requests, with their fields. */
async function linesFor(requests: readonly (readonly [path: string, RequestInit, port?: number])[]) {
  await using test = await openTestDomain({ machine: new FakeMachine() });
  const lines: (readonly [string, Record<string, unknown>])[] = [];
  const stopping = new AbortController();
  const details = (line: string, fields: Record<string, unknown>) => void lines.push([line, fields]);
  const { fetch } = createApp(appPartsOf(test.domain, { stopping, log: () => {}, details }));
  for (const [path, { headers, ...init }, port] of requests) {
    const all = { host: HOST, "content-type": "application/json", ...headers as Record<string, string> };
    const env = port === undefined ? {} : { remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port } };
    const response = await fetch(new Request(`http://${HOST}${path}`, { ...init, headers: all }), env);
    await response.body?.cancel();
  }
  stopping.abort();
  return lines;
}

Deno.test("a request is logged with the template of its route, its status, its time and where it comes from", async () => {
  const lines = await linesFor([
    ["/v1/leases", { method: "POST", body: '{"name":"web"}' }, 40_001],
    ["/v1/leases/by-name/web", { headers: { "x-request-id": "ci-4.2" } }],
    ["/v1/status", { method: "HEAD" }],
  ]);
  assert.deepEqual(lines, [
    ["POST /v1/leases 201", { method: "POST", route: "/v1/leases", status: 201, ms: 0, from: "127.0.0.1:40001" }],
    ["GET /v1/leases/by-name/{name} 200", {
      method: "GET",
      route: "/v1/leases/by-name/{name}",
      status: 200,
      ms: 0,
      requestId: "ci-4.2",
    }],
    ["HEAD /v1/status 200", { method: "HEAD", route: "/v1/status", status: 200, ms: 0 }],
  ]);
});

Deno.test("what a caller chooses is not in the line, refused or not", async () => {
  const lines = await linesFor([
    ["/v1/secret?secret", {}],
    ["/v1/leases/by-name/secret?secret=secret", { headers: { authorization: "Bearer secret" } }],
    ["/v1/leases?label=secret", { headers: { host: "secret.example", "x-request-id": "secret secret" } }],
    ["/v1/leases", { method: `BREW${"X".repeat(500)}` }],
    ["/v1/leases", { method: "POST", body: '{"name":"secret","secret":1}', headers: { cookie: "secret" } }],
  ]);
  assert.deepEqual(lines.map(([line]) => line), [
    "GET unmatched 404",
    "GET /v1/leases/by-name/{name} 401",
    "GET /v1/leases 421",
    `BREW${"X".repeat(16)} unmatched 405`,
    "POST /v1/leases 400",
  ]);
  assert.ok(!JSON.stringify(lines).includes("secret"));
});

Deno.test("without the level debug a request is not even timed", async () => {
  await using test = await openTestDomain({ machine: new FakeMachine() });
  const stopping = new AbortController();
  let looks = 0;
  const clock = new FakeClock();
  const counting = { now: () => clock.now(), after: clock.after.bind(clock), monotonic: () => ++looks };
  for (const [details, expected] of [[undefined, 0], [() => {}, 2]] as const) {
    const parts = { ...appPartsOf(test.domain, { stopping, log: () => {}, details }), clock: counting };
    const { fetch } = createApp(parts);
    looks = 0;
    const { status } = await fetch(new Request(`http://${HOST}/healthz`, { headers: { host: HOST } }));
    assert.deepEqual([status, looks], [200, expected]);
  }
  stopping.abort();
});
