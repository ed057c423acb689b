import assert from "node:assert/strict";
import { configWords } from "../../../src/cli/daemon/config_flags.ts";

Deno.test("the flags of a daemon in the background are those that were given", () => {
  const flags = {
    listen: "127.0.0.1:7700",
    logLevel: "debug",
    logFormat: "json",
    config: "a.yaml",
    set: [["pool", "1-2"]],
  } as const;
  assert.deepEqual(configWords(flags, "/work"), [
    "--listen",
    "127.0.0.1:7700",
    "--config",
    "/work/a.yaml",
    "--log-level",
    "debug",
    "--log-format",
    "json",
    "--set",
    "pool=1-2",
  ]);
  assert.deepEqual(configWords({}, "/work"), []);
});
