import assert from "node:assert/strict";
import { appTest } from "../support/app.ts";

appTest("GET /activity counts grants, ends and refusals in the minute in which they happened", async (app) => {
  const { body: lease } = await app.call("/v1/leases", { body: { name: "web" } });
  assert.equal((await app.call("/v1/leases", { body: { port: lease.port } })).body.code, "port_leased");
  assert.equal((await app.call("/v1/leases", { body: { count: 200 } })).body.code, "pool_exhausted");
  app.test.clock.advance(60_000);
  await app.call(`/v1/leases/${lease.id}`, { method: "DELETE" });
  const { status, body } = await app.call("/v1/activity");
  assert.equal(status, 200);
  assert.deepEqual([body.grants, body.releases, body.refusals], [[1, 0], [0, 1], [2, 0]]);
  assert.deepEqual([body.since, body.bucketMs], ["2026-11-23T10:00:00.000Z", 60_000]);
});
