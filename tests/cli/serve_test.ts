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
