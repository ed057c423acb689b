/** The two stress tests in full. Both are commands too: see their first lines. */
import assert from "node:assert/strict";
import { linux, osTest } from "../support/os/requirement.ts";
import { bind0 } from "./torture/bind0.ts";
import { kill9 } from "./torture/kill9.ts";

osTest("no acknowledged lease is lost and no port doubled by 200 kills of the daemon", [linux], async () => {
  const report = await kill9({ rounds: 200, clients: 8 });
  console.log(report);
  assert.deepEqual(report.faults, []);
  assert.deepEqual(report.missing, []);
  assert.deepEqual(report.doubled, []);
  assert.equal(report.rounds, 200);
  assert.ok(report.calls > 200, `only ${report.calls} calls were made`);
});

osTest("no held port is given away by 32 processes with 200 calls of bind(0) and connect()", [linux], async () => {
  const report = await bind0({ processes: 32, rounds: 200 });
  console.log({ ...report, collisions: report.collisions.length });
  assert.deepEqual(report.collisions, []);
  assert.equal(report.calls, 6400);
  assert.ok(report.afterRelease > 0, "the kernel chose none of the ports even when they were free");
});
