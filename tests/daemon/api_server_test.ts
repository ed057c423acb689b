import assert from "node:assert/strict";
import { createApp } from "../../routes/app.ts";
import { loadConfig } from "../../src/config.ts";
import { Entrance } from "../../src/daemon/api_server.ts";
import { runDaemon } from "../../src/daemon/daemon.ts";
import { temporaryFolder } from "../support/folder.ts";
import { listen } from "../support/sockets.ts";

const quiet = () => {};

async function ask(url: string): Promise<string> {
  const response = await fetch(url);
  return `${response.status} ${await response.text()}`;
}

Deno.test("requests wait until the entrance is open, and while it is held", async () => {
  const entrance = new Entrance();
  await entrance.listen("127.0.0.1:0", quiet);
  const first = ask(entrance.url);
  entrance.open(() => new Response("one"));
  assert.equal(await first, "200 one");
  await entrance.hold(1000);
  const second = ask(entrance.url);
  entrance.open(() => new Response("two"));
  assert.equal(await second, "200 two");
  const { url } = entrance;
  await entrance.close(1000);
  await assert.rejects(ask(url), TypeError);
});

Deno.test("holding ends when the requests in hand are answered, or when their time is up", async () => {
  const entrance = new Entrance();
  await entrance.listen("127.0.0.1:0", quiet);
  const gate = Promise.withResolvers<void>(), begun = Promise.withResolvers<void>();
  const steps: string[] = [];
  entrance.open(async () => {
    begun.resolve();
    await gate.promise;
    steps.push("answered");
    return new Response("late");
  });
  const late = ask(entrance.url);
  await begun.promise;
  await entrance.hold(0); // no time at all
  const held = entrance.hold(60_000).then(() => steps.push("held"));
  gate.resolve();
  await held;
  assert.deepEqual([await late, steps], ["200 late", ["answered", "held"]]);
  await entrance.close(1000);
});

Deno.test("who has waited in vain is told so when the entrance closes", async () => {
  const entrance = new Entrance();
  await entrance.listen("127.0.0.1:0", quiet);
  entrance.open(() => new Response("here"));
  assert.equal(await ask(entrance.url), "200 here");
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(entrance.url).port) });
  await entrance.hold(0);
  await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  await new Promise((resolve) => setImmediate(resolve)); // the request has come, or comes to nobody
  await entrance.close(1000);
  const buffer = new Uint8Array(100);
  const length = await connection.read(buffer);
  if (length !== null) assert.match(new TextDecoder().decode(buffer.subarray(0, length)), /^HTTP\/1\.1 503 /);
  connection.close();
});

Deno.test("the same address stays open, another takes its place, and one that is taken leaves it", async () => {
  const entrance = new Entrance();
  await entrance.listen("127.0.0.1:0", quiet);
  entrance.open(() => new Response("here"));
  const { url, hosts } = entrance;
  await entrance.listen("127.0.0.1:0", quiet);
  assert.deepEqual([entrance.url, [...entrance.hosts]], [url, [...hosts]]);
  using other = listen();
  await assert.rejects(entrance.listen(`127.0.0.1:${other.port}`, quiet), { code: "port_in_use" });
  assert.equal(await ask(url), "200 here");
  await entrance.listen("localhost:0", quiet);
  assert.notEqual(entrance.url, url);
  assert.equal(await ask(entrance.url), "200 here");
  await assert.rejects(ask(url), TypeError);
  await entrance.close(1000);
});

Deno.test("an entrance proves its own addresses, and localhost unless another program has the other one", async () => {
  const entrance = new Entrance();
  await entrance.listen("127.0.0.1:0", quiet);
  const { port } = new URL(entrance.url);
  assert.deepEqual([...entrance.provable].sort(), [`127.0.0.1:${port}`, `[::1]:${port}`, `localhost:${port}`]);
  await entrance.close(1000);
  using stranger = listen(0, "::1");
  const other = new Entrance();
  await other.listen(`127.0.0.1:${stranger.port}`, quiet);
  assert.equal(other.contested, `[::1]:${stranger.port}`);
  assert.deepEqual([...other.provable], [`127.0.0.1:${stranger.port}`]);
  await other.close(1000);
});

Deno.test("while one run of the daemon follows another, no request fails, and the leases are there", async () => {
  await using folder = await temporaryFolder();
  const entrance = new Entrance(), stopping = new AbortController();
  await entrance.listen("127.0.0.1:0", quiet);
  let runs = 0;
  const run = async () => {
    const { config } = await loadConfig({ flags: { listen: "127.0.0.1:0" }, env: {}, stateDir: folder.path });
    const changing = new AbortController();
    const onReady = () => void (++runs < 10 && changing.abort());
    const signal = AbortSignal.any([stopping.signal, changing.signal]);
    const isFollowed = () => !stopping.signal.aborted;
    await runDaemon(config, { signal, createApp, log: quiet, entrance, isFollowed, onReady });
  };
  const running = (async () => {
    while (!stopping.signal.aborted) await run();
  })();
  const body = JSON.stringify({ name: "web", lifetime: { kind: "pinned" }, holder: { id: "me" } });
  const headers = { "content-type": "application/json" };
  const ids = new Set<string>();
  while (runs < 10) {
    const response = await fetch(`${entrance.url}/v1/leases`, { method: "POST", headers, body });
    assert.ok(response.ok, `${response.status}`);
    ids.add((await response.json()).id);
  }
  assert.equal(ids.size, 1);
  stopping.abort();
  await running;
});
