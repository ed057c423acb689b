/** What a daemon that runs as root allows another user to do, and that a look at a port disturbs no server. */
import assert from "node:assert/strict";
import { call, liveLeases } from "../support/os/api.ts";
import { Installation } from "../support/os/installation.ts";
import { NetworkNamespace } from "../support/os/netns.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";
import { ServedDaemon } from "../support/os/served_daemon.ts";
import { runTool } from "../support/os/tool.ts";
import { freePort } from "../support/sockets.ts";

const PINNED = { lifetime: { kind: "pinned" } };
const AS_NOBODY = ["--reuid=65534", "--regid=65534", "--clear-groups"];

/** A call by user 65534. @param headers are arguments for curl, `before` words in front of the command. */
async function callAsNobody(
  url: string,
  body: unknown,
  headers: readonly string[] = [],
  before: readonly string[] = [],
) {
  const [program, ...words] = [...before, "setpriv", ...AS_NOBODY, ...curl(body), ...headers, `${url}/leases`];
  return JSON.parse(await runTool(program!, words));
}

/** The command line of a curl that sends a body, without the address. */
function curl(body: unknown): string[] {
  return ["curl", "-sS", "-H", "content-type: application/json", "-d", JSON.stringify(body)];
}

osTest("another user gets as many leases as the limit allows, also after a restart, and root as many as there are", [
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

osTest("another user gets no port below 1024 from root's daemon in any way; root does, and a caller with the token", [
  linux,
  root,
  tools("setpriv", "curl", "unshare", "nsenter", "ip"),
], async () => {
  await using installation = await Installation.create();
  // In a new network only root may listen below 1024, whatever the machine's setting is, and nobody else listens.
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

osTest("a look at a port binds nothing: a server that starts meanwhile gets its port", [
  linux,
  tools("strace"),
], async () => {
  await using installation = await Installation.create();
  const trace = `${installation.folder}/trace`;
  const before = ["strace", "--daemonize=pgroup", "-f", "-qq", "--seccomp-bpf", "--trace=bind", "--output", trace];
  await using daemon = await ServedDaemon.start(installation, { before });
  const looked = freePort();
  for (let look = 0; look < 20; look++) {
    assert.equal((await call(daemon.url, "GET", `/ports/${looked}`)).status, 200);
  }
  const { body: lease } = await call(daemon.url, "POST", "/leases", PINNED);
  await daemon.end("SIGTERM");
  const binds = (await Deno.readTextFile(trace)).split("\n");
  const bindsOf = (port: unknown) => binds.filter((line) => line.includes(`_port=htons(${port})`));
  assert.deepEqual(bindsOf(looked), []);
  assert.ok(bindsOf(lease?.port).length > 0, "the trace does not show what a grant binds");
});
