import assert from "node:assert/strict";
import type { PortDescription } from "../../src/inspect/description.ts";
import { appTest, openTestApp, type TestApp } from "../support/app.ts";
import { linuxTest } from "../support/linux_only.ts";
import { Child, startStranger } from "../support/processes.ts";
import { freePort, listen } from "../support/sockets.ts";

async function describe(app: TestApp, port: number): Promise<PortDescription> {
  const { status, body } = await app.call(`/v1/ports/${port}`);
  assert.equal(status, 200);
  return body;
}

async function lease(app: TestApp, body: object): Promise<{ readonly id: string; readonly port: number }> {
  return (await app.call("/v1/leases", { body })).body;
}

appTest("GET /ports/{n} distinguishes a free pool port from a leased one that nobody has claimed", async (app) => {
  const free = await describe(app, app.test.first);
  assert.deepEqual([free.verdict, free.pooled, free.quarantined], ["free", true, false]);
  assert.equal(free.sentence, `Port ${app.test.first} is free`);
  assert.deepEqual(free.advice[0], `portd lease --port ${app.test.first} takes it`);
  const { id, port } = await lease(app, { name: "web", project: "shop" });
  const leased = await describe(app, port);
  assert.equal(leased.verdict, "leased");
  assert.deepEqual(leased.leases.map((each) => [each.id, each.state]), [[id, "granted"]]);
  assert.match(
    leased.sentence,
    new RegExp(`^Port ${port} is leased to "shop/web" .* nobody listens yet, and it ends at `),
  );
  await app.call(`/v1/leases/${id}`, { method: "DELETE" });
  const freed = await describe(app, port);
  assert.deepEqual([freed.verdict, freed.quarantined], ["free", true]);
  assert.match(freed.sentence, /cooled down/);
});

linuxTest("GET /ports/{n} names the holder's listener, and its connections apart", async () => {
  await using app = await openTestApp();
  const { port } = await lease(app, { name: "web", project: "shop", pid: Deno.pid });
  using server = listen(port);
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  const accepted = await server.listener.accept();
  await app.test.domain.watch.look();
  const { verdict, sentence, listeners, connections } = await describe(app, port);
  assert.equal(verdict, "listening");
  assert.match(sentence, /^Port \d+ is leased to "shop\/web", and its holder listens since \d{4}-.*: pid \d+ \(deno/);
  const [own] = listeners;
  assert.deepEqual(
    [listeners.length, own?.pid, own?.ofHolder, own?.process?.cwd, own?.ancestors[0]?.pid],
    [1, Deno.pid, true, Deno.cwd(), Deno.ppid],
  );
  assert.match(own?.startTime ?? "", /^\d+$/);
  assert.deepEqual(connections.map(({ state }) => state), ["ESTABLISHED"]);
  accepted.close();
  client.close();
});

linuxTest("GET /ports/{n} calls a stranger on a leased port a conflict before the watch has seen them", async () => {
  await using app = await openTestApp();
  await using holder = await Child.start("", { beginsSession: true });
  const { port } = await lease(app, { name: "web", project: "shop", pid: holder.pid });
  const before = Date.now();
  await using stranger = await startStranger(port);
  const { verdict, sentence, listeners, advice } = await describe(app, port);
  assert.equal(verdict, "conflict");
  assert.deepEqual(listeners.map(({ pid, ofHolder }) => [pid, ofHolder]), [[stranger.pid, false]]);
  const startedAt = Date.parse(listeners[0]?.startedAt ?? "");
  assert.ok(startedAt > before - 2000 && startedAt < Date.now() + 2000, listeners[0]?.startedAt ?? "none");
  assert.match(sentence, new RegExp(`leased to "shop/web" .*, but a stranger listens: pid ${stranger.pid} `));
  assert.match(advice.join(), new RegExp(`portd free ${port} --force ends the stranger`));
});

linuxTest("GET /ports/{n} says who uses a port that nobody leases, listening or not", async () => {
  await using app = await openTestApp();
  using server = listen();
  const client = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const listening = await describe(app, server.port);
  assert.deepEqual([listening.verdict, listening.listeners[0]?.ofHolder], ["listening", null]);
  assert.match(listening.sentence, /portd has no lease of it$/);
  const bound = await describe(app, (client.localAddr as Deno.NetAddr).port);
  // The system gives one local port to connections to different peers: some of other tests may linger there.
  const own = bound.connections.find(({ remotePort }) => remotePort === server.port);
  assert.deepEqual([bound.verdict, own?.state, own?.pid], ["bound", "ESTABLISHED", Deno.pid]);
  assert.match(bound.sentence, /uses it for a connection \(\w+\), though nobody listens$/);
  client.close();
});

Deno.test("GET /ports/{n} says what a number is known for, and refuses what is none", async () => {
  const port = freePort();
  await using app = await openTestApp({ exclude: [{ first: port, last: port }] });
  const excluded = await describe(app, port);
  assert.equal(excluded.verdict, "excluded");
  assert.deepEqual(excluded.exclusions, [{ first: port, last: port, by: "configuration", protocols: ["tcp", "udp"] }]);
  assert.match(excluded.sentence, /is excluded by the configuration \(\d+\): portd never grants it$/);
  const zero = await describe(app, 0);
  assert.deepEqual([zero.verdict, zero.class, zero.privileged], ["excluded", "reserved", false]);
  assert.match(zero.sentence, /^Port 0 is not a port: .* ephemeral range \d+-\d+$/);
  for (
    const [n, portClass, service] of [[80, "system", "http"], [443, "system", "https"], [5432, "user", "postgresql"]]
  ) {
    const known = await describe(app, n as number);
    assert.deepEqual([known.class, known.services.map(({ name }) => name)], [portClass, [service, service]]);
  }
  for (const n of [50000, 65535]) assert.equal((await describe(app, n)).class, "dynamic");
  for (const [text, code] of [["65536", "port_out_of_range"], ["-1", "invalid_request"], ["http", "invalid_request"]]) {
    const { body } = await app.call(`/v1/ports/${text}`);
    assert.deepEqual([body.code, body.field, body.value], [code, "port", text]);
  }
});

appTest(
  "GET /ports/map shows the state of every port, and a lease as soon as it is granted or released",
  async (app) => {
    const stateOf = async (port: number) => {
      const { status, body: { tcp } } = await app.call("/v1/ports/map");
      assert.equal(status, 200);
      let first = 0;
      for (const [, length, letter] of (tcp as string).matchAll(/(\d+)([a-z])/g)) {
        if (port < (first += Number(length))) return letter;
      }
    };
    assert.equal(await stateOf(app.test.first), "p");
    const { id, port } = await lease(app, { name: "web", project: "shop" });
    const asked = stateOf(port);
    await new Promise((resolve) => setTimeout(resolve)); // it waits for its turn by now
    app.test.clock.advance(1000);
    assert.equal(await asked, "l");
    await app.call(`/v1/leases/${id}`, { method: "DELETE" });
    app.test.clock.advance(1000);
    assert.equal(await stateOf(port), "q");
    assert.equal((await app.call("/v1/ports/map?port=1")).body.code, "invalid_request");
  },
);
