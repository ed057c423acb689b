/** What a daemon that runs as root lets another user do, and what looking at a port does to a server. */
import assert from "node:assert/strict";
import { call, liveLeases } from "../support/os/api.ts";
import { Installation } from "../support/os/installation.ts";
import { NetworkNamespace } from "../support/os/netns.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";
import { ServedDaemon } from "../support/os/served_daemon.ts";
import { runTool } from "../support/os/tool.ts";

const PINNED = { lifetime: { kind: "pinned" } };
const AS_NOBODY = ["--reuid=65534", "--regid=65534", "--clear-groups"];

/** A call by user 65534. @param headers are words for curl, `before` words in front of it. */
async function callAsNobody(
  url: string,
  body: unknown,
  headers: readonly string[] = [],
  before: readonly string[] = [],
) {
  const [program, ...words] = [...before, "setpriv", ...AS_NOBODY, ...curl(body), ...headers, `${url}/leases`];
  return JSON.parse(await runTool(program!, words));
}

/** The words of a call of curl that sends a body, without headers of its own and the address. */
function curl(body: unknown): string[] {
  return ["curl", "-sS", "-H", "content-type: application/json", "-d", JSON.stringify(body)];
}

osTest("another user has so many leases as the bound says, also after a restart, and root as many as there are", [
  linux,
  root,
  tools("setpriv", "curl"),
], async () => {
  await using installation = await Installation.create({ env: { PORTD_MAX_LEASES_PER_USER: "3" } });
  const daemon = await ServedDaemon.start(installation);
  const codes: unknown[] = [];
  for (const host of ["127.0.0.1", "[::1]", "127.0.0.1", "[::1]"]) {
    const { code, owner } = await callAsNobody(daemon.url.replace("127.0.0.1", host), PINNED);
    codes.push(code, owner);
  }
  assert.deepEqual(codes.slice(0, 6), new Array(6).fill(undefined));
  assert.deepEqual(codes.slice(6), ["too_many_leases", "uid:65534"]);
  assert.equal((await callAsNobody(daemon.url, { ...PINNED, count: 256 })).code, "too_many_leases");
  for (let lease = 0; lease < 4; lease++) assert.equal((await call(daemon.url, "POST", "/leases", PINNED)).status, 201);
  const token = await Deno.readTextFile(`${installation.stateDir}/admin.token`);
  const sent = ["-H", `authorization: Bearer ${token.trim()}`];
  assert.equal((await callAsNobody(daemon.url, PINNED, sent)).state, "granted");
  assert.equal((await liveLeases(daemon.url)).length, 8);

  await daemon.end("SIGKILL");
  await using again = await ServedDaemon.start(installation);
  assert.equal((await callAsNobody(again.url, PINNED)).code, "too_many_leases");
});

osTest("another user has no port below 1024 from root's daemon, in no way; root has, and the token", [
  linux,
  root,
  tools("setpriv", "curl", "unshare", "nsenter", "ip"),
], async () => {
  await using installation = await Installation.create();
  // In a network of its own only root may listen below 1024, whatever the machine is set to; and nobody else listens.
  await using network = await NetworkNamespace.create();
  const started = await installation.command(["serve", "--detach"], { before: network.enter, stdin: "null" }).output();
  assert.ok(started.success, new TextDecoder().decode(started.stderr));
  const url = `${(await installation.daemon()).url}/v1`;
  const ask = (body: unknown, headers?: readonly string[]) => callAsNobody(url, body, headers, network.enter);
  const [port, second] = [1000, 999];
  const ways = [{ port }, { range: { first: 1, last: 1023 } }, { block: 2, port: second }, {
    services: [{ name: "a" }, { name: "b", port }],
  }];
  for (const way of ways) assert.equal((await ask(way)).code, "scope_required");
  assert.deepEqual(JSON.parse(await network.run("curl", "-sS", `${url}/leases`)).leases, []);
  assert.ok((await ask({ prefer: [port] })).port >= 1024);
  assert.ok((await ask({ range: { first: 1, last: 65_535 } })).port >= 1024);
  const lease = JSON.parse(await network.run(...curl({ port, name: "web" }), `${url}/leases`));
  assert.equal(lease.port, port);
  assert.equal(await network.run(...curl({}), "-X", "DELETE", `${url}/leases/${lease.id}`), "");
  assert.ok((await ask({ name: "web" })).port >= 1024, "the last port of the name is root's");
  const token = await Deno.readTextFile(`${installation.stateDir}/admin.token`);
  assert.equal((await ask({ port: second }, ["-H", `authorization: Bearer ${token.trim()}`])).port, second);
});

const BINDS = 200_000;
/** Binds and listens again and again, as a server does that starts; prints how often it could not. */
/**
 * Whoever reads which process has a socket, as `ss -p` and `lsof` do too, has the socket open for some microseconds after
 * its process has closed it: a few binds in a hundred thousand meet that. A look that binds fails hundreds of them.
 */
const MOST_FAILED = 25;
const BIND_LOOP = `
import socket, sys
failed = 0
for _ in range(${BINDS}):
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", int(sys.argv[1])))
            server.listen()
        except OSError:
            failed += 1
print(failed)
`;

/** The first port from `highest` down that nobody uses. */
function unusedPort(highest: number): number {
  for (let port = highest;; port--) {
    try {
      Deno.listen({ hostname: "0.0.0.0", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

osTest("a server binds its port, however often somebody looks at that", [linux, tools("python3")], async () => {
  await using installation = await Installation.create();
  await using daemon = await ServedDaemon.start(installation);
  // Below the range from which the system takes ports for connections, which would be in the server's way too.
  const port = unusedPort(19_100 + Math.floor(800 * Math.random()));
  const child = new Deno.Command("python3", { args: ["-c", BIND_LOOP, String(port)], stdin: "null", stdout: "piped" })
    .spawn();
  let isRunning = true;
  const output = child.output().finally(() => isRunning = false);
  let looks = 0;
  const look = async () => {
    for (; isRunning; looks++) assert.equal((await call(daemon.url, "GET", `/ports/${port}`)).status, 200);
  };
  await Promise.all([look(), look()]);
  const { success, stdout } = await output;
  assert.ok(success);
  assert.ok(looks > 0);
  const failed = Number(new TextDecoder().decode(stdout));
  assert.ok(failed <= MOST_FAILED, `${failed} of ${BINDS} binds failed, with ${looks} looks`);
});
