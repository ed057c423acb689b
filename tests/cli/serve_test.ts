/** `portd serve` in the foreground, with a daemon that does nothing. */
import assert from "node:assert/strict";
import type { RunDaemon } from "../../src/cli/context.ts";
import { FakeSignals, portd } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";

for (const os of ["linux", "windows"] as const) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"] as const) {
    if (os === "linux" && signal === "SIGBREAK") continue;
    Deno.test(`portd serve on ${os} ends cleanly at ${signal}`, async () => {
      await using folder = await temporaryFolder();
      const signals = new FakeSignals();
      const daemon: RunDaemon = async (_config, { signal: stopping }) => {
        signals.send(signal);
        assert.equal(stopping.aborted, true);
        await Promise.resolve();
      };
      const { code, stderr } = await portd(["serve", "--state-dir", `${folder.path}/state`], { os, signals, daemon });
      assert.deepEqual([code, stderr, signals.listeners], [0, "", 0]);
    });
  }
}

Deno.test("--log-level and --log-format are settings like others, and the daemon gets what writes details at debug", async () => {
  for (const [level, hasDetails] of [["debug", true], ["info", false]] as const) {
    await using folder = await temporaryFolder();
    const stateDir = `${folder.path}/state`;
    const given: unknown[] = [];
    const daemon: RunDaemon = async (config, { log, details }) => {
      given.push(config.log, details !== undefined);
      log("a line");
      await Promise.resolve();
    };
    const words = ["serve", "--state-dir", stateDir, "--log-level", level, "--log-format", "json"];
    assert.equal((await portd(words, { daemon })).code, 0);
    assert.deepEqual(given, [{ level, format: "json" }, hasDetails]);
    assert.equal(JSON.parse(await Deno.readTextFile(`${stateDir}/daemon.log`)).message, "a line");
  }
});

Deno.test("a failure in the background is logged in the form that is set", async () => {
  await using folder = await temporaryFolder();
  const stateDir = `${folder.path}/state`;
  const daemon: RunDaemon = () => Promise.reject(new Error("no address"));
  const words = ["serve", "--background", "--state-dir", stateDir, "--log-format", "json"];
  assert.equal((await portd(words, { daemon })).code, 1);
  const { level, message } = JSON.parse(await Deno.readTextFile(`${stateDir}/daemon.log`));
  assert.deepEqual([level, message], ["error", "no address"]);
});
