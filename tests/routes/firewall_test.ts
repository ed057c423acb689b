import assert from "node:assert/strict";
import { READ, rightsMissing } from "../../src/firewall/backend.ts";
import { appTest, openTestApp, TOKEN } from "../support/app.ts";
import { FakeMachine } from "../support/machine.ts";

appTest("PUT and DELETE /leases/{id}/exposure keep the exposure with the lease, also over a restart", async (app) => {
  const { body: lease } = await app.call("/v1/leases", { body: { name: "web", project: "shop" } });
  assert.equal(lease.exposure, null);
  const put = (path: string, body: object) => app.call(path, { method: "PUT", body, token: TOKEN });
  const opened = await put(`/v1/leases/${lease.id}/exposure`, {});
  assert.deepEqual([opened.status, opened.body.exposure], [
    200,
    { firewall: { direction: "in", profiles: ["domain", "private"], remote: ["LocalSubnet"] }, gateway: null },
  ]);
  const remote = ["10.0.0.0/8", "fe80::/10", "192.0.2.1"];
  const other = await put(`/v1/leases/by-name/shop/web/exposure`, { firewall: { remote, profiles: ["public"] } });
  assert.deepEqual(other.body.exposure.firewall, { direction: "in", profiles: ["public"], remote });
  const again = await app.test.restart();
  assert.deepEqual(again.domain.registry.table.byId(lease.id)?.exposure, other.body.exposure);
});

appTest("DELETE removes the exposure, and an ended lease cannot be exposed", async (app) => {
  const { body: lease } = await app.call("/v1/leases", { body: {} });
  const path = `/v1/leases/by-port/${lease.port}/exposure`;
  await app.call(path, { method: "PUT", body: {}, token: TOKEN });
  const closed = await app.call(path, { method: "DELETE", token: TOKEN });
  assert.deepEqual([closed.status, closed.body.exposure], [200, null]);
  await app.call(`/v1/leases/${lease.id}`, { method: "DELETE" });
  const late = await app.call(`/v1/leases/${lease.id}/exposure`, { method: "PUT", body: {}, token: TOKEN });
  assert.deepEqual([late.status, late.body.code], [410, "lease_ended"]);
});

appTest("an exposure refuses what it cannot use, and nothing is changed", async (app) => {
  const { body: lease } = await app.call("/v1/leases", { body: {} });
  const bad: readonly (readonly [string, object])[] = [
    ["firewall", { firewall: null }],
    ["firewall", { firewall: [] }],
    ["gateway", { gateway: { ipv4: false } }],
    ["firewall.direction", { firewall: { direction: "both" } }],
    ["firewall.profiles", { firewall: { profiles: [] } }],
    ["firewall.profiles[0]", { firewall: { profiles: ["home"] } }],
    ["firewall.remote", { firewall: { remote: [] } }],
    ["firewall.remote", { firewall: { remote: "any" } }],
    ...["10.0.0.0/33", "10.0.0", "localsubnet", "example.com", "10.0.0.1-10.0.0.9", "", "fe80::/129", "1.2.3.4|5"].map(
      (text) => ["firewall.remote[0]", { firewall: { remote: [text] } }] as const,
    ),
    ["firewall.port", { firewall: { port: 1 } }],
  ];
  for (const [field, body] of bad) {
    const answer = await app.call(`/v1/leases/${lease.id}/exposure`, { method: "PUT", body, token: TOKEN });
    assert.deepEqual([answer.status, answer.body.field], [400, field], JSON.stringify(body));
  }
  assert.equal(app.test.domain.registry.table.byId(lease.id)?.exposure, null);
});

Deno.test("an exposure whose rule cannot be set is kept, and a warning of the status says why", async () => {
  const machine = new FakeMachine(), { firewall } = machine;
  await using app = await openTestApp({ machine });
  firewall.failure = rightsMissing(READ, "nft needs root");
  const warnings = async () => (await app.call("/v1/status")).body.warnings;
  const exposure = { firewall: {} };
  const { status, body: lease } = await app.call("/v1/leases", { body: { exposure }, token: TOKEN });
  await assert.rejects(app.test.domain.firewall.sync(), { code: "firewall_unavailable" });
  const why = "not in order: Cannot read the firewall: nft needs root; portd firewall status shows them";
  assert.deepEqual([status, await warnings()], [201, [`the rules for open ports are ${why}`]]);
  const { body } = await app.call(`/v1/ports/${lease.port}`);
  assert.deepEqual(body.rules.map(({ state }: { state: string }) => state), ["unknown"]);
  const again = await app.test.restart();
  assert.deepEqual(again.domain.registry.table.byId(lease.id)?.exposure, lease.exposure);
  await assert.rejects(again.domain.firewall.sync(), { code: "firewall_unavailable" });
  assert.equal(again.domain.describe().warnings.length, 1);
  firewall.failure = undefined;
  await again.domain.firewall.sync();
  assert.deepEqual(again.domain.describe().warnings, []);
});

appTest("a firewall that cannot be read is unknown to GET and refuses a sync; leases go on", async (app) => {
  const { body: lease } = await app.call("/v1/leases", { body: { name: "web" } });
  await app.call(`/v1/leases/${lease.id}/exposure`, { method: "PUT", body: {}, token: TOKEN });
  const { status, body } = await app.call("/v1/firewall", { token: TOKEN });
  assert.deepEqual([status, body.actual, body.difference], [200, null, null]);
  assert.match(body.error, /^Cannot read the firewall: "firewall\.backend" is none$/);
  const desired = body.desired.map(({ name, state }: { name: string; state: string }) => [name, state]);
  assert.deepEqual(desired, [[`portd-in-tcp-${lease.port}`, "unknown"]]);
  for (const dryRun of [true, false]) {
    const sync = await app.call("/v1/firewall/sync", { body: { dryRun }, token: TOKEN });
    assert.deepEqual([sync.status, sync.body.code], [503, "firewall_unavailable"]);
  }
  const refused = await app.call("/v1/firewall/sync", { body: { dryRun: "yes" }, token: TOKEN });
  assert.deepEqual([refused.status, refused.body.field], [400, "dryRun"]);
});

appTest("a grant may be exposed from its first moment, which takes the token", async (app) => {
  const holder = { id: "me" };
  const body = { name: "game", holder, exposure: { firewall: { remote: ["any"] } } };
  const exposure = { firewall: { direction: "in", profiles: ["domain", "private"], remote: ["any"] }, gateway: null };
  const refused = await app.call("/v1/leases", { body });
  assert.deepEqual([refused.status, refused.body.code], [403, "scope_required"]);
  const wrong = await app.call("/v1/leases", { body, token: "0".repeat(64) });
  assert.deepEqual([wrong.status, wrong.body.code], [401, "unauthorized"]);
  assert.equal([...app.test.domain.registry.table.all()].length, 0);
  const granted = await app.call("/v1/leases", { body, token: TOKEN });
  assert.deepEqual([granted.status, granted.body.exposure], [201, exposure]);
  const again = await app.call("/v1/leases", { body: { name: "game", holder } });
  assert.deepEqual([again.status, again.body.exposure], [200, exposure]);
  const other = { ...body, exposure: {} };
  assert.equal((await app.call("/v1/leases", { body: other })).status, 403);
  const changed = await app.call("/v1/leases", { body: other, token: TOKEN });
  assert.deepEqual(changed.body.exposure.firewall.remote, ["LocalSubnet"]);
});

appTest("an open port is neither handed on nor kept open without the token", async (app) => {
  const body = { name: "game", holder: { id: "me" }, pid: Deno.pid };
  const { body: lease } = await app.call("/v1/leases", { body: { ...body, exposure: {} }, token: TOKEN });
  const path = `/v1/leases/${lease.id}`;
  for (const change of [{ lifetime: { kind: "pinned" } }, { pid: Deno.ppid }]) {
    const { status, body: refused } = await app.call(path, { method: "PATCH", body: change });
    assert.deepEqual([status, refused.code], [403, "scope_required"]);
  }
  assert.equal((await app.call(path, { method: "PATCH", body: { labels: { a: "b" } } })).status, 200);
  assert.equal((await app.call(`${path}/renew`, { body: { ttlMs: 3_600_000 } })).status, 403);
  assert.equal((await app.call(`${path}/renew`, { body: {} })).status, 200);
  assert.notEqual((await app.call("/v1/leases", { body })).body.exposure, null);
  const taken = await app.call("/v1/leases", { body: { ...body, pid: Deno.ppid } });
  assert.deepEqual([taken.status, taken.body.code, taken.body.field], [403, "scope_required", "pid"]);
  const handedOn = await app.call("/v1/leases", { body: { ...body, pid: Deno.ppid }, token: TOKEN });
  assert.deepEqual([handedOn.status, handedOn.body.holder.pid], [200, Deno.ppid]);
  assert.notEqual(handedOn.body.exposure, null);
});

appTest("an open port of no known process takes no process and no other lifetime without the token", async (app) => {
  const body = { name: "game", holder: { id: "me" } };
  const exposed = { ...body, exposure: { firewall: { remote: ["any"] } } };
  const { body: lease } = await app.call("/v1/leases", { body: exposed, token: TOKEN });
  for (const change of [{ pid: Deno.pid }, { lifetime: { kind: "pinned" } }, { ttlMs: 86_400_000 }]) {
    const { status, body: refused } = await app.call("/v1/leases", { body: { ...body, ...change } });
    assert.deepEqual([status, refused.code], [403, "scope_required"], JSON.stringify(change));
  }
  const { body: after } = await app.call(`/v1/leases/${lease.id}`);
  assert.deepEqual([after.holder, after.lifetime, after.exposure], [lease.holder, lease.lifetime, lease.exposure]);
  assert.equal((await app.call("/v1/leases", { body })).body.id, lease.id);
});

appTest("a port has the rules that its leases want, each with its state", async (app) => {
  const body = { protocols: ["tcp", "udp"], exposure: {} };
  const { body: lease } = await app.call("/v1/leases", { body, token: TOKEN });
  const { body: described } = await app.call(`/v1/ports/${lease.port}`);
  const rules = described.rules.map(({ name, state }: { name: string; state: string }) => [name, state]);
  const name = (protocol: string) => `portd-in-${protocol}-${lease.port}`;
  assert.deepEqual(rules, [[name("tcp"), "unknown"], [name("udp"), "unknown"]]);
});

Deno.test("in WSL the firewall's remarks say what Windows must allow, also where Linux has no firewall", async () => {
  const machine = new FakeMachine();
  machine.wsl = { version: 2, networking: "mirrored" };
  await using app = await openTestApp({ machine });
  const body = { port: app.test.first, exposure: {} };
  await app.call("/v1/leases", { body, token: TOKEN });
  const { body: found } = await app.call("/v1/firewall", { token: TOKEN });
  assert.match(found.remarks.at(-1), new RegExp(`New-NetFirewallHyperVRule .* -LocalPorts ${app.test.first} `));
  const { body: status } = await app.call("/v1/status");
  assert.deepEqual(status.wsl, machine.wsl);
  assert.match(status.warnings.join(), /the pool meets 20000-29999, which portd on Windows has/);
  await using elsewhere = await openTestApp({ machine: new FakeMachine() });
  assert.deepEqual((await elsewhere.call("/v1/firewall", { token: TOKEN })).body.remarks, []);
});
