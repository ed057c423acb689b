import assert from "node:assert/strict";
import { createApp } from "../../routes/app.ts";
import { loadConfig } from "../../src/config.ts";
import { runDaemon } from "../../src/daemon/daemon.ts";
import { readDaemonFile } from "../../src/state/state_folder.ts";
import { VERSION } from "../../src/version.ts";
import { startTestDaemon } from "../support/daemon.ts";
import { temporaryFolder } from "../support/folder.ts";
import { linuxTest } from "../support/linux_only.ts";
import { breakListening } from "../support/listening_socket.ts";
import { freePort, listen } from "../support/sockets.ts";

const JSON_TYPE = { "content-type": "application/json" };

function ask(url: string, body: object, signal: AbortSignal | null = null): Promise<Response> {
  return fetch(`${url}/v1/leases`, { method: "POST", headers: JSON_TYPE, body: JSON.stringify(body), signal });
}

/** Asks for a lease again and again, until the refusal reads as wanted. */
async function untilRefused(url: string, isWanted: (detail: string) => boolean): Promise<void> {
  while (!isWanted((await (await ask(url, {})).json()).detail));
}

/** The refusal of an address on which a process listens. */
function takenBy(pid: number, address: string): RegExp {
  const way = "does; end it, or give portd another address \\(PORTD_LISTEN\\)$";
  return new RegExp(`^Cannot listen on ${address}: pid ${pid} \\(.+\\) ${way}`);
}

async function grant(url: string, body: object): Promise<{ id: string; port: number }> {
  const response = await ask(url, body);
  assert.equal(response.status, 201);
  return await response.json();
}

Deno.test("a daemon serves, writes where it is, keeps its files to itself and leaves no daemon.json behind", async () => {
  await using folder = await temporaryFolder();
  {
    await using daemon = await startTestDaemon(folder.path);
    const { url, pid, version } = readDaemonFile(folder.path)!;
    assert.deepEqual([url, pid, version], [daemon.url, Deno.pid, VERSION]);
    const status = await (await fetch(`${url}/v1/status`)).json();
    assert.deepEqual([status.name, status.version, status.pid], ["portd", VERSION, Deno.pid]);
    if (Deno.build.os !== "windows") {
      assert.equal((await Deno.stat(folder.path)).mode! & 0o777, 0o700);
      for await (const { name } of Deno.readDir(folder.path)) {
        assert.equal((await Deno.stat(`${folder.path}/${name}`)).mode! & 0o077, 0, name);
      }
    }
  }
  assert.equal(readDaemonFile(folder.path), undefined);
});

Deno.test("a daemon answers on both loopback addresses and to each of its names", async () => {
  await using folder = await temporaryFolder();
  await using daemon = await startTestDaemon(folder.path);
  const { port } = new URL(daemon.url);
  for (const host of ["127.0.0.1", "[::1]", "localhost"]) {
    const response = await fetch(`http://${host}:${port}/healthz`);
    assert.equal(response.status, 200, host);
    await response.body?.cancel();
  }
});

Deno.test("a daemon that ends with the session of its starter warns of that", async () => {
  await using folder = await temporaryFolder();
  const warningsOf = async (endsWithStarter: boolean) => {
    await using daemon = await startTestDaemon(folder.path, {}, { endsWithStarter: () => endsWithStarter });
    const { warnings } = await (await fetch(`${daemon.url}/v1/status`)).json();
    return warnings.filter((warning: string) => /^Windows ends this daemon with the session that/.test(warning)).length;
  };
  assert.deepEqual([await warningsOf(true), await warningsOf(false)], [1, 0]);
});

Deno.test("leases outlive the daemon", async () => {
  await using folder = await temporaryFolder();
  let lease: { id: string; port: number };
  {
    await using daemon = await startTestDaemon(folder.path);
    lease = await grant(daemon.url, { name: "web", lifetime: { kind: "pinned" } });
  }
  await using daemon = await startTestDaemon(folder.path);
  const found = await (await fetch(`${daemon.url}/v1/leases/${lease.id}`)).json();
  assert.deepEqual([found.port, found.state], [lease.port, "granted"]);
});

Deno.test("a second daemon on the same file is refused by name", async () => {
  await using folder = await temporaryFolder();
  await using daemon = await startTestDaemon(folder.path);
  await assert.rejects(startTestDaemon(folder.path), {
    message: `Cannot start: portd ${VERSION} (pid ${Deno.pid}) already serves ${folder.path} at ${daemon.url}`,
  });
  assert.equal((await fetch(`${daemon.url}/healthz`)).status, 200);
});

Deno.test("a second daemon on the same address is refused by name, and by what else is there", async () => {
  await using first = await temporaryFolder();
  await using second = await temporaryFolder();
  await using daemon = await startTestDaemon(first.path);
  const address = new URL(daemon.url).host;
  await assert.rejects(startTestDaemon(second.path, { listen: address }), {
    code: "port_in_use",
    message: `Cannot start: portd ${VERSION} (pid ${Deno.pid}) already serves ${daemon.url}; use that one, ` +
      "stop it (portd stop), or give this one another address (portd serve --listen)",
  });
  using other = listen();
  const greeting = (async () => {
    const connection = await other.listener.accept();
    await connection.write(new TextEncoder().encode("220 mail\r\n"));
    connection.close();
  })();
  await assert.rejects(startTestDaemon(second.path, { listen: `127.0.0.1:${other.port}` }), {
    code: "port_in_use",
    message: takenBy(Deno.pid, `127.0.0.1:${other.port}`),
  });
  await greeting;
});

Deno.test("a stranger on the daemon's address is not taken for portd, whatever version it reports", async () => {
  await using folder = await temporaryFolder();
  const answer = () => Response.json({ version: "9.9", pid: 1 });
  await using stranger = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
  const address = `127.0.0.1:${stranger.addr.port}`;
  await assert.rejects(startTestDaemon(folder.path, { listen: address }), {
    code: "port_in_use",
    message: takenBy(Deno.pid, address),
  });
});

Deno.test("a stranger on [::1] with the daemon's port is a warning of GET /status that names it", async () => {
  await using folder = await temporaryFolder();
  using stranger = listen(0, "::1");
  await using daemon = await startTestDaemon(folder.path, { listen: `127.0.0.1:${stranger.port}` });
  const { warnings } = await (await fetch(`${daemon.url}/v1/status`)).json();
  const warning = warnings.find((each: string) => each.includes("[::1]"));
  assert.match(
    warning,
    new RegExp(`^pid ${Deno.pid} \\(.+\\) listens on \\[::1\\]:${stranger.port}, where "localhost"`),
  );
});

linuxTest("a daemon that has lost its address ends with an error and leaves no daemon.json behind", async () => {
  await using folder = await temporaryFolder();
  const { config } = await loadConfig({ flags: { listen: "127.0.0.1:0" }, env: {}, stateDir: folder.path });
  const thieves: Deno.Listener[] = [];
  const log = (line: string) => {
    const [, hostname, port] = /^stopped listening on (.+):(\d+):/.exec(line) ?? [];
    if (hostname !== undefined) thieves.push(Deno.listen({ hostname, port: Number(port) }));
  };
  const onReady = (url: string) => breakListening(Number(new URL(url).port));
  const { signal } = new AbortController();
  const options = { signal, createApp, log, onReady, guardAddress: null };
  await assert.rejects(runDaemon(config, options), { code: "port_in_use" });
  assert.equal(readDaemonFile(folder.path), undefined);
  assert.ok(thieves.length > 0);
  for (const thief of thieves) thief.close();
});

Deno.test("POST /stop with the token ends the daemon, and open streams with it", async () => {
  await using folder = await temporaryFolder();
  const daemon = await startTestDaemon(folder.path);
  const events = await fetch(`${daemon.url}/v1/events`);
  const reader = events.body!.getReader();
  await reader.read();
  const token = (await Deno.readTextFile(`${folder.path}/admin.token`)).trim();
  const headers = { ...JSON_TYPE, authorization: `Bearer ${token}` };
  const response = await fetch(`${daemon.url}/v1/stop`, { method: "POST", headers, body: "{}" });
  assert.equal(response.status, 202);
  await response.body?.cancel();
  while (!(await reader.read()).done);
  await daemon.ended;
  await assert.rejects(fetch(`${daemon.url}/healthz`), TypeError);
});

Deno.test("a daemon that stops sends away whoever waits for a port", async () => {
  await using folder = await temporaryFolder();
  const port = freePort();
  await using daemon = await startTestDaemon(folder.path, { pool: `${port}-${port}` });
  await grant(daemon.url, {});
  const waiting = ask(daemon.url, { waitMs: 3_600_000 });
  await untilRefused(daemon.url, (detail) => detail.includes("1 request waits for one"));
  await daemon[Symbol.asyncDispose]();
  const answer = await waiting;
  assert.deepEqual([answer.status, (await answer.json()).code], [503, "shutting_down"]);
});

Deno.test("a daemon gives up a request that waits for a port when its client leaves", async () => {
  await using folder = await temporaryFolder();
  const port = freePort();
  await using daemon = await startTestDaemon(folder.path, { pool: `${port}-${port}` });
  await grant(daemon.url, {});
  const leaving = new AbortController();
  const waiting = ask(daemon.url, { waitMs: 3_600_000 }, leaving.signal);
  await untilRefused(daemon.url, (detail) => detail.includes("1 request waits for one"));
  leaving.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  await untilRefused(daemon.url, (detail) => !detail.includes("waits for one"));
});

Deno.test("a token file that holds no token is refused in words", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/admin.token`, "hello");
  await assert.rejects(startTestDaemon(folder.path), /admin\.token: it holds no token; remove it/);
});

Deno.test("on an address beyond loopback everything takes the token", async () => {
  await using folder = await temporaryFolder();
  await using daemon = await startTestDaemon(folder.path, { listen: "0.0.0.0:0" });
  const url = daemon.url.replace("0.0.0.0", "127.0.0.1");
  assert.equal((await (await fetch(`${url}/v1/leases`)).json()).code, "unauthorized");
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
});
