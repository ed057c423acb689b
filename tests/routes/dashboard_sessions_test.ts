/** The codes and sessions of the dashboard over HTTP: who gets them, and what they let through. */
import assert from "node:assert/strict";
import { Callers } from "../../src/caller/caller.ts";
import type { Connection } from "../../src/os/socket.ts";
import { appTest, openTestApp, type TestApp, TOKEN } from "../support/app.ts";
import { FakeClock } from "../support/clock.ts";

async function openSession(app: TestApp): Promise<string> {
  const { status, body: { code } } = await app.call("/v1/dashboard/codes", { body: {}, token: TOKEN });
  assert.equal(status, 201);
  const opened = await app.call("/v1/dashboard/sessions", { body: { code } });
  assert.equal(opened.status, 201);
  assert.equal(opened.headers.get("cache-control"), "no-store");
  return opened.body.token;
}

appTest("a session may do what the token may, until it is ended", async (app) => {
  const token = await openSession(app);
  const { body: lease } = await app.call("/v1/leases", { body: { name: "web", lifetime: { kind: "pinned" } }, token });
  const exposed = await app.call(`/v1/leases/${lease.id}/exposure`, { method: "PUT", body: {}, token });
  assert.equal(exposed.status, 200);
  const amended = await app.call(`/v1/leases/${lease.id}`, {
    method: "PATCH",
    body: { lifetime: { kind: "ttl", ttlMs: 1000 } },
    token,
  });
  assert.equal(amended.status, 200, "a lease with an exposure takes the token");
  assert.equal((await app.call("/v1/export", { token })).status, 200);
  assert.equal((await app.call("/v1/dashboard/sessions/current", { method: "DELETE", token })).status, 204);
  assert.equal((await app.call("/v1/export", { token })).body.code, "unauthorized");
});

appTest("only the token itself makes codes and has no session to end", async (app) => {
  const token = await openSession(app);
  const codes = (given?: string) => app.call("/v1/dashboard/codes", { body: {}, ...(given && { token: given }) });
  assert.deepEqual([(await codes(token)).body.code, (await codes()).body.code], ["scope_required", "scope_required"]);
  const end = (given?: string) =>
    app.call("/v1/dashboard/sessions/current", { method: "DELETE", ...(given && { token: given }) });
  assert.deepEqual([(await end(TOKEN)).body.code, (await end()).body.code], ["not_found", "scope_required"]);
});

appTest("a code that was used, is old, or was never made opens nothing, and no answer says which", async (app) => {
  const { body: { code: used } } = await app.call("/v1/dashboard/codes", { body: {}, token: TOKEN });
  await app.call("/v1/dashboard/sessions", { body: { code: used } });
  const { body: { code: old } } = await app.call("/v1/dashboard/codes", { body: {}, token: TOKEN });
  app.test.clock.advance(60_000);
  const answers = [];
  for (const code of [used, old, "0".repeat(40)]) {
    const { status, headers, body } = await app.call("/v1/dashboard/sessions", { body: { code } });
    answers.push([status, headers.get("retry-after"), body.code, body.detail]);
    assert.ok(!JSON.stringify(body).includes(code));
  }
  assert.deepEqual(answers[0]?.slice(0, 3), [401, "1", "unauthorized"]);
  assert.deepEqual([answers[1], answers[2]], [answers[0], answers[0]]);
});

Deno.test("a code is for the user who asked for it, unless it is made for any", async () => {
  const ALICE = 5000, BOB = 5001;
  const userOf = ({ remote }: Connection) => `uid:${remote.port}`;
  const callers = new Callers({ users: { self: "uid:1", userOf, close() {} }, clock: new FakeClock() });
  await using app = await openTestApp({ replaced: { callers } });
  const codeOf = async (body: object) =>
    (await app.call("/v1/dashboard/codes", { body, token: TOKEN, from: ALICE })).body.code;
  const open = async (code: string, from?: number) =>
    (await app.call("/v1/dashboard/sessions", { body: { code }, ...(from && { from }) })).status;
  const code = await codeOf({});
  assert.deepEqual([await open(code, BOB), await open(code), await open(code, ALICE)], [401, 401, 201]);
  assert.equal(await open(await codeOf({ anyUser: true }), BOB), 201);
  assert.equal((await app.call("/v1/dashboard/codes", { body: { anyUser: "yes" }, token: TOKEN })).status, 400);
});

appTest("guesses of codes have the pace of refusals", async (app) => {
  const guess = () => app.call("/v1/dashboard/sessions", { body: { code: "0".repeat(40) } });
  await Promise.all(Array.from({ length: 20 }, guess)); // as many as are answered at once
  let isAnswered = false;
  const last = guess().finally(() => isAnswered = true);
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(isAnswered, false);
  app.test.clock.advance(10);
  assert.equal((await last).status, 401);
});

appTest("a session is opened by no web page of another origin, no other Host and no form", async (app) => {
  const { body: { code } } = await app.call("/v1/dashboard/codes", { body: {}, token: TOKEN });
  const codesOf = async (headers: Record<string, string>) =>
    (await app.call("/v1/dashboard/sessions", { body: { code }, headers })).body.code;
  assert.equal(await codesOf({ origin: "http://evil.example" }), "forbidden_origin");
  assert.equal(await codesOf({ "sec-fetch-site": "same-site" }), "forbidden_origin");
  assert.equal(await codesOf({ host: "evil.example:7678" }), "misdirected_host");
  assert.equal(await codesOf({ "content-type": "text/plain" }), "unsupported_media_type");
  assert.equal((await app.call("/v1/dashboard/sessions", { body: { code } })).status, 201, "the code is still good");
});

appTest("neither codes nor tokens get into the log", async (app) => {
  await openSession(app);
  for (const body of [{ code: "zz" }, { code: 7 }, { other: "0".repeat(40) }]) {
    assert.equal((await app.call("/v1/dashboard/sessions", { body })).body.code, "invalid_request");
  }
  assert.deepEqual(app.faults, []);
});

appTest("where everything takes the token, a session opens it", async (app) => {
  assert.equal((await app.call("/v1/leases")).body.code, "unauthorized");
  const token = await openSession(app);
  assert.equal((await app.call("/v1/leases", { token })).status, 200);
}, { anonymous: "none" });
