/** What a machine does to a daemon: full and read-only disks, too few descriptors, a second daemon, other users. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { call, liveLeases } from "../support/os/api.ts";
import { Installation } from "../support/os/installation.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";
import { ServedDaemon } from "../support/os/served_daemon.ts";
import { mountTmpfs } from "../support/os/tmpfs.ts";
import { runTool } from "../support/os/tool.ts";
import { freePort } from "../support/sockets.ts";

const PINNED = { lifetime: { kind: "pinned" } };
const AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

osTest("a second daemon is refused by name, for the same file and for the same address", [linux], async () => {
  await using installation = await Installation.create();
  await using daemon = await ServedDaemon.start(installation);
  const refused = async (env: Readonly<Record<string, string>>) => {
    const command = installation.command(["serve"], { env: { ...installation.env, ...env }, stdin: "null" });
    const { code, stderr } = await command.output();
    assert.notEqual(code, 0);
    return new TextDecoder().decode(stderr);
  };
  const byName = new RegExp(`portd \\d+\\.\\d+\\.\\d+ \\(pid ${daemon.pid}\\) already serves`);
  assert.match(await refused({ PORTD_LISTEN: `127.0.0.1:${freePort()}` }), byName);
  assert.match(await refused({ PORTD_STATE_DIR: `${installation.folder}/other` }), byName);
  assert.equal((await call(daemon.url, "GET", "/status")).status, 200);
  assert.equal((await installation.daemon()).pid, daemon.pid);
});

osTest("with a full disk grants are refused, all else goes on, and nothing acknowledged is lost", [
  linux,
  root,
  tools("mount", "umount"),
], async () => {
  await using installation = await Installation.create();
  await using disk = await mountTmpfs(installation.stateDir, "512k");
  await using daemon = await ServedDaemon.start(installation);
  const granted: string[] = [];
  let answer = await call(daemon.url, "POST", "/leases", PINNED);
  while (answer.status === 201) {
    granted.push(String(answer.body?.id));
    answer = await call(daemon.url, "POST", "/leases", PINNED);
  }
  assert.deepEqual([answer.status, answer.body?.code], [503, "store_unavailable"]);
  assert.ok(granted.length > 0);
  assert.deepEqual((await liveLeases(daemon.url)).map(({ id }) => id).sort(), granted.toSorted());
  assert.equal((await call(daemon.url, "GET", "/status")).status, 200);

  await disk.remount("size=64m");
  const after = await call(daemon.url, "POST", "/leases", PINNED);
  assert.equal(after.status, 201);
  granted.push(String(after.body?.id));
  await daemon.end("SIGKILL");
  await using again = await ServedDaemon.start(installation);
  assert.deepEqual((await liveLeases(again.url)).map(({ id }) => id).sort(), granted.toSorted());
});

osTest("a first start on a full disk leaves nothing behind that hinders the next", [
  linux,
  root,
  tools("mount", "umount"),
], async () => {
  await using installation = await Installation.create();
  await using disk = await mountTmpfs(installation.stateDir, "64k");
  const filler = `${installation.stateDir}/filler`;
  await Deno.writeFile(filler, new Uint8Array(65_536));
  const { code, stderr } = await installation.portd(["serve"]);
  assert.notEqual(code, 0);
  assert.match(stderr, /the disk is full/);
  await Deno.remove(filler);
  await disk.remount("size=64m");
  await using daemon = await ServedDaemon.start(installation);
  assert.equal((await call(daemon.url, "POST", "/leases", PINNED)).status, 201);
});

osTest("a daemon starts on a full disk: it serves reads, keeps holds, warns, and grants once there is room", [
  linux,
  root,
  tools("mount", "umount"),
], async () => {
  await using installation = await Installation.create();
  await using disk = await mountTmpfs(installation.stateDir, "2m");
  const daemon = await ServedDaemon.start(installation);
  const { body: lease } = await call(daemon.url, "POST", "/leases", PINNED);
  const { body: ended } = await call(daemon.url, "POST", "/leases", PINNED);
  await call(daemon.url, "DELETE", `/leases/${ended?.id}`);
  await daemon.end("SIGKILL");
  await fill(`${installation.stateDir}/filler`);

  await using again = await ServedDaemon.start(installation, { addressFrom: "stderr" });
  assert.deepEqual((await liveLeases(again.url)).map(({ id }) => id), [lease?.id]);
  const history = await call(again.url, "GET", "/leases?ended=true");
  assert.deepEqual((history.body?.leases as { id: string }[]).map(({ id }) => id), [ended?.id]);
  const refused = await call(again.url, "POST", "/leases", PINNED);
  assert.deepEqual([refused.status, refused.body?.code], [503, "store_unavailable"]);
  const { body: status } = await call(again.url, "GET", "/status");
  assert.equal((status?.holds as { kept: number }).kept, 1);
  const warnings = (status?.warnings as string[]).join("\n");
  assert.match(warnings, /cannot write \S+daemon\.json: /);
  assert.match(warnings, /cannot write \S+leases\.db: /);

  await disk.remount("size=64m");
  assert.equal((await call(again.url, "POST", "/leases", PINNED)).status, 201);
  assert.equal((await liveLeases(again.url)).length, 2);
});

osTest("what a reboot has ended keeps its port on a full disk, and ends when there is room", [
  linux,
  root,
  tools("mount", "umount"),
], async () => {
  await using installation = await Installation.create();
  await using disk = await mountTmpfs(installation.stateDir, "2m");
  const daemon = await ServedDaemon.start(installation);
  const { body: lease } = await call(daemon.url, "POST", "/leases", {});
  await daemon.end("SIGTERM");
  const db = new DatabaseSync(`${installation.stateDir}/leases.db`);
  db.exec("UPDATE leases SET boot_id = 'the boot before'");
  db.close();
  await fill(`${installation.stateDir}/filler`);

  await using again = await ServedDaemon.start(installation, { addressFrom: "stderr" });
  const taken = await call(again.url, "POST", "/leases", { port: lease?.port });
  assert.deepEqual([taken.status, taken.body?.code], [409, "port_leased"]);
  await disk.remount("size=64m");
  let state = "";
  while (state !== "expired") {
    const { body } = await call(again.url, "GET", "/leases?ended=true");
    state = (body?.leases as { state: string }[])[0]?.state ?? "";
  }
  assert.equal((await call(again.url, "POST", "/leases", { port: lease?.port })).status, 201);
});

/** Writes a file until the disk takes no more. */
async function fill(path: string): Promise<void> {
  using file = await Deno.open(path, { create: true, write: true });
  for (const size of [65_536, 4096, 1]) {
    try {
      for (;;) await file.write(new Uint8Array(size));
    } catch (error) {
      assert.match(String(error), /No space left on device/);
    }
  }
}

osTest("a daemon whose file cannot be written does not start, says why and leaves the file as it is", [
  linux,
  root,
  tools("mount", "umount"),
], async () => {
  await using installation = await Installation.create();
  await using disk = await mountTmpfs(installation.stateDir, "64m");
  const daemon = await ServedDaemon.start(installation);
  const { body } = await call(daemon.url, "POST", "/leases", PINNED);
  await daemon.end("SIGTERM");
  await disk.remount("ro");
  const { code, stderr } = await installation.portd(["serve"]);
  assert.notEqual(code, 0);
  assert.match(stderr, /Cannot .*: .*(read-only|cannot be written)/i);
  await disk.remount("rw");
  await using again = await ServedDaemon.start(installation);
  assert.deepEqual((await liveLeases(again.url)).map(({ id }) => id), [body?.id]);
});

osTest("few descriptors, more leases than these and many connections do not end the daemon", [
  linux,
  tools("prlimit"),
], async () => {
  const limit = 256, leases = 400, connections = 400;
  await using installation = await Installation.create();
  await using daemon = await ServedDaemon.start(installation, { before: ["prlimit", `--nofile=${limit}:${limit}`] });
  const holds: unknown[] = [];
  for (let lease = 0; lease < leases; lease++) {
    const { status, body } = await call(daemon.url, "POST", "/leases", PINNED);
    assert.equal(status, 201);
    holds.push(body?.hold);
  }
  assert.equal(holds[0], "soft");
  assert.equal(holds.at(-1), "none");
  assert.ok(holds.filter((hold) => hold === "soft").length < limit);

  const { hostname, port } = new URL(daemon.url);
  const address = { hostname, port: Number(port) };
  const tried = await Promise.allSettled(Array.from({ length: connections }, () => openRequest(address)));
  const opened = tried.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
  assert.ok(opened.length > limit / 4, `only ${opened.length} connections came about`);
  for (const connection of opened) connection.close();
  assert.equal((await call(daemon.url, "GET", "/status")).status, 200);
  assert.equal((await liveLeases(daemon.url)).length, leases);
});

/** Begins a request and leaves it unfinished. */
async function openRequest(address: Deno.ConnectOptions): Promise<Deno.Conn> {
  const connection = await Deno.connect(address);
  await connection.write(new TextEncoder().encode("GET /v1/status HTTP/1.1\r\n"));
  return connection;
}

osTest("another user reads nothing in the state folder and cannot stop the daemon", [
  linux,
  root,
  tools("setpriv", "cat", "ls"),
], async () => {
  await using installation = await Installation.create();
  await installation.answer(["lease", "web"]);
  for (const folder of [installation.folder, `${installation.folder}/state`]) await Deno.chmod(folder, 0o755);
  await Deno.writeTextFile(`${installation.folder}/open`, "for all", { mode: 0o644 });
  const asNobody = (...words: readonly string[]) => runTool(AS_NOBODY[0]!, [...AS_NOBODY.slice(1), ...words]);

  assert.equal(await asNobody("cat", `${installation.folder}/open`), "for all");
  await assert.rejects(asNobody("ls", installation.stateDir), /Permission denied/);
  assert.equal((await Deno.stat(installation.stateDir)).mode! & 0o777, 0o700);
  for (const file of ["admin.token", "leases.db", "daemon.json"]) {
    const path = `${installation.stateDir}/${file}`;
    await assert.rejects(asNobody("cat", path), /Permission denied/);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600, file);
  }
  const { url } = await installation.daemon();
  assert.ok([401, 403].includes((await call(`${url}/v1`, "POST", "/stop", {})).status));
});

osTest(
  "a daemon does not use a state folder of another user, nor one that is a link of his",
  [linux, root],
  async () => {
    await using installation = await Installation.create();
    const refused = async (stateDir: string) => {
      const command = installation.command(["serve", "--state-dir", stateDir], { stdin: "null" });
      const { code, stderr } = await command.output();
      assert.equal(code, 1);
      assert.match(new TextDecoder().decode(stderr), /Cannot use the state folder .*: it belongs to user 65534$/m);
    };
    const his = `${installation.folder}/his`,
      ours = `${installation.folder}/ours`,
      link = `${installation.folder}/link`;
    for (const folder of [his, ours]) await Deno.mkdir(folder, { mode: 0o755 });
    await Deno.symlink(ours, link);
    await Deno.chown(his, 65534, 65534);
    await runTool("chown", ["--no-dereference", "65534", link]);
    await refused(his);
    await refused(link);
    assert.deepEqual([(await Deno.stat(his)).mode! & 0o777, (await Deno.stat(ours)).mode! & 0o777], [0o755, 0o755]);
  },
);
