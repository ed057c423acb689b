import assert from "node:assert/strict";
import { appTest, TOKEN } from "../support/app.ts";
import { keepPort, lookOf, portOf, SEEN } from "../support/line.ts";
import { FakeMachine } from "../support/machine.ts";

const SET = { offset: 4, length: 8, psid: 17 } as const;
const LEASE = { port: 20417, lifetime: { kind: "pinned" } };

/** A machine whose line has MAP-E. */
function machineWithMapE(): FakeMachine {
  const machine = new FakeMachine();
  machine.stun = () => ({ look: lookOf(portOf(SET)), failures: [] });
  return machine;
}

appTest("GET /line needs no token and asks nobody; POST /line/sample asks, and both answer the line", async (app) => {
  const unknown = await app.call("/v1/line");
  assert.deepEqual([unknown.status, unknown.body.verdict, unknown.body.sampledAt], [200, "unknown", null]);
  const refused = await app.call("/v1/line/sample", { body: {} });
  assert.deepEqual([refused.status, refused.body.code], [403, "scope_required"]);
  const sampled = await app.call("/v1/line/sample", { body: { servers: ["stun:stun.example"] }, token: TOKEN });
  assert.deepEqual([sampled.status, sampled.body.verdict, sampled.body.portSet], [200, "map-e", SET]);
  assert.deepEqual((await app.call("/v1/line")).body, sampled.body);
}, { machine: machineWithMapE() });

{
  const asked: string[][] = [];
  const machine = new FakeMachine();
  machine.stun = (servers) => {
    asked.push(servers.map(({ host, port }) => `${host}:${port}`));
    return { look: lookOf(keepPort), failures: [] };
  };
  const stun = [{ host: "stun.example", port: 19302 }];
  appTest("POST /line/sample asks the servers that are named, or else those of the configuration", async (app) => {
    await app.call("/v1/line/sample", { body: { servers: ["a.example", "stun:b.example:1"] }, token: TOKEN });
    await app.call("/v1/line/sample", { body: {}, token: TOKEN });
    assert.deepEqual(asked, [["a.example:3478", "b.example:1"], ["stun.example:19302"]]);
  }, { machine, stun });
}

appTest("POST /line/sample refuses what is no server, and too many of them", async (app) => {
  const bad: readonly (readonly [field: string, servers: unknown])[] = [
    ["servers", []],
    ["servers", ["a", "b", "c", "d", "e"]],
    ["servers", "a"],
    ["servers[1]", ["a", "http://b"]],
    ["servers[0]", [7]],
    ["servers[0]", ["x".repeat(300)]],
  ];
  for (const [field, servers] of bad) {
    const { status, body } = await app.call("/v1/line/sample", { body: { servers }, token: TOKEN });
    assert.deepEqual([status, body.code, body.field], [400, "invalid_request", field]);
  }
  const extra = await app.call("/v1/line/sample", { body: { server: "a" }, token: TOKEN });
  assert.deepEqual([extra.status, extra.body.expected], [400, "servers"]);
}, { machine: machineWithMapE() });

appTest("a look that finds no server is refused by name", async (app) => {
  const { status, body } = await app.call("/v1/line/sample", { body: { servers: ["a.example"] }, token: TOKEN });
  assert.deepEqual([status, body.code], [503, "stun_unavailable"]);
  assert.match(body.detail, /no network/);
}, { machine: new FakeMachine() });

appTest(
  "a fixed external port that the line cannot have is refused, by PUT and by POST, and nothing is opened",
  async (app) => {
    const { body: { id } } = await app.call("/v1/leases", { body: LEASE });
    await app.call("/v1/line/sample", { body: { servers: ["a.example"] }, token: TOKEN });
    const path = `/v1/leases/${id}/exposure`;
    const put = (gateway: object) => app.call(path, { method: "PUT", body: { gateway }, token: TOKEN });
    const refused = await put({ externalPort: 25565 });
    assert.deepEqual([refused.status, refused.body.code, refused.body.port], [409, "port_not_on_line", 25565]);
    assert.match(refused.body.detail, /25565 exists only for PSID 61; yours is 17: usable are 4368-4383/);
    assert.equal((await app.call(`/v1/leases/${id}`)).body.exposure, null);
    const granted = { name: "game", holder: { id: "me" }, exposure: { gateway: { externalPort: 25565 } } };
    assert.equal((await app.call("/v1/leases", { body: granted, token: TOKEN })).body.code, "port_not_on_line");
    assert.equal((await app.call("/v1/leases/by-name/game")).status, 404);
    for (
      const gateway of [{ externalPort: refused.body.suggestion }, {}, { externalPort: 25565, ipv4: false, ipv6: true }]
    ) {
      assert.equal((await put(gateway)).status, 200);
    }
  },
  { machine: machineWithMapE() },
);

appTest("the last look is in the file, and a restart knows it", async (app) => {
  const { body } = await app.call("/v1/line/sample", { body: { servers: ["a.example"] }, token: TOKEN });
  const { domain } = await app.test.restart();
  assert.deepEqual(await domain.line.read(), body);
}, { machine: machineWithMapE() });

appTest("a change of the line is an event", async (app) => {
  const seen: unknown[] = [];
  app.parts.events.subscribe((event) => void ("line" in event && seen.push([event.type, event.line.verdict])));
  await app.call("/v1/line/sample", { body: { servers: ["a.example"] }, token: TOKEN });
  assert.deepEqual(seen, [["line.changed", "map-e"]]);
}, { machine: machineWithMapE() });

{
  const machine = new FakeMachine();
  machine.stun = () => ({ look: lookOf(keepPort, SEEN), failures: [] });
  machine.router = {
    gateway: null,
    refusals: [{ protocol: "nat-pmp", fault: "no_address", reason: "it has no address" }],
  };
  appTest("a router that says it has no outer address is asked only together with STUN", async (app) => {
    assert.equal((await app.call("/v1/line")).body.verdict, "unknown");
    const { body } = await app.call("/v1/line/sample", { body: { servers: ["a.example"] }, token: TOKEN });
    assert.deepEqual([body.verdict, body.certainty], ["double-nat", "likely"]);
  }, { machine, gateway: { protocol: "auto", lifetimeMs: 3_600_000, shortestLifetimeMs: 120_000 } });
}

{
  const machine = machineWithMapE();
  appTest("line and mappings know each other without asking each other in a circle", async (app) => {
    const { body: { id } } = await app.call("/v1/leases", { body: LEASE });
    await app.call(`/v1/leases/${id}/exposure`, { method: "PUT", body: { gateway: {} }, token: TOKEN });
    const { body: gateway } = await app.call("/v1/gateway/sync", { body: {}, token: TOKEN });
    assert.equal(gateway.mappings.length, 1);
    const { body: line } = await app.call("/v1/line/sample", { body: { servers: ["a.example"] }, token: TOKEN });
    assert.equal(line.verdict, "map-e");
    assert.deepEqual((await app.call("/v1/line")).body, line);
    assert.equal((await app.call("/v1/gateway")).body.mappings.length, 1);
  }, { machine, gateway: { protocol: "auto", lifetimeMs: 3_600_000, shortestLifetimeMs: 120_000 } });
}

appTest("a repeated key gets its answer again, whatever the line is by then", async (app) => {
  const headers = { "idempotency-key": "k1" };
  const body = { name: "game", holder: { id: "me" }, exposure: { gateway: { externalPort: 25565 } } };
  const first = await app.call("/v1/leases", { body, headers, token: TOKEN });
  assert.equal(first.status, 201);
  await app.call("/v1/line/sample", { body: { servers: ["a.example"] }, token: TOKEN });
  const again = await app.call("/v1/leases", { body, headers, token: TOKEN });
  assert.deepEqual([again.status, again.body.id], [201, first.body.id]);
}, { machine: machineWithMapE() });
