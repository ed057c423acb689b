/** The programs that packages are made of. */
import assert from "node:assert/strict";
import { TARGETS, VERSION } from "../../packaging/description.ts";
import { platformOf, readProgram, sha256Of, targetsNamed } from "../../packaging/programs.ts";
import { temporaryFolder } from "../support/folder.ts";
import { fakeProgram } from "../support/packaging.ts";

Deno.test("the description has the version of deno.json, and the targets of compile.sh", async () => {
  const root = new URL("../../", import.meta.url);
  assert.equal(JSON.parse(await Deno.readTextFile(new URL("deno.json", root))).version, VERSION);
  const script = await Deno.readTextFile(new URL("compile.sh", root));
  const [, targets = ""] = /^Targets: ([a-z0-9 -]+),/m.exec(script) ?? [];
  assert.deepEqual(TARGETS.map(({ name }) => name), targets.split(" "));
  for (const { file } of TARGETS) assert.match(script, new RegExp(`echo ${file} ;;`));
});

Deno.test("the platform of a program is read from its header", () => {
  for (const target of TARGETS) assert.equal(platformOf(fakeProgram(target)), `${target.os}-${target.cpu}`);
  for (const bytes of [new Uint8Array(), new Uint8Array(1000), new Uint8Array(1000).fill(0xff)]) {
    assert.equal(platformOf(bytes), undefined);
  }
  const cut = fakeProgram(TARGETS[2]).subarray(0, 0x42);
  assert.equal(platformOf(cut), undefined);
});

Deno.test("a program for another platform, of another version, or none, is not packaged", async () => {
  await using folder = await temporaryFolder();
  const [x64, arm64] = TARGETS;
  const path = `${folder.path}/${x64.file}`;
  await Deno.writeFile(path, fakeProgram(arm64));
  await assert.rejects(readProgram(x64, folder.path), /it is linux-arm64, and not for linux-x64/);
  await Deno.writeFile(path, fakeProgram(x64, "0.0.9"));
  await assert.rejects(readProgram(x64, folder.path), /it is not portd \d+\.\d+\.\d+; compile it again/);
  await Deno.writeTextFile(path, "no program");
  await assert.rejects(readProgram(x64, folder.path), /it is no program, and not for linux-x64/);
  await assert.rejects(readProgram(arm64, folder.path), Deno.errors.NotFound);
  await Deno.writeFile(path, fakeProgram(x64));
  assert.equal((await readProgram(x64, folder.path)).sha256, sha256Of(fakeProgram(x64)));
});

Deno.test("targets are named as compile.sh names them; without a name it is all", () => {
  assert.deepEqual(targetsNamed([]), TARGETS);
  assert.deepEqual(targetsNamed(["macos-x64", "linux-x64"]).map(({ name }) => name), ["linux-x64", "macos-x64"]);
  assert.throws(() => targetsNamed(["linux-x86"]), /Cannot package for "linux-x86": targets are linux-x64 /);
});
