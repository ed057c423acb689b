/** What the packages for npm say; tests/os/launcher_test.ts runs the launcher, tests/os/binary_test.ts installs them. */
import assert from "node:assert/strict";
import { TARGETS, VERSION } from "../../packaging/description.ts";
import { packLauncher, packProgram, programPackage } from "../../packaging/npm/packages.ts";
import { PLACEHOLDERS } from "../../packaging/settings.ts";
import { RUN_FLAGS } from "../../src/cli/context.ts";
import { temporaryFolder } from "../support/folder.ts";
import { filesInTar, PROGRAMS, SETTINGS } from "../support/packaging.ts";

const PLATFORMS = ["linux-x64", "linux-arm64", "win32-x64", "win32-arm64", "darwin-x64", "darwin-arm64"];

function manifestIn(archive: Uint8Array) {
  return JSON.parse(filesInTar(archive).get("package/package.json")!.text);
}

async function launcherPackage(settings = SETTINGS, targets: Parameters<typeof packLauncher>[0] = TARGETS) {
  await using folder = await temporaryFolder();
  await Deno.mkdir(`${folder.path}/bundle/below`, { recursive: true });
  for (const name of ["bundle/main.js", "bundle/deno.json", "bundle/below/chunk.js", "client.js"]) {
    await Deno.writeTextFile(`${folder.path}/${name}`, `// ${name}\n`);
  }
  const types = new Map([["library/portd.d.ts", "export {};"], ["client/client.d.ts", "export {};"]]);
  return packLauncher(targets, settings, { bundle: `${folder.path}/bundle`, library: folder.path, types });
}

Deno.test("there is one package for each platform, which npm installs nowhere else", () => {
  assert.deepEqual(TARGETS.map(programPackage), PLATFORMS.map((name) => `@portd/${name}`));
  for (const [i, program] of PROGRAMS.entries()) {
    const { file, archive } = packProgram(program, SETTINGS);
    assert.equal(file, `portd-${PLATFORMS[i]}-${VERSION}.tgz`);
    const { name, os, cpu, libc, version, preferUnplugged } = manifestIn(archive);
    assert.deepEqual([name, version, preferUnplugged], [`@portd/${PLATFORMS[i]}`, VERSION, true]);
    assert.deepEqual([os, cpu], [[program.os], [program.cpu]]);
    assert.deepEqual(libc, program.os === "linux" ? ["glibc"] : undefined);
    const own = filesInTar(archive).get(`package/portd${program.os === "win32" ? ".exe" : ""}`)!;
    assert.equal(own.mode, 0o755);
    assert.ok(own.text.includes(VERSION));
  }
});

Deno.test("portd depends on exactly these packages, of its own version, and on nothing that must be there", async () => {
  const { file, archive } = await launcherPackage();
  assert.equal(file, `portd-${VERSION}.tgz`);
  const manifest = manifestIn(archive);
  assert.deepEqual(
    manifest.optionalDependencies,
    Object.fromEntries(PLATFORMS.map((name) => [`@portd/${name}`, VERSION])),
  );
  assert.equal(manifest.dependencies, undefined);
  assert.deepEqual(manifest.peerDependenciesMeta, { deno: { optional: true } });
  assert.deepEqual(manifest.bin, { portd: "launcher.cjs" });
  const few = manifestIn((await launcherPackage(SETTINGS, TARGETS.slice(0, 1))).archive);
  assert.deepEqual(few.optionalDependencies, { "@portd/linux-x64": VERSION });
});

Deno.test("no package has a script, and each asks for provenance", async () => {
  for (const { archive } of [await launcherPackage(), ...PROGRAMS.map((each) => packProgram(each, SETTINGS))]) {
    const manifest = manifestIn(archive);
    assert.deepEqual([manifest.scripts, manifest.private], [undefined, undefined]);
    assert.deepEqual(manifest.publishConfig, { access: "public", provenance: true });
    assert.deepEqual(manifest.repository, { type: "git", url: `git+${SETTINGS.repository}` });
    assert.equal(manifest.license, SETTINGS.licence);
  }
});

Deno.test("npm refuses to publish what has placeholders", async () => {
  const settings = { ...SETTINGS, homepage: PLACEHOLDERS.homepage };
  for (const { archive } of [await launcherPackage(settings), packProgram(PROGRAMS[0]!, settings)]) {
    assert.equal(manifestIn(archive).private, true);
  }
});

Deno.test("portd holds the launcher, the library and the bundle, with the permissions of the task", async () => {
  const files = filesInTar((await launcherPackage()).archive);
  assert.deepEqual([...files.keys()], [
    "package/package.json",
    "package/README.md",
    "package/launcher.cjs",
    "package/launcher.json",
    "package/client.js",
    "package/types/client/client.d.ts",
    "package/types/library/portd.d.ts",
    "package/lib/below/chunk.js",
    "package/lib/deno.json",
    "package/lib/main.js",
  ]);
  const manifest = JSON.parse(files.get("package/package.json")!.text);
  for (const path of Object.values(manifest.exports["./client"])) {
    assert.ok(files.has(`package/${path}`.replace("./", "")));
  }
  const launcher = files.get("package/launcher.cjs")!;
  assert.equal(launcher.mode, 0o755);
  assert.ok(launcher.text.startsWith("#!/usr/bin/env node\n"));
  const { flags, bundle } = JSON.parse(files.get("package/launcher.json")!.text);
  assert.deepEqual([flags, bundle], [RUN_FLAGS, "lib/main.js"]);
});
