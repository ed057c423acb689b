import assert from "node:assert/strict";
import { allRoutes } from "../../routes/app.ts";
import { VERSION } from "../../src/version.ts";
import { appTest, TOKEN } from "../support/app.ts";

appTest("GET / and GET /v1 list every call with what it does", async (app) => {
  const { status, body } = await app.call("/v1");
  assert.deepEqual([status, body.name, body.version], [200, "portd", VERSION]);
  const listed = body.calls.map(({ method, path, scope }: Record<string, string>) => `${method} ${path} ${scope}`);
  const routes = allRoutes(app.parts).map(({ method, path, scope }) =>
    `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")} ${scope}`
  );
  assert.deepEqual(listed, routes);
  assert.ok(listed.includes("POST /v1/leases/{id}/renew lease"));
  assert.ok(listed.includes("GET / lease"));
  for (const call of body.calls) assert.match(call.does, /^[a-z].{8,}/, call.path);
  assert.deepEqual((await app.call("/")).body, body);
});

appTest("the list of calls takes no parameters, and holds no secret", async (app) => {
  const { status, body } = await app.call("/v1?token=1");
  assert.deepEqual([status, body.field], [400, "token"]);
  const answer = await app.call("/v1", { token: TOKEN });
  assert.ok(!JSON.stringify(answer.body).includes(TOKEN));
});

appTest("whoever misses a path gets to know where the calls are listed", async (app) => {
  for (const path of ["/leases", "/v1/", "/v2/leases"]) {
    const { status, body } = await app.call(path);
    assert.deepEqual([status, body.detail], [404, `Cannot find ${path}: GET /v1 lists the calls`]);
  }
});
