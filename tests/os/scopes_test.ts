/** A CI job in a scope: what its steps lease is free again when it ends, also when it is killed. */
import assert from "node:assert/strict";
import { retryUntil } from "../../src/wait.ts";
import { liveLeases } from "../support/os/api.ts";
import { Installation, programFromSource } from "../support/os/installation.ts";
import { linux, osTest, tools } from "../support/os/requirement.ts";
import { untilLookedAt } from "../support/os/runs.ts";

osTest("a scope ends with its command, and with SIGKILL too", [linux, tools("sh", "setsid")], async (t) => {
  await using installation = await Installation.create({ env: { PORTD_PROCESS_GRACE_MS: "0", PORTD_WATCH_MS: "200" } });
  await installation.answer(["serve", "--detach"]);
  const url = `${(await installation.daemon()).url}/v1`;
  const portd = (await programFromSource()).map((word) => `'${word}'`).join(" ");
  const steps = `${portd} lease one; ${portd} lease two; ${portd} lease --count 3`;
  await t.step("when it ends by itself", async () => {
    const script = `{ ${steps}; } >&2; ${portd} ls --label scope=ci --json`;
    const { leases } = JSON.parse(await installation.answer(["run", "--scope", "ci", "--", "sh", "-c", script]));
    assert.equal(leases.length, 6);
    assert.deepEqual(await liveLeases(url), []);
  });
  await t.step("when the wrapper is killed", async () => {
    const script = `{ ${steps}; } >&2; exec sleep 1000`;
    const child = installation.command(["run", "--scope", "ci", "--", "sh", "-c", script], {
      before: ["setsid"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const isWhole = async () => (await liveLeases(url)).length === 6 || undefined;
    assert.ok(await retryUntil(isWhole, { pauseMs: 200, limitMs: 120_000 }));
    child.kill("SIGKILL");
    await child.status;
    await untilLookedAt(installation);
    assert.deepEqual(await liveLeases(url), []);
    await new Deno.Command("pkill", { args: ["-s", String(child.pid)], stdin: "null" }).output();
  });
});
