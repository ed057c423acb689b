import assert from "node:assert/strict";
import type { Lease } from "../../src/lease/lease.ts";
import { openTestDomain, request, type TestDomain } from "../support/domain.ts";
import { startHolder, startStranger } from "../support/processes.ts";
import { listen } from "../support/sockets.ts";

const linux = Deno.build.os === "linux";

async function grantOne(test: TestDomain, ...args: Parameters<typeof request>): Promise<Lease> {
  return (await test.domain.registry.grant(request(...args))).leases[0]!;
}

function now(test: TestDomain, { id }: Lease): Lease {
  return test.domain.registry.present(test.domain.registry.live(id));
}

Deno.test("the watch sees a real listener come and go", async () => {
  await using test = await openTestDomain();
  const lease = await grantOne(test);
  await test.domain.watch.look();
  assert.equal(now(test, lease).state, "granted");
  {
    using _server = listen(lease.port);
    await test.domain.watch.look();
    const listening = now(test, lease);
    assert.deepEqual([listening.state, listening.expiresAt], ["listening", null]);
    if (linux) {
      assert.deepEqual([listening.listener?.pid, listening.listener?.address], [Deno.pid, "127.0.0.1"]);
      assert.match(listening.listener?.command ?? "", /test/);
    }
  }
  await test.domain.watch.look();
  assert.deepEqual([now(test, lease).state, now(test, lease).listener], ["idle", null]);
});

Deno.test("the watch sees a UDP server", async () => {
  await using test = await openTestDomain();
  const lease = await grantOne(test, { protocols: ["udp"] });
  const server = Deno.listenDatagram({ hostname: "127.0.0.1", port: lease.port, transport: "udp" });
  await test.domain.watch.look();
  assert.equal(now(test, lease).state, "listening");
  server.close();
  await test.domain.watch.look();
  assert.equal(now(test, lease).state, "idle");
});

Deno.test({
  name: "the watch calls a listener that is not the holder's a conflict",
  ignore: !linux,
  async fn() {
    await using test = await openTestDomain();
    await using holder = startHolder();
    const lease = await grantOne(test, {}, { pid: holder.pid });
    {
      await using _stranger = await startStranger(lease.port);
      await test.domain.watch.look();
      assert.equal(now(test, lease).state, "conflict");
      assert.notEqual(now(test, lease).listener?.pid, holder.pid);
    }
    await test.domain.watch.look();
    assert.equal(now(test, lease).state, "granted");
  },
});

Deno.test({
  name: "the watch ends a process lease when its process is gone",
  ignore: !linux,
  async fn() {
    await using test = await openTestDomain();
    const holder = startHolder();
    const lease = await grantOne(test, {}, { pid: holder.pid, lifetime: { kind: "process", graceMs: 1000 } });
    await test.domain.watch.look();
    assert.equal(now(test, lease).expiresAt, null);
    await holder[Symbol.asyncDispose]();
    await test.domain.watch.look();
    assert.notEqual(now(test, lease).expiresAt, null);
    test.clock.advance(1000);
    await test.domain.watch.look();
    assert.equal(test.domain.store.find(lease.id)?.state, "expired");
  },
});

Deno.test({
  name: "a pid that was reused does not keep a process lease",
  ignore: !linux,
  async fn() {
    await using test = await openTestDomain();
    const lease = await grantOne(test, {}, { pid: Deno.pid, lifetime: { kind: "process", graceMs: 0 } });
    const record = test.domain.registry.live(lease.id);
    // As if our pid had been another process when the lease was granted.
    test.domain.registry.table.replace({ ...record, holder: { ...record.holder, startTime: "1" } });
    await test.domain.watch.look();
    test.clock.advance(1);
    await test.domain.watch.look();
    assert.equal(test.domain.store.find(lease.id)?.state, "expired");
  },
});

Deno.test({
  name: "a hold that a listener kept from being taken at start is taken once the listener has left",
  ignore: !linux,
  async fn() {
    await using test = await openTestDomain();
    const lease = await grantOne(test);
    const server = listen(lease.port);
    const after = await test.restart();
    assert.equal(after.domain.describe().holds.kept, 0);
    await after.domain.watch.look();
    server[Symbol.dispose]();
    await after.domain.watch.look();
    assert.deepEqual([after.domain.describe().holds.kept, now(after, lease).state], [1, "idle"]);
    await after.close();
  },
});
