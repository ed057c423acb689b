import assert from "node:assert/strict";
import type { Lease } from "../../src/lease/lease.ts";
import { openTestDomain, request, type TestDomain } from "../support/domain.ts";
import { temporaryFolder } from "../support/folder.ts";
import { startHolder, startStranger, startWrapper } from "../support/processes.ts";
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
  name: "after a conflict the port is withheld, and granted to nobody while the stranger listens",
  ignore: !linux,
  async fn() {
    await using test = await openTestDomain({ poolSize: 2 });
    await using holder = startHolder();
    const lease = await grantOne(test, { name: "shop/web" }, { pid: holder.pid });
    await using _stranger = await startStranger(lease.port);
    await test.domain.watch.look();
    await test.domain.registry.end(lease.id, "released");
    assert.equal((await test.domain.ports.describe(lease.port)).quarantined, true);
    const [other] = (await test.domain.registry.grant(request({ name: "shop/web" }))).leases;
    assert.notEqual(other!.port, lease.port);
    test.clock.advance(test.config.cooldownMs + 1);
    await assert.rejects(grantOne(test), { code: "pool_exhausted" });
    assert.equal((await test.domain.ports.describe(lease.port)).quarantined, true);
  },
});

Deno.test({
  name: "the watch tells who begins to listen on a leased port and who stops, and nothing of other ports",
  ignore: !linux,
  async fn() {
    await using test = await openTestDomain();
    const told: string[] = [];
    test.domain.events.subscribe((event) => {
      if (!("listener" in event)) return;
      const { localPort, pid, process, lease } = event.listener;
      assert.match(process?.command ?? "", /deno/);
      told.push(`${event.type} ${localPort} ${pid} ${lease?.name}`);
    });
    const lease = await grantOne(test, { name: "shop/web" });
    using _other = listen();
    const server = listen(lease.port);
    await test.domain.watch.look();
    await test.domain.watch.look();
    assert.deepEqual(told, [`listener.opened ${lease.port} ${Deno.pid} shop/web`]);
    server[Symbol.dispose]();
    await test.domain.watch.look();
    assert.deepEqual(told.slice(1), [`listener.closed ${lease.port} ${Deno.pid} shop/web`]);
    using _again = listen(lease.port);
    await test.domain.watch.look();
    await test.domain.registry.end(lease.id, "released"); // it listens on, but on a port that is no longer ours to watch
    await test.domain.watch.look();
    assert.equal(told.length, 3);
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

/** Two processes that share a listener: a parent, and a child in a session of its own that goes on without it. */
async function startSharers(
  port: number,
): Promise<{ readonly parent: number; readonly child: number } & AsyncDisposable> {
  const script = `import os, socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", ${port})); s.listen()
there, here = os.pipe()
child = os.fork()
if child == 0:
    os.setsid()
    os.write(here, b".")
    os.close(1)
    sys.stdin.read()
    os._exit(0)
os.read(there, 1)
print(child, flush=True)
import signal; signal.pause()`;
  const parent = new Deno.Command("setsid", { args: ["python3", "-c", script], stdin: "piped", stdout: "piped" })
    .spawn();
  const reader = parent.stdout.getReader();
  const child = Number(new TextDecoder().decode((await reader.read()).value));
  return {
    parent: parent.pid,
    child,
    async [Symbol.asyncDispose]() {
      await parent.stdin.close(); // ends the child
      try {
        parent.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended
      }
      await reader.cancel();
      await parent.status;
    },
  };
}

Deno.test({
  name: "a socket that a stranger shares with the holder is the holder's, and each of his processes is told",
  ignore: !linux,
  async fn() {
    await using test = await openTestDomain();
    const lease = await grantOne(test, { name: "shop/web" });
    await using sharers = await startSharers(lease.port);
    await test.domain.registry.amend(lease.id, { pid: sharers.child });
    await test.domain.watch.look();
    assert.equal(now(test, lease).state, "listening");
    assert.equal(now(test, lease).listener?.pid, sharers.child);
    const { verdict, listeners } = await test.domain.ports.describe(lease.port);
    assert.deepEqual([verdict, listeners.map(({ pid }) => pid)], ["listening", [sharers.child]]);
    await test.domain.registry.amend(lease.id, { pid: sharers.parent });
    const shared = await test.domain.ports.describe(lease.port);
    assert.deepEqual(shared.listeners.map(({ pid, ofHolder }) => [pid, ofHolder]), [
      [sharers.parent, true],
      [sharers.child, true],
    ]);
    for (const pid of [sharers.parent, sharers.child]) {
      const parts = await Array.fromAsync(test.domain.listing.list({ pid, port: lease.port }));
      assert.deepEqual(parts.flat().map((socket) => [socket.pid, socket.ofHolder]), [[pid, true]]);
    }
  },
});

Deno.test({
  name: "when the process that was told for a socket ends, one that shares the socket is told in its place",
  ignore: !linux,
  async fn() {
    await using test = await openTestDomain();
    const lease = await grantOne(test);
    await using sharers = await startSharers(lease.port);
    await test.domain.registry.amend(lease.id, { pid: sharers.parent });
    await test.domain.watch.look();
    assert.equal(now(test, lease).listener?.pid, sharers.parent);
    Deno.kill(sharers.parent, "SIGKILL");
    while (test.domain.processes.find(sharers.parent) !== undefined) await test.domain.watch.look();
    await test.domain.watch.look();
    // It was the holder's socket, and stays so though the holder's process is gone.
    assert.deepEqual([now(test, lease).state, now(test, lease).listener?.pid], ["listening", sharers.child]);
  },
});

/** Of a lease of kind `process` whose wrapper has been killed, and whose server goes on listening. */
async function grantOrphaned(test: TestDomain) {
  const { id, port } = await grantOne(test, { name: "shop/web" });
  const wrapper = startWrapper(port);
  const lifetime = { kind: "process", graceMs: 1000 } as const;
  const lease = await test.domain.registry.amend(id, { pid: wrapper.pid, lifetime });
  const server = await wrapper.nextServer();
  await test.domain.watch.look();
  assert.deepEqual([now(test, lease).state, now(test, lease).listener?.pid], ["listening", server]);
  await wrapper.kill();
  return { wrapper, server, lease };
}

Deno.test({
  name: "a lease of kind process stays while what its killed process has started listens, then for its grace",
  ignore: !linux,
  async fn() {
    await using test = await openTestDomain();
    const { wrapper, server, lease } = await grantOrphaned(test);
    await using _wrapper = wrapper;
    for (let looks = 0; looks < 3; looks++) {
      test.clock.advance(60_000);
      await test.domain.watch.look();
      assert.deepEqual([now(test, lease).state, now(test, lease).expiresAt], ["listening", null]);
    }
    const after = await test.restart();
    for (let looks = 0; looks < 3; looks++) {
      test.clock.advance(60_000);
      await after.domain.watch.look();
      assert.deepEqual([now(after, lease).state, now(after, lease).listener?.pid], ["listening", server]);
    }
    await wrapper.endServer();
    await after.domain.watch.look();
    assert.equal(now(after, lease).state, "idle");
    test.clock.advance(999);
    await after.domain.watch.look();
    assert.equal(now(after, lease).state, "idle");
    test.clock.advance(1);
    await after.domain.watch.look();
    assert.equal(after.domain.store.find(lease.id)?.state, "expired");
    const again = await grantOne(after, { name: "shop/web" });
    assert.equal(again.port, lease.port);
    await after.close();
  },
});

Deno.test({
  name: "a server that is started again by what the killed process has started is the holder's, also after a restart",
  ignore: !linux,
  async fn() {
    await using test = await openTestDomain();
    const { wrapper, server, lease } = await grantOrphaned(test);
    await using _wrapper = wrapper;
    Deno.kill(server, "SIGKILL");
    const second = await wrapper.nextServer();
    await test.domain.watch.look();
    assert.deepEqual([now(test, lease).state, now(test, lease).listener?.pid], ["listening", second]);
    const after = await test.restart();
    await after.domain.watch.look();
    Deno.kill(second, "SIGKILL");
    const third = await wrapper.nextServer();
    await after.domain.watch.look();
    assert.deepEqual([now(after, lease).state, now(after, lease).listener?.pid], ["listening", third]);
    await after.close();
  },
});

Deno.test({
  name: "a listener of the tree that comes back within the grace ends the grace",
  ignore: !linux,
  async fn() {
    await using test = await openTestDomain();
    const lifetime = { kind: "process", graceMs: 1000 } as const;
    const holder = startHolder();
    const lease = await grantOne(test, {}, { pid: holder.pid, lifetime });
    await holder[Symbol.asyncDispose]();
    await test.domain.watch.look();
    assert.notEqual(now(test, lease).expiresAt, null);
    await using server = await startStranger(lease.port);
    const { startTime, bootId } = test.domain.processes.find(server.pid)!;
    const record = test.domain.registry.live(lease.id);
    const known = { pid: server.pid, startTime, bootId, command: null, cwd: null, user: null };
    const listener = { ...known, address: "127.0.0.1", since: "", reason: null };
    // As a daemon before this one has left it, which saw this very process listen for the holder.
    test.domain.registry.table.replace({ ...record, state: "listening", listener });
    await test.domain.watch.look();
    assert.deepEqual([now(test, lease).state, now(test, lease).expiresAt], ["listening", null]);
  },
});

Deno.test({
  name: "a process that has the pid of a known listener is not the holder's: its lease ends",
  ignore: !linux,
  async fn() {
    await using test = await openTestDomain();
    const lifetime = { kind: "process", graceMs: 0 } as const;
    const holder = startHolder();
    const lease = await grantOne(test, {}, { pid: holder.pid, lifetime });
    await holder[Symbol.asyncDispose]();
    await using server = await startStranger(lease.port);
    const record = test.domain.registry.live(lease.id);
    const { bootId } = test.domain.processes;
    const known = { pid: server.pid, startTime: "1", bootId, command: null, cwd: null, user: null };
    const listener = { ...known, address: "127.0.0.1", since: "", reason: null };
    test.domain.registry.table.replace({ ...record, state: "listening", listener });
    assert.equal((await test.domain.ports.describe(lease.port)).listeners[0]?.ofHolder, false);
    await test.domain.watch.look();
    test.clock.advance(1);
    await test.domain.watch.look();
    assert.equal(test.domain.store.find(lease.id)?.state, "expired");
  },
});

Deno.test({
  name:
    "a new process of the holder takes the lease over with its port, and the server that listens stays the holder's",
  ignore: !linux,
  async fn() {
    await using test = await openTestDomain();
    const { wrapper, server, lease } = await grantOrphaned(test);
    await using _wrapper = wrapper;
    await using holder = startHolder();
    await assert.rejects(
      grantOne(test, { name: "shop/web" }, { pid: holder.pid, lifetime: lease.lifetime }),
      { code: "name_taken", message: new RegExp(`process ${server} `) },
    );
    const taken = await test.domain.registry.amend(lease.id, { pid: holder.pid });
    assert.deepEqual([taken.port, taken.holder.pid], [lease.port, holder.pid]);
    assert.deepEqual([taken.state, taken.listener?.pid], ["listening", server]);
    await test.domain.watch.look();
    assert.deepEqual([now(test, lease).state, now(test, lease).listener?.pid], ["listening", server]);
    const { listeners } = await test.domain.ports.describe(lease.port);
    assert.deepEqual(listeners.map(({ pid, ofHolder }) => [pid, ofHolder]), [[server, true]]);
  },
});

Deno.test({
  name: "a stranger beside the holder's listener is a conflict, and does not let the lease run out",
  ignore: !linux,
  async fn() {
    await using test = await openTestDomain();
    const { wrapper, lease } = await grantOrphaned(test);
    await using _wrapper = wrapper;
    await using stranger = await startStranger(lease.port, { hostname: "127.0.0.2" });
    for (let looks = 0; looks < 2; looks++) {
      await test.domain.watch.look();
      test.clock.advance(60_000);
      assert.deepEqual([now(test, lease).state, now(test, lease).expiresAt], ["conflict", null]);
    }
    assert.equal(now(test, lease).listener?.pid, stranger.pid);
  },
});

Deno.test({
  name: "two projects that want the same port each see whose server it is, by the folder in which it runs",
  ignore: !linux,
  async fn() {
    await using test = await openTestDomain();
    await using folder = await temporaryFolder();
    const [shop, other] = [`${folder.path}/shop`, `${folder.path}/other`];
    for (const path of [`${shop}/src`, other]) await Deno.mkdir(path, { recursive: true });
    const grant = (project: string, cwd: string) =>
      grantOne(test, { name: `${project}/web`, prefer: [test.first] }, {
        holder: { id: `cli:${cwd}`, command: null, cwd },
      });
    const [first, second] = [await grant("shop", shop), await grant("other", other)];
    assert.deepEqual([first.port, second.port === first.port], [test.first, false]);
    {
      await using server = await startStranger(first.port, { cwd: other });
      await test.domain.watch.look();
      const { state, listener } = now(test, first);
      assert.deepEqual([state, listener?.pid], ["conflict", server.pid]);
      assert.match(listener?.reason ?? "", new RegExp(`^pid ${server.pid} .* runs in ${other}, not in ${shop}$`));
      const { sentence, listeners } = await test.domain.ports.describe(first.port);
      assert.deepEqual(listeners.map(({ ofHolder, reason }) => [ofHolder, reason]), [[false, listener?.reason]]);
      assert.ok(sentence.includes(listener!.reason!), sentence);
      assert.equal(now(test, second).state, "granted");
    }
    await using _server = await startStranger(first.port, { cwd: `${shop}/src` });
    await test.domain.watch.look();
    assert.deepEqual([now(test, first).state, now(test, first).listener?.reason], ["listening", null]);
  },
});
