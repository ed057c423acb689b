/** What a machine does to a daemon: full and read-only disks, too few descriptors, other users. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type ApiAnswer, call, liveLeases } from "../support/os/api.ts";
import { Installation } from "../support/os/installation.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";
import { ServedDaemon } from "../support/os/served_daemon.ts";
import { mountTmpfs, type Tmpfs } from "../support/os/tmpfs.ts";
import { runTool } from "../support/os/tool.ts";

const AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/** Registers a test of an installation whose state folder is a disk of its own. */
function diskTest(name: string, size: string, fn: (installation: Installation, disk: Tmpfs) => Promise<void>): void {
  osTest(name, [linux, root, tools("mount", "umount")], async () => {
    await using installation = await Installation.create();
    await using disk = await mountTmpfs(installation.stateDir, size);
    await fn(installation, disk);
  });
}

/** Asks for a lease that stays until it is released. */
function grant({ url }: ServedDaemon): Promise<ApiAnswer> {
  return call(url, "POST", "/leases", { lifetime: { kind: "pinned" } });
}

async function liveIds({ url }: ServedDaemon): Promise<string[]> {
  return (await liveLeases(url)).map(({ id }) => id).sort();
}

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

function assertNoRoom({ status, body }: ApiAnswer): void {
  assert.deepEqual([status, body?.code], [503, "store_unavailable"]);
  assert.match(String(body?.detail), /^Cannot write \S+leases\.db: the disk is full; make room on it, and try again$/);
}

diskTest(
  "with a full disk grants are refused, all else goes on, and nothing acknowledged is lost",
  "512k",
  async (installation, disk) => {
    await using daemon = await ServedDaemon.start(installation);
    const granted: string[] = [];
    let answer = await grant(daemon);
    for (; answer.status === 201; answer = await grant(daemon)) granted.push(String(answer.body?.id));
    assertNoRoom(answer);
    assert.ok(granted.length > 0);
    assert.deepEqual(await liveIds(daemon), granted.toSorted());
    assert.equal((await call(daemon.url, "GET", "/status")).status, 200);

    await disk.remount("size=64m");
    const after = await grant(daemon);
    assert.equal(after.status, 201);
    granted.push(String(after.body?.id));
    await daemon.end("SIGKILL");
    await using again = await ServedDaemon.start(installation);
    assert.deepEqual(await liveIds(again), granted.toSorted());
  },
);

diskTest(
  "a first start on a full disk leaves nothing behind that hinders the next",
  "64k",
  async (installation, disk) => {
    const filler = `${installation.stateDir}/filler`;
    await fill(filler);
    const { code, stderr } = await installation.portd(["serve"]);
    assert.notEqual(code, 0);
    assert.match(stderr, /the disk is full/);
    await Deno.remove(filler);
    await disk.remount("size=64m");
    await using daemon = await ServedDaemon.start(installation);
    assert.equal((await grant(daemon)).status, 201);
  },
);

diskTest(
  "a daemon starts on a full disk: it serves reads, keeps holds, warns, and writes once there is room",
  "2m",
  async (installation, disk) => {
    const { stateDir } = installation;
    const daemon = await ServedDaemon.start(installation);
    const [kept, ended] = [(await grant(daemon)).body, (await grant(daemon)).body];
    await call(daemon.url, "DELETE", `/leases/${ended?.id}`);
    const { body: rebooted } = await call(daemon.url, "POST", "/leases", {});
    await daemon.end("SIGTERM");
    const db = new DatabaseSync(`${stateDir}/leases.db`);
    db.prepare("UPDATE leases SET boot_id = 'the boot before' WHERE id = ?").run(String(rebooted?.id));
    db.close();
    await fill(`${stateDir}/filler`);

    await using again = await ServedDaemon.start(installation, { addressFrom: "stderr" });
    const history = async () =>
      ((await call(again.url, "GET", "/leases?ended=true")).body?.leases as { id: string }[]).map(({ id }) => id);
    assert.ok((await liveIds(again)).includes(String(kept?.id)));
    assert.deepEqual(await history(), [ended?.id]);
    assertNoRoom(await grant(again));
    const { body: status } = await call(again.url, "GET", "/status");
    assert.equal((status?.holds as { kept: number }).kept, 2); // also of the lease whose end cannot be written
    const warnings = (status?.warnings as string[]).join("\n");
    assert.match(warnings, /cannot write \S+daemon\.json: the disk is full; /);
    assert.match(warnings, /cannot write \S+leases\.db: the disk is full; /);
    // The reboot has ended this lease; until that can be written nobody else gets its port.
    const { port } = rebooted as { port: number };
    const refused = await call(again.url, "POST", "/leases", { port });
    assert.deepEqual([refused.status, refused.body?.code], [409, "port_leased"]);

    await disk.remount("size=64m");
    while (!(await history()).includes(String(rebooted?.id)));
    assert.equal((await call(again.url, "POST", "/leases", { port })).status, 201);
    assert.equal((await grant(again)).status, 201);
    assert.equal((await liveIds(again)).length, 3);
  },
);

diskTest(
  "a daemon whose file cannot be written does not start, says why and leaves the file as it is",
  "64m",
  async (installation, disk) => {
    const daemon = await ServedDaemon.start(installation);
    const { body } = await grant(daemon);
    await daemon.end("SIGTERM");
    await disk.remount("ro");
    const { code, stderr } = await installation.portd(["serve"]);
    assert.notEqual(code, 0);
    assert.match(stderr, /Cannot .*: .*(read-only|cannot be written)/i);
    await disk.remount("rw");
    await using again = await ServedDaemon.start(installation);
    assert.deepEqual(await liveIds(again), [body?.id]);
  },
);

osTest("few descriptors, more leases than these and many connections do not end the daemon", [
  linux,
  tools("prlimit"),
], async () => {
  const limit = 256, leases = 400, connections = 400;
  await using installation = await Installation.create();
  await using daemon = await ServedDaemon.start(installation, { before: ["prlimit", `--nofile=${limit}:${limit}`] });
  const holds: unknown[] = [];
  for (let lease = 0; lease < leases; lease++) {
    const { status, body } = await grant(daemon);
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
  assert.ok(opened.length > limit / 4, `only ${opened.length} connections were opened`);
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
