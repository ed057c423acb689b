import assert from "node:assert/strict";
import type { Lease } from "../../src/lease/lease.ts";
import { domainTest, grantOne, openTestDomain, type TestDomain, type TestOptions } from "../support/domain.ts";
import { linuxTest } from "../support/linux_only.ts";
import { FakeMachine } from "../support/machine.ts";
import { Child, killChild, startStranger } from "../support/processes.ts";
import { listen } from "../support/sockets.ts";

const linux = Deno.build.os === "linux";

function now(test: TestDomain, { id }: Lease): Lease {
  return test.domain.registry.present(test.domain.registry.live(id));
}

/** The state of a live lease and the pid of its listener. */
function listening({ state, listener }: Lease) {
  return [state, listener?.pid];
}

/** So much time passes, and the watch looks. @returns the state of the lease then. */
async function stateAfter({ clock, domain: { watch, store } }: TestDomain, ms: number, { id }: Lease) {
  clock.advance(ms);
  await watch.look();
  return store.find(id)?.state;
}

/** The watch looks. @returns a live lease as it is then. */
async function look(test: TestDomain, lease: Lease): Promise<Lease> {
  await test.domain.watch.look();
  return now(test, lease);
}

const HOLDER = 10, STRANGER = 20, NEXT_HOLDER = 30;

/** A test on a machine in memory, on which a holder and a stranger run. */
function machineTest(
  name: string,
  run: (test: TestDomain, machine: FakeMachine) => Promise<void>,
  options: TestOptions = {},
): void {
  Deno.test(name, async () => {
    const machine = new FakeMachine();
    for (const pid of [HOLDER, STRANGER]) machine.start(pid);
    await using test = await openTestDomain({ machine, ...options });
    await run(test, machine);
  });
}

const on = ({ port }: Lease) => ({ protocol: "tcp", port }) as const;

domainTest("the watch sees a real listener come and go", async (test) => {
  const lease = await grantOne(test);
  assert.equal((await look(test, lease)).state, "granted");
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

domainTest("the watch sees a UDP server", async (test) => {
  const lease = await grantOne(test, { protocols: ["udp"] });
  const server = Deno.listenDatagram({ hostname: "127.0.0.1", port: lease.port, transport: "udp" });
  assert.equal((await look(test, lease)).state, "listening");
  server.close();
  assert.equal((await look(test, lease)).state, "idle");
});

linuxTest("the watch calls a listener that is not the holder's a conflict", async () => {
  await using test = await openTestDomain();
  await using holder = await Child.start("", { beginsSession: true });
  const lease = await grantOne(test, {}, { pid: holder.pid });
  {
    await using _stranger = await startStranger(lease.port);
    assert.equal((await look(test, lease)).state, "conflict");
    assert.notEqual(now(test, lease).listener?.pid, holder.pid);
  }
  assert.equal((await look(test, lease)).state, "granted");
});

machineTest("after a conflict nobody is granted the port while the stranger listens", async (test, machine) => {
  const lease = await grantOne(test, { name: "shop/web" }, { pid: HOLDER });
  machine.listen(on(lease), { pid: STRANGER });
  await test.domain.watch.look();
  await test.domain.registry.end(lease.id, "released");
  assert.equal((await test.domain.ports.describe(lease.port)).quarantined, true);
  const other = await grantOne(test, { name: "shop/web" });
  assert.notEqual(other.port, lease.port);
  test.clock.advance(test.config.cooldownMs + 1);
  await assert.rejects(grantOne(test), { code: "pool_exhausted" });
  assert.equal((await test.domain.ports.describe(lease.port)).quarantined, true);
}, { poolSize: 2 });

machineTest("the watch reports who begins and stops listening, on leased ports alone", async (test, machine) => {
  const reported: string[] = [];
  test.domain.events.subscribe((event) => {
    if (!("listener" in event)) return;
    const { localPort, pid, process, lease } = event.listener;
    assert.equal(process?.command, `server-${HOLDER}`);
    reported.push(`${event.type} ${localPort} ${pid} ${lease?.name}`);
  });
  const lease = await grantOne(test, { name: "shop/web" });
  machine.listen({ protocol: "tcp", port: 1 }, { pid: HOLDER });
  machine.listen(on(lease), { pid: HOLDER });
  await test.domain.watch.look();
  await test.domain.watch.look();
  assert.deepEqual(reported, [`listener.opened ${lease.port} ${HOLDER} shop/web`]);
  machine.stopListening(lease.port);
  await test.domain.watch.look();
  assert.deepEqual(reported.slice(1), [`listener.closed ${lease.port} ${HOLDER} shop/web`]);
  machine.listen(on(lease), { pid: HOLDER });
  await test.domain.watch.look();
  await test.domain.registry.end(lease.id, "released"); // it listens on, but on a port that is no longer ours to watch
  await test.domain.watch.look();
  assert.equal(reported.length, 3);
});

machineTest("the watch ends a process lease when its process is gone", async (test, machine) => {
  const lease = await grantOne(test, {}, { pid: HOLDER, lifetime: { kind: "process", graceMs: 1000 } });
  assert.equal((await look(test, lease)).expiresAt, null);
  machine.end(HOLDER);
  assert.notEqual((await look(test, lease)).expiresAt, null);
  assert.equal(await stateAfter(test, 1000, lease), "expired");
});

machineTest("a pid that was reused does not keep a process lease", async (test, machine) => {
  const lease = await grantOne(test, {}, { pid: HOLDER, lifetime: { kind: "process", graceMs: 0 } });
  machine.end(HOLDER);
  machine.start(HOLDER);
  await test.domain.watch.look();
  assert.equal(await stateAfter(test, 1, lease), "expired");
});

machineTest("a hold that a listener prevented at start is taken when the listener has left", async (test, machine) => {
  const lease = await grantOne(test);
  machine.listen(on(lease), { pid: HOLDER });
  const after = await test.restart();
  assert.equal(after.domain.describe().holds.kept, 0);
  await after.domain.watch.look();
  machine.stopListening(lease.port);
  await after.domain.watch.look();
  assert.deepEqual([after.domain.describe().holds.kept, now(after, lease).state], [1, "idle"]);
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
      await killChild(parent);
      await reader.cancel();
    },
  };
}

linuxTest("a socket that a stranger shares is the holder's, and each of its processes is listed", async () => {
  await using test = await openTestDomain();
  const lease = await grantOne(test, { name: "shop/web" });
  await using sharers = await startSharers(lease.port);
  await test.domain.registry.amend(lease.id, { pid: sharers.child });
  assert.equal((await look(test, lease)).state, "listening");
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
});

linuxTest("when the process that was named for a socket ends, one that shares it is named instead", async () => {
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
});

/** The shell between the holder and its server, and the servers that it starts one after the other. */
const SHELL = 11, SERVER = 12, SECOND = 13, THIRD = 14;
const GRACE = { kind: "process", graceMs: 1000 } as const;

/** Of a lease of kind `process` whose process has been killed, and whose server goes on listening. */
async function grantOrphaned(test: TestDomain, machine: FakeMachine): Promise<Lease> {
  const lease = await grantOne(test, { name: "shop/web" }, { pid: HOLDER, lifetime: GRACE });
  machine.start(SHELL, { parentPid: HOLDER, processGroup: HOLDER });
  serve(machine, lease, SERVER);
  assert.deepEqual(listening(await look(test, lease)), ["listening", SERVER]);
  machine.end(HOLDER);
  machine.start(SHELL, { ...machine.processes.get(SHELL)!, parentPid: 1 });
  return lease;
}

/** The shell starts a server. */
function serve(machine: FakeMachine, lease: Lease, pid: number): void {
  machine.start(pid, { parentPid: SHELL, processGroup: HOLDER });
  machine.listen(on(lease), { pid, address: "127.0.0.1" });
}

machineTest("a lease of a killed process stays while its server listens, then for its grace", async (test, machine) => {
  const lease = await grantOrphaned(test, machine);
  const lookThrice = async (test: TestDomain) => {
    for (let looks = 0; looks < 3; looks++) {
      test.clock.advance(60_000);
      const seen = await look(test, lease);
      assert.deepEqual([...listening(seen), seen.expiresAt], ["listening", SERVER, null]);
    }
  };
  await lookThrice(test);
  const after = await test.restart();
  await lookThrice(after);
  machine.end(SERVER);
  assert.equal((await look(after, lease)).state, "idle");
  test.clock.advance(999);
  assert.equal((await look(after, lease)).state, "idle");
  assert.equal(await stateAfter(after, 1, lease), "expired");
  const again = await grantOne(after, { name: "shop/web" });
  assert.equal(again.port, lease.port);
});

machineTest("a server that a child of a killed process starts again is the holder's", async (test, machine) => {
  const lease = await grantOrphaned(test, machine);
  machine.end(SERVER);
  serve(machine, lease, SECOND);
  assert.deepEqual(listening(await look(test, lease)), ["listening", SECOND]);
  const after = await test.restart();
  await after.domain.watch.look();
  machine.end(SECOND);
  serve(machine, lease, THIRD);
  assert.deepEqual(listening(await look(after, lease)), ["listening", THIRD]);
});

/** As a daemon before this one has left a lease, which saw this process listen for the holder. */
function rememberListener(test: TestDomain, { id }: Lease, pid: number, startTime: string): void {
  const { registry, processes: { bootId } } = test.domain;
  const known = { pid, startTime, bootId, command: null, cwd: null, user: null };
  const listener = { ...known, address: "127.0.0.1", since: "", reason: null };
  registry.table.replace({ ...registry.live(id), state: "listening", listener });
}

machineTest("a listener of the tree that comes back within the grace ends the grace", async (test, machine) => {
  const lease = await grantOne(test, {}, { pid: HOLDER, lifetime: GRACE });
  machine.end(HOLDER);
  assert.notEqual((await look(test, lease)).expiresAt, null);
  machine.listen(on(lease), { pid: STRANGER });
  rememberListener(test, lease, STRANGER, machine.processes.get(STRANGER)!.startTime);
  const { state, expiresAt } = await look(test, lease);
  assert.deepEqual([state, expiresAt], ["listening", null]);
});

machineTest("a process with the pid of a known listener is not the holder's: the lease ends", async (test, machine) => {
  const lease = await grantOne(test, {}, { pid: HOLDER, lifetime: { kind: "process", graceMs: 0 } });
  machine.end(HOLDER);
  machine.listen(on(lease), { pid: STRANGER });
  rememberListener(test, lease, STRANGER, "another");
  assert.equal((await test.domain.ports.describe(lease.port)).listeners[0]?.ofHolder, false);
  await test.domain.watch.look();
  assert.equal(await stateAfter(test, 1, lease), "expired");
});

machineTest("a new process of the holder takes the lease over, and the server stays theirs", async (test, machine) => {
  const lease = await grantOrphaned(test, machine);
  machine.start(NEXT_HOLDER);
  await assert.rejects(
    grantOne(test, { name: "shop/web" }, { pid: NEXT_HOLDER, lifetime: lease.lifetime }),
    { code: "name_taken", message: new RegExp(`process ${SERVER} `) },
  );
  const taken = await test.domain.registry.amend(lease.id, { pid: NEXT_HOLDER });
  assert.deepEqual([taken.port, taken.holder.pid], [lease.port, NEXT_HOLDER]);
  assert.deepEqual([taken.state, taken.listener?.pid], ["listening", SERVER]);
  assert.deepEqual(listening(await look(test, lease)), ["listening", SERVER]);
  const { listeners } = await test.domain.ports.describe(lease.port);
  assert.deepEqual(listeners.map(({ pid, ofHolder }) => [pid, ofHolder]), [[SERVER, true]]);
});

machineTest("a stranger beside the holder's listener is a conflict, and the lease goes on", async (test, machine) => {
  const lease = await grantOrphaned(test, machine);
  machine.listen(on(lease), { pid: STRANGER, address: "127.0.0.2" });
  for (let looks = 0; looks < 2; looks++) {
    await test.domain.watch.look();
    test.clock.advance(60_000);
    assert.deepEqual([...listening(now(test, lease)), now(test, lease).expiresAt], ["conflict", STRANGER, null]);
  }
});

machineTest("of two projects that want one port each knows its server by its folder", async (test, machine) => {
  const grant = (project: string) => {
    const cwd = `/home/me/${project}`;
    const holder = { id: `cli:${cwd}`, command: null, cwd };
    return grantOne(test, { name: `${project}/web`, prefer: [test.first] }, { holder });
  };
  const [first, second] = [await grant("shop"), await grant("other")];
  assert.deepEqual([first.port, second.port === first.port], [test.first, false]);
  machine.start(STRANGER, { cwd: "/home/me/other" });
  machine.listen(on(first), { pid: STRANGER });
  assert.deepEqual(listening(await look(test, first)), ["conflict", STRANGER]);
  const reason = `pid ${STRANGER} (server-${STRANGER}) runs in /home/me/other, not in /home/me/shop`;
  assert.equal(now(test, first).listener?.reason, reason);
  const { sentence, listeners } = await test.domain.ports.describe(first.port);
  assert.deepEqual(listeners.map((each) => [each.ofHolder, each.reason]), [[false, reason]]);
  assert.ok(sentence.includes(reason), sentence);
  assert.equal(now(test, second).state, "granted");
  machine.end(STRANGER);
  machine.start(SERVER, { cwd: "/home/me/shop/src" });
  machine.listen(on(first), { pid: SERVER });
  await test.domain.watch.look();
  assert.deepEqual([now(test, first).state, now(test, first).listener?.reason], ["listening", null]);
});
