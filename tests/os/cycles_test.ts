/** The daemon started and stopped many times: nothing is left behind, and no lease is lost. */
import assert from "node:assert/strict";
import type { Lease } from "../../src/client/client.ts";
import { temporaryFolder } from "../support/folder.ts";
import { call, liveLeases } from "../support/os/api.ts";
import type { CyclesReport } from "../support/os/cycles.ts";
import { Installation } from "../support/os/installation.ts";
import { linux, osTest } from "../support/os/requirement.ts";
import { ServedDaemon } from "../support/os/served_daemon.ts";

const PROGRAM = new URL("../support/os/cycles.ts", import.meta.url).pathname;

osTest("1,000 starts and stops in one process leave nothing behind and lose no lease", [linux], async () => {
  const report = await runCycles(1000, "none");
  assert.deepEqual(report.lost, []);
  assert.ok(report.granted > 2000 && report.released > 1900, `${report.granted} granted, ${report.released} released`);
  assert.deepEqual(report.after, report.before);
  assert.deepEqual(report.runningAfter, report.runningBefore);
  assert.ok(report.runningAfter.stateFiles.includes("daemon.json") && !report.after.stateFiles.includes("daemon.json"));
  assert.deepEqual(report.after.temporaryFiles, []);
});

osTest("stops during a sync with this machine's firewall leave nothing behind", [linux], async () => {
  const report = await runCycles(20, "auto");
  assert.deepEqual([report.lost, report.after], [[], report.before]);
});

osTest("30 daemons one after the other end well at SIGTERM, whatever is under way, and keep the leases", [
  linux,
], async () => {
  await using installation = await Installation.create();
  const held: Lease[] = [];
  for (let i = 0; i < 30; i++) {
    await using daemon = await ServedDaemon.start(installation);
    assert.deepEqual((await liveLeases(daemon.url)).map(describe).sort(), held.map(describe).sort());
    const { status, body } = await call(daemon.url, "POST", "/leases", { lifetime: { kind: "pinned" } });
    assert.equal(status, 201);
    held.push(body as unknown as Lease);
    if (held.length > 5) {
      assert.equal((await call(daemon.url, "DELETE", `/leases/${held.shift()!.id}`)).status, 204);
    }
    const stream = await fetch(`${daemon.url}/events`); // it would never end by itself
    assert.equal(await daemon.end("SIGTERM"), 0);
    await stream.text();
    const left = (await Array.fromAsync(Deno.readDir(installation.stateDir))).map(({ name }) => name).sort();
    assert.deepEqual(left, ["admin.token", "daemon.log", "leases.db"]);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(`${installation.folder}/tmp`)), []);
  }
});

const describe = ({ id, port }: Lease) => `${id} ${port}`;

/** Runs cycles.ts, which must end by itself too. */
async function runCycles(count: number, firewall: string): Promise<CyclesReport> {
  await using folder = await temporaryFolder();
  await Deno.mkdir(`${folder.path}/tmp`);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-all", PROGRAM, `${folder.path}/state`, String(count), firewall],
    env: { TMPDIR: `${folder.path}/tmp`, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
