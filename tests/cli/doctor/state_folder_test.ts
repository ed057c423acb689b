import assert from "node:assert/strict";
import { changedAt } from "../../../src/cli/doctor/program.ts";
import { freeBytes, lookAtFolder } from "../../../src/cli/doctor/state_folder.ts";
import { temporaryFolder } from "../../support/folder.ts";

const unixTest = (name: string, fn: () => Promise<void>) =>
  Deno.test(name, { ignore: Deno.build.os === "windows" }, fn);

unixTest("lookAtFolder() finds what others may open, and what they may replace", async () => {
  await using temporary = await temporaryFolder();
  const folder = `${temporary.path}/state`, token = `${folder}/admin.token`, config = `${folder}/config.yaml`;
  await Deno.mkdir(folder, { mode: 0o700 });
  for (const path of [token, config, `${folder}/leases.db`, `${folder}/notes.txt`]) {
    await Deno.writeTextFile(path, "");
    await Deno.chmod(path, 0o644);
  }
  await Deno.chmod(token, 0o600);
  await Deno.chmod(config, 0o666);
  assert.deepEqual(lookAtFolder(folder), { openFiles: [], faults: [] });
  await Deno.chmod(token, 0o644);
  assert.deepEqual(lookAtFolder(folder)?.openFiles, [token]);
  await Deno.chmod(folder, 0o755);
  const open = lookAtFolder(folder)!;
  assert.deepEqual(open.openFiles.toSorted(), [folder, token, `${folder}/leases.db`]);
  assert.deepEqual(open.faults, [`${config} can be changed by other users; stop that with: chmod go-w ${config}`]);
  await Deno.chmod(folder, 0o500);
  assert.match(lookAtFolder(folder)!.faults[0]!, /^the daemon cannot write into .*; change that with: chmod u=rwx /);
  await Deno.chmod(folder, 0o700);
  await Deno.chmod(temporary.path, 0o777);
  assert.match(lookAtFolder(folder)!.faults[0]!, /^another user can replace .*: every user may write .* above it$/);
});

unixTest("lookAtFolder() says that a folder is gone", async () => {
  await using folder = await temporaryFolder();
  assert.match(
    lookAtFolder(`${folder.path}/gone`)!.faults[0]!,
    /gone is not there, .* is lost when it ends; restart it$/,
  );
});

Deno.test("freeBytes() asks the file system of the folder, and knows nothing of one that is not there", async () => {
  await using folder = await temporaryFolder();
  assert.ok((await freeBytes({ stateDir: folder.path, user: "root" }))! > 0);
  assert.equal(await freeBytes({ stateDir: `${folder.path}/gone`, user: "root" }), null);
});

Deno.test("changedAt() is the last change of the binary, or of any file of the source", async () => {
  await using folder = await temporaryFolder();
  const portd = `${folder.path}/portd`, main = `${folder.path}/main.ts`, deep = `${folder.path}/src/a b/deep.ts`;
  await Deno.mkdir(`${folder.path}/src/a b`, { recursive: true });
  await Deno.mkdir(`${folder.path}/routes`);
  for (const [i, path] of [portd, main, deep].entries()) {
    await Deno.writeTextFile(path, "");
    await Deno.utime(path, i + 1, i + 1);
  }
  assert.equal(changedAt([portd]), 1000);
  assert.equal(changedAt(["/usr/bin/deno", "run", new URL(`file://${main}`).href]), 3000);
  assert.equal(changedAt(["/nowhere/portd"]), null);
  assert.equal(changedAt(["/usr/bin/deno", "run", "https://example.org/main.ts"]), null);
});
