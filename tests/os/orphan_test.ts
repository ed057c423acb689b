/** A server whose `portd run` was killed: its lease goes on with it, over a restart of the daemon, and ends after it. */
import assert from "node:assert/strict";
import type { Lease } from "../../src/lease/lease.ts";
import { call, liveLeases } from "../support/os/api.ts";
import { Installation } from "../support/os/installation.ts";
import { linesOf } from "../support/os/lines.ts";
import { linux, osTest, tools } from "../support/os/requirement.ts";
import { ServedDaemon } from "../support/os/served_daemon.ts";

const SERVER = `
import os, socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print(os.getpid(), flush=True)
while True: server.accept()
`;

/** Reads events until one is of this type and name. */
async function untilEvent(events: AsyncIterable<string>, type: string, name: string): Promise<Lease> {
  for await (const line of events) {
    if (!line.startsWith("data: ")) continue;
    const event = JSON.parse(line.slice("data: ".length)) as { readonly type: string; readonly lease?: Lease };
    if (event.type === type && event.lease?.name === name) return event.lease;
  }
  throw new Error(`Cannot wait for ${type} of ${name}: the daemon ended`);
}

/** The events of a daemon, from now on; can be read on after a `break`. */
async function openEvents(url: string): Promise<AsyncIterable<string>> {
  const lines = linesOf((await fetch(`${url}/events`)).body!);
  return { [Symbol.asyncIterator]: () => ({ next: () => lines.next() }) };
}

/** Returns when the daemon has looked whether processes live: twice, as the lease of one that has ended is over. */
async function lookTwice(url: string, events: AsyncIterable<string>): Promise<void> {
  for (const name of ["first", "second"]) {
    const child = new Deno.Command("cat", { stdin: "piped", stdout: "null" }).spawn();
    await call(url, "POST", "/leases", { name, pid: child.pid, lifetime: { kind: "process", graceMs: 0 } });
    await child.stdin.close();
    await child.status;
    await untilEvent(events, "lease.expired", name);
  }
}

async function stateOf(url: string, name: string): Promise<unknown> {
  const lease = (await liveLeases(url)).find((each) => each.name === name);
  return [lease?.state, lease?.expiresAt, lease?.listener?.pid];
}

osTest("the lease of a server whose portd run was killed stays while it listens, also over a restart of the daemon", [
  linux,
  tools("python3"),
], async () => {
  await using installation = await Installation.create({ env: { PORTD_PROCESS_GRACE_MS: "0" } });
  const words = ["run", "shop/web", "--", "sh", "-c", 'python3 -c "$0" "$1"; exit $?', SERVER, "{port}"];
  const daemon = await ServedDaemon.start(installation);
  let events = await openEvents(daemon.url);
  const wrapper = installation.command(words, { stdin: "null", stderr: "null" }).spawn();
  const lines = linesOf(wrapper.stdout);
  const server = Number((await lines.next()).value);
  try {
    const { port } = await untilEvent(events, "lease.listening", "shop/web");
    wrapper.kill("SIGKILL");
    await wrapper.status;
    await lookTwice(daemon.url, events);
    assert.deepEqual(await stateOf(daemon.url, "shop/web"), ["listening", null, server]);
    await daemon.end("SIGKILL");

    await using restarted = await ServedDaemon.start(installation);
    events = await openEvents(restarted.url);
    await lookTwice(restarted.url, events);
    assert.deepEqual(await stateOf(restarted.url, "shop/web"), ["listening", null, server]);
    const { code, stderr } = await installation.portd(["free", String(port), "--yes"]);
    assert.equal(code, 0, stderr);
    assert.deepEqual((await lines.next()).done, true); // all that the wrapper had started has ended
    assert.deepEqual(await liveLeases(restarted.url), []);
    const again = await call(restarted.url, "POST", "/leases", { name: "web", project: "shop" });
    assert.equal(again.body?.port, port);
  } finally {
    await daemon[Symbol.asyncDispose]();
    endIfThere(server);
  }
});

function endIfThere(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
