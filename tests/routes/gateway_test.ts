import assert from "node:assert/strict";
import { retryUntil } from "../../src/wait.ts";
import { appTest, openTestApp, type TestApp, TOKEN } from "../support/app.ts";
import { FakeClock } from "../support/clock.ts";
import { CONFIG } from "../support/domain.ts";
import { MemoryRouter } from "../support/gateway/memory_router.ts";
import { FakeMachine } from "../support/machine.ts";

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

/** A daemon behind a router in memory. */
interface Behind extends AsyncDisposable {
  readonly app: TestApp;
  readonly router: MemoryRouter;
}

async function openBehind(): Promise<Behind> {
  const clock = new FakeClock(), router = new MemoryRouter(clock), machine = new FakeMachine();
  machine.router = {
    gateway: router.gateway("ipv4", { localAddress: "192.168.1.10", address: "192.168.1.1" }),
    refusals: [],
  };
  const app = await openTestApp({ machine, clock, gateway: { ...CONFIG.gateway, protocol: "pcp" } });
  return { app, router, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
}

const GAME = { name: "game", port: 20_412, protocols: ["tcp", "udp"], lifetime: { kind: "pinned" } };
const EXPOSED = { ...GAME, exposure: { gateway: {} } };

/** Waits until the router has so many mappings of ours. */
async function untilMapped({ ours }: { readonly ours: () => number }, count: number): Promise<void> {
  const isThere = await retryUntil(() => ours() === count, { pauseMs: 20, limitMs: 30_000 });
  assert.ok(isThere, `the router has ${ours()} mappings of ours and not ${count}`);
}

Deno.test("a grant with a gateway exposure is mapped, GET /gateway shows it, and the release takes it away without waiting", async () => {
  await using behind = await openBehind();
  const { app, router } = behind, ours = () => router.ours.length;
  const granted = await app.call("/v1/leases", { body: EXPOSED, token: TOKEN });
  assert.equal(granted.status, 201);
  const { body } = await app.call("/v1/gateway/sync", { body: {}, token: TOKEN });
  const seen = body.mappings.map((each: Record<string, unknown>) => [each.lease, each.protocol, each.state]);
  assert.deepEqual(seen, [["game", "tcp", "set"], ["game", "udp", "set"]]);
  assert.deepEqual(body.mappings[0].external, { address: "203.0.113.7", port: 20_412 });
  assert.deepEqual([body.ipv4.address, body.ipv4.externalAddress, body.faults], ["192.168.1.1", "203.0.113.7", []]);
  assert.deepEqual((await app.call("/v1/gateway")).body, body);

  const held = Promise.withResolvers<void>();
  router.beforeAnswer = () => held.promise;
  const released = await app.call(`/v1/leases/${granted.body.id}`, { method: "DELETE" });
  assert.deepEqual([released.status, ours()], [204, 2]);
  held.resolve();
  await untilMapped({ ours }, 0);
});

Deno.test("DELETE exposure, and an exposure without gateway, take the mappings away", async () => {
  await using behind = await openBehind();
  const { app, router } = behind, ours = () => router.ours.length;
  const { body: { id } } = await app.call("/v1/leases", { body: GAME });
  const path = `/v1/leases/${id}/exposure`;
  const put = (body: object) => app.call(path, { method: "PUT", body, token: TOKEN });
  await put({ gateway: {} });
  await untilMapped({ ours }, 2);
  await put({});
  await untilMapped({ ours }, 0);
  await put({ gateway: { ipv4: true } });
  await untilMapped({ ours }, 2);
  await app.call(path, { method: "DELETE", token: TOKEN });
  await untilMapped({ ours }, 0);
});

Deno.test("a daemon that starts again renews its mappings with their nonces, and deletes those whose leases are gone", async () => {
  await using behind = await openBehind();
  const { app, router } = behind, ours = () => router.ours.length;
  await app.call("/v1/leases", { body: EXPOSED, token: TOKEN });
  await untilMapped({ ours }, 2);
  const nonces = router.ours.map(({ nonce }) => nonce).sort();
  const { map } = router.asked;
  const again = await app.test.restart();
  await retryUntil(() => router.asked.map === map + 2, { pauseMs: 20, limitMs: 30_000 });
  assert.deepEqual(router.ours.map(({ nonce }) => nonce).sort(), nonces);
  assert.equal(again.domain.mapper.status().mappings.length, 2);
  router.habits.deleteRefusal = "failed";
  const [lease] = again.domain.registry.table.all();
  await again.domain.registry.end(lease!.id, "released");
  await retryUntil(() => router.asked.unmap > 0, { pauseMs: 20, limitMs: 30_000 });
  router.habits.deleteRefusal = undefined;
  await again.restart();
  await untilMapped({ ours }, 0);
});

Deno.test("a daemon whose leases do not want the router asks it nothing, and loads nothing of it", async () => {
  await using behind = await openBehind();
  const { app, router } = behind;
  await app.call("/v1/leases", { body: { ...GAME, exposure: {} }, token: TOKEN });
  await app.call("/v1/gateway");
  await app.test.domain.store.settled();
  assert.deepEqual(Object.values(router.asked), [0, 0, 0, 0, 0, 0]);
  assert.equal(app.test.domain.mapper.isOpen, false);
});

Deno.test("a mapping that cannot be made is a warning of the status, and an event", async () => {
  await using behind = await openBehind();
  const { app, router } = behind;
  router.habits.refusal = "not_authorized";
  await app.call("/v1/leases", { body: EXPOSED, token: TOKEN });
  await app.call("/v1/gateway/sync", { body: {}, token: TOKEN });
  const { body: { warnings } } = await app.call("/v1/status");
  const why = "is failed: The router refuses: not_authorized; portd gateway list shows all of them";
  assert.deepEqual(warnings, [`the mapping of game at the router ${why}`]);
  router.habits.refusal = undefined;
  await app.call("/v1/gateway/sync", { body: {}, token: TOKEN });
  assert.deepEqual((await app.call("/v1/status")).body.warnings, []);
  const { events } = app.test.domain;
  const types: string[] = [];
  for (let number = 1; number <= events.last; number++) {
    events.encoded(number, ({ event }) => {
      if ("mapping" in event) types.push(event.type);
      return new Uint8Array();
    });
  }
  assert.deepEqual(types, ["mapping.failed", "mapping.failed", "mapping.made", "mapping.made"]);
});
