import assert from "node:assert/strict";
import { appTest, TOKEN } from "../support/app.ts";

const LEASE = { port: 20417, lifetime: { kind: "pinned" } };
const DEFAULT = { externalPort: null, ipv4: true, ipv6: false, lifetimeMs: 3_600_000 };

appTest("PUT exposure fills in what the gateway's fields leave out", async (app) => {
  const { body: { id } } = await app.call("/v1/leases", { body: LEASE });
  const path = `/v1/leases/${id}/exposure`;
  const gateways = [{}, { externalPort: 0 }, { externalPort: 25565, ipv6: true, lifetimeMs: 120_000 }, null, undefined];
  const answers: unknown[] = [];
  for (const gateway of gateways) {
    const { status, body } = await app.call(path, { method: "PUT", body: { gateway }, token: TOKEN });
    assert.equal(status, 200);
    answers.push(body.exposure.gateway);
  }
  const chosen = { externalPort: 25565, ipv4: true, ipv6: true, lifetimeMs: 120_000 };
  assert.deepEqual(answers, [DEFAULT, DEFAULT, chosen, null, null]);
});

appTest("a lease keeps its gateway exposure in the file", async (app) => {
  const exposure = { gateway: { externalPort: 25565 } };
  const { body } = await app.call("/v1/leases", { body: { ...LEASE, exposure }, token: TOKEN });
  await app.parts.store.settled();
  const kept = app.parts.store.find(body.id)!.exposure!;
  assert.deepEqual(kept.gateway, { ...DEFAULT, externalPort: 25565 });
  assert.deepEqual(kept, body.exposure);
});

appTest("PUT exposure refuses mappings that cannot be, and names the field", async (app) => {
  const { body: { id } } = await app.call("/v1/leases", { body: LEASE });
  const refused: unknown[] = [];
  for (
    const gateway of [{ externalPort: 65_536 }, { lifetimeMs: 119_999 }, { ipv4: false }, { extra: 1 }, 7, {
      lifetimeMs: 604_800_001,
    }]
  ) {
    const { status, body } = await app.call(`/v1/leases/${id}/exposure`, {
      method: "PUT",
      body: { gateway },
      token: TOKEN,
    });
    refused.push([status, body.code, body.field]);
  }
  assert.deepEqual(refused, [
    [422, "port_out_of_range", "gateway.externalPort"],
    [400, "invalid_request", "gateway.lifetimeMs"],
    [400, "invalid_request", "gateway"],
    [400, "invalid_request", "gateway.extra"],
    [400, "invalid_request", "gateway"],
    [400, "invalid_request", "gateway.lifetimeMs"],
  ]);
});

appTest("POST /gateway/sync takes the token, GET /gateway does not", async (app) => {
  assert.equal((await app.call("/v1/gateway")).status, 200);
  assert.equal((await app.call("/v1/gateway/sync", { body: {} })).status, 403);
  const { status, body } = await app.call("/v1/gateway/sync", { body: {}, token: TOKEN });
  assert.deepEqual([status, body], [200, { ipv4: null, ipv6: null, mappings: [], faults: [] }]);
});
