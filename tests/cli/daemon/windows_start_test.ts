/** The daemon that a command starts on Windows; tests/os/wine_test.ts runs this where there is no Windows. */
import assert from "node:assert/strict";
import { RUN_FLAGS } from "../../../src/cli/context.ts";
import { readDaemonFile } from "../../../src/state/state_folder.ts";
import { within } from "../../../src/wait.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { freePort } from "../../support/sockets.ts";

/** How long the test waits for an end that does not come when it fails. */
const LIMIT_MS = 300_000;

function fileOf(path: string): string {
  return new URL(`../../../${path}`, import.meta.url).href;
}

async function testEnd(): Promise<void> {
  await using folder = await temporaryFolder();
  const stateDir = `${folder.path}\\state`;
  const env = { PORTD_STATE_DIR: stateDir, PORTD_LISTEN: `127.0.0.1:${freePort()}`, PORTD_TEST_INHERITABLE: "1" };
  const portd = (...words: readonly string[]) => {
    const args = ["run", ...RUN_FLAGS, "--cached-only", "--preload", fileOf("tests/support/windows_handles.ts")];
    const all = [...args, fileOf("main.ts"), ...words];
    return new Deno.Command(Deno.execPath(), { args: all, env, stdout: "piped", stderr: "piped" }).spawn();
  };
  try {
    const { stdout, stderr, status } = portd("lease", "web");
    const texts = Promise.all([stdout, stderr].map((stream) => new Response(stream).text()));
    const { code } = await status;
    const [port, said] = await within(texts, LIMIT_MS) ?? assert.fail("the daemon keeps the command's streams open");
    assert.equal(code, 0, said);
    assert.match(port!, /^\d+\r?\n$/);
    const answer = await fetch(`${readDaemonFile(stateDir)!.url}/v1/status`);
    assert.equal((await answer.json()).name, "portd", "the daemon runs");
  } finally {
    await portd("stop").output();
  }
}

if (Deno.build.os === "windows") {
  Deno.test("who reads the output of the command that starts the daemon sees its end while the daemon runs", testEnd);
}
