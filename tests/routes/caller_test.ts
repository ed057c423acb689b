import assert from "node:assert/strict";
import { Callers } from "../../src/caller/caller.ts";
import type { Connection } from "../../src/os/socket.ts";
import { openTestApp, type TestApp, type TestAppOptions, TOKEN } from "../support/app.ts";
import { FakeClock } from "../support/clock.ts";
import { startTestDaemon } from "../support/daemon.ts";
import { temporaryFolder } from "../support/folder.ts";
import { linuxTest } from "../support/linux_only.ts";
import { freePort } from "../support/sockets.ts";

/** Remote ports of callers. */
const OWNER = 5000, ROOT = 5001, ALICE = 5002, BOB = 5003, HIDDEN = 5004;
const USERS: Readonly<Record<number, string>> = {
  [OWNER]: "uid:1000",
  [ROOT]: "uid:0",
  [ALICE]: "uid:1001",
  [BOB]: "uid:1002",
};

/** An API that knows these callers; ports below `privilegedBelow` take rights. */
async function openApp({ privilegedBelow = 0, ...options }: TestAppOptions & { privilegedBelow?: number } = {}) {
  const asked: Connection[] = [];
  const userOf = (connection: Connection) => {
    asked.push(connection);
    return USERS[connection.remote.port] ?? null;
  };
  const callers = new Callers({ users: { self: "uid:1000", userOf, close() {} }, clock: new FakeClock() });
  const lastPorts = new Map<string, number>();
  const privileged = { below: privilegedBelow, lastPortOf: (name: string) => lastPorts.get(name) };
  const app = await openTestApp({ ...options, replaced: { callers, privileged } });
  return { app, asked, lastPorts, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
}

async function grant(app: TestApp, from: number | undefined, body: object = {}): Promise<string | number> {
  const { status, body: answer } = await app.call("/v1/leases", { body, ...(from === undefined ? {} : { from }) });
  return status === 201 ? status : answer.code;
}

Deno.test("each user has so many leases as the configuration allows, the daemon's own user and root have any", async () => {
  await using opened = await openApp({ maxLeasesPerUser: 2 });
  const { app, asked } = opened;
  for (const user of [ALICE, ALICE, BOB, BOB]) assert.equal(await grant(app, user), 201);
  assert.deepEqual([await grant(app, ALICE), await grant(app, BOB)], ["too_many_leases", "too_many_leases"]);
  for (const owner of [OWNER, OWNER, ROOT]) assert.equal(await grant(app, owner), 201);
  const { status, body } = await app.call("/v1/leases", { body: { count: 3 }, from: ALICE });
  assert.deepEqual([status, body.owner, body.leases, body.limit], [429, "uid:1001", 2, 2]);
  assert.deepEqual(asked[0], {
    remote: { address: "127.0.0.1", port: ALICE },
    local: { address: "127.0.0.1", port: 7678 },
  });
});

Deno.test("callers of whom the system says nothing share one bound, and the token has none", async () => {
  await using opened = await openApp({ maxLeasesPerUser: 2 });
  const { app, asked } = opened;
  assert.deepEqual([await grant(app, HIDDEN), await grant(app, undefined)], [201, 201]);
  assert.deepEqual([await grant(app, HIDDEN), await grant(app, undefined)], ["too_many_leases", "too_many_leases"]);
  asked.length = 0;
  const { status } = await app.call("/v1/leases", { body: { count: 3 }, token: TOKEN, from: HIDDEN });
  assert.deepEqual([status, asked.length], [201, 0]);
  const body = { name: "web", holder: { id: "h" }, count: 1 };
  assert.equal((await app.call("/v1/leases", { body, token: TOKEN })).status, 201);
  assert.equal((await app.call("/v1/leases", { body, from: HIDDEN })).status, 200, "a live name is no lease more");
});

Deno.test("a privileged port takes the token, root or the daemon's own user, in every way to ask for it", async () => {
  const port = freePort();
  await using opened = await openApp({ privilegedBelow: port + 1 });
  const { app, lastPorts } = opened;
  const range = { first: port, last: port };
  const ways = [{ port }, { range }, { block: 1, port }, { services: [{ name: "a" }, { name: "b", port }] }];
  for (const way of ways) {
    for (const from of [ALICE, HIDDEN, undefined]) assert.equal(await grant(app, from, way), "scope_required");
  }
  assert.equal(app.test.domain.registry.table.size, 0);
  const { body } = await app.call("/v1/leases", { body: { prefer: [port], pool: "os" }, from: ALICE });
  assert.notEqual(body.port, port);
  for (const from of [ROOT, OWNER]) {
    const granted = await app.call("/v1/leases", { body: { port, name: "web" }, from });
    assert.deepEqual([granted.status, granted.body.port], [201, port]);
    await app.call(`/v1/leases/${granted.body.id}`, { method: "DELETE" });
  }
  lastPorts.set("web", port);
  const byName = (from: number) => app.call("/v1/leases", { body: { name: "web" }, from });
  const again = await byName(ROOT);
  assert.equal(again.body.port, port);
  await app.call(`/v1/leases/${again.body.id}`, { method: "DELETE" });
  assert.notEqual((await byName(ALICE)).body.port, port);
  assert.equal((await app.call("/v1/leases", { body: { port }, token: TOKEN })).status, 201);
});

Deno.test("who may have a privileged port is asked of the system each time, not remembered", async () => {
  const port = freePort();
  await using opened = await openApp({ privilegedBelow: port + 1 });
  const { app, asked } = opened;
  assert.equal(await grant(app, ROOT), 201);
  assert.equal(await grant(app, ROOT), 201);
  assert.equal(asked.length, 1);
  assert.equal(await grant(app, ROOT, { port }), 201);
  assert.equal(asked.length, 2);
});

linuxTest("a daemon knows a caller over its own sockets, and does not count its own user's leases", async () => {
  await using folder = await temporaryFolder();
  await using daemon = await startTestDaemon(folder.path, { maxLeasesPerUser: "0", pool: "21000-21999" });
  for (const host of ["127.0.0.1", "[::1]"]) {
    const response = await fetch(`${daemon.url.replace("127.0.0.1", host)}/v1/leases`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    assert.equal(response.status, 201, await response.text());
  }
});
