/** The command line of `deno task package`, where it refuses; tests/os/binary_test.ts makes packages by it. */
import assert from "node:assert/strict";
import { temporaryFolder } from "../support/folder.ts";
import { SETTINGS } from "../support/packaging.ts";

const SCRIPT = new URL("../../packaging/package.ts", import.meta.url).pathname;

async function refusalOf(...args: readonly string[]): Promise<string> {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/whole.json`, JSON.stringify(SETTINGS));
  await Deno.writeTextFile(`${folder.path}/half.json`, JSON.stringify({ publisher: "An Example" }));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "-A", SCRIPT, "--out", "out", ...args],
    env: { INIT_CWD: folder.path, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  assert.deepEqual([code, new TextDecoder().decode(stdout)], [1, ""]);
  return new TextDecoder().decode(stderr);
}

Deno.test("deno task package makes no release without every setting and every platform", async () => {
  assert.match(
    await refusalOf("--release", "--settings", "half.json"),
    /^Cannot make a release: \S+half\.json does not set maintainer, homepage, repository, downloads, licence, wingetId; /,
  );
  assert.equal(
    await refusalOf("--release", "--settings", "whole.json", "--target", "linux-x64"),
    "Cannot make a release of some platforms: leave --target out\n",
  );
});

Deno.test("deno task package names a platform, a program and a file of settings that are not there", async () => {
  assert.match(await refusalOf("--target", "beos-x64"), /^Cannot package for "beos-x64": targets are linux-x64 /);
  assert.match(
    await refusalOf("--programs", "none", "--target", "linux-x64"),
    /none\/portd-linux-x64: there is no such/,
  );
  assert.match(await refusalOf("--settings", "none.json"), /none\.json: there is no such file/);
});
