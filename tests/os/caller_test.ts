/** What a daemon that runs as root lets another user do, and what looking at a port does to a server. */
import assert from "node:assert/strict";
import { call, liveLeases } from "../support/os/api.ts";
import { Installation } from "../support/os/installation.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";
import { ServedDaemon } from "../support/os/served_daemon.ts";
import { runTool } from "../support/os/tool.ts";
import { freePort } from "../support/sockets.ts";

const PINNED = { lifetime: { kind: "pinned" } };
const AS_NOBODY = ["--reuid=65534", "--regid=65534", "--clear-groups"];

/** A call by user 65534. @param headers are words for curl. */
async function callAsNobody(url: string, body: unknown, headers: readonly string[] = []) {
  const curl = ["curl", "-sS", "-H", "content-type: application/json", ...headers, "-d", JSON.stringify(body)];
  return JSON.parse(await runTool("setpriv", [...AS_NOBODY, ...curl, `${url}/leases`]));
}

/** Ports that only root may listen on, and that nobody uses. */
function privilegedPorts(count: number): number[] {
  const ports: number[] = [];
  for (let port = 1000; ports.length < count; port--) {
    try {
      Deno.listen({ hostname: "0.0.0.0", port }).close();
      ports.push(port);
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  return ports;
}

/** The kernel lets only root listen on low ports. */
function lowPortsTakeRoot(): string | undefined {
  const start = Number(Deno.readTextFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start"));
  return start > 1000 ? undefined : `needs ports that only root may listen on, here they end below ${start}`;
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
  lowPortsTakeRoot,
  tools("setpriv", "curl"),
], async () => {
  await using installation = await Installation.create();
  await using daemon = await ServedDaemon.start(installation);
  const [port = 0, second = 0] = privilegedPorts(2);
  const ways = [{ port }, { range: { first: 1, last: 1023 } }, { block: 2, port: second }, {
    services: [{ name: "a" }, { name: "b", port }],
  }];
  for (const way of ways) assert.equal((await callAsNobody(daemon.url, way)).code, "scope_required");
  assert.deepEqual(await liveLeases(daemon.url), []);
  assert.ok((await callAsNobody(daemon.url, { prefer: [port] })).port >= 1024);
  assert.ok((await callAsNobody(daemon.url, { range: { first: 1, last: 65_535 } })).port >= 1024);
  const { status, body } = await call(daemon.url, "POST", "/leases", { port, name: "web" });
  assert.deepEqual([status, body?.port], [201, port]);
  await call(daemon.url, "DELETE", `/leases/${body?.id}`);
  assert.ok((await callAsNobody(daemon.url, { name: "web" })).port >= 1024, "the last port of the name is root's");
  const token = await Deno.readTextFile(`${installation.stateDir}/admin.token`);
  const sent = ["-H", `authorization: Bearer ${token.trim()}`];
  assert.equal((await callAsNobody(daemon.url, { port: second }, sent)).port, second);
});

const BINDS = 200_000;
/** Binds and listens again and again, as a server does that starts; prints how often it could not. */
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

osTest("a server binds its port, however often somebody looks at that", [linux, tools("python3")], async () => {
  await using installation = await Installation.create();
  await using daemon = await ServedDaemon.start(installation);
  const port = freePort();
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
  assert.equal(new TextDecoder().decode(stdout).trim(), "0", `of ${BINDS} binds, with ${looks} looks`);
});
