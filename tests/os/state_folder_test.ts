/** What another user has laid into a state folder, or above it. */
import assert from "node:assert/strict";
import { loadConfig } from "../../src/config.ts";
import { claimStateFolder, readDaemonFile, readOrMakeToken } from "../../src/state/state_folder.ts";
import { temporaryFolder } from "../support/folder.ts";
import { osTest, root } from "../support/os/requirement.ts";

/** User and group "nobody". */
const STRANGER = 65534;

osTest("a file of another user in the state folder is not used", [root], async () => {
  await using folder = await temporaryFolder();
  const daemon = { url: "http://127.0.0.1:7678", pid: 4711, startTime: "1", version: "0.1.0", needsToken: false };
  const plants = { "leases.db": "x", "admin.token": "a".repeat(64), "daemon.json": JSON.stringify(daemon) };
  for (const [name, text] of Object.entries(plants)) {
    const path = `${folder.path}/${name}`;
    Deno.writeTextFileSync(path, text);
    Deno.chownSync(path, STRANGER, STRANGER);
    assert.throws(() => claimStateFolder(folder.path), {
      message:
        `Cannot use the state folder ${folder.path}: ${name} in it may have been put there by another user: it ` +
        `belongs to user ${STRANGER}; remove that file`,
    });
    if (name === "daemon.json") assert.equal(readDaemonFile(folder.path), undefined);
    if (name === "admin.token") assert.throws(() => readOrMakeToken(folder.path), /belongs to user 65534/);
    Deno.removeSync(path);
  }
  claimStateFolder(folder.path);
});

osTest(
  "a state folder below a folder of another user is refused, as that user may put another in its place",
  [root],
  async () => {
    await using folder = await temporaryFolder();
    const theirs = `${folder.path}/theirs`;
    Deno.mkdirSync(theirs);
    Deno.symlinkSync(folder.path, `${folder.path}/link`);
    Deno.chownSync(theirs, STRANGER, STRANGER);
    assert.throws(() => claimStateFolder(`${theirs}/state`), {
      message: `Cannot use the state folder ${theirs}/state: ${theirs} above it belongs to user ${STRANGER}`,
    });
    await new Deno.Command("chown", { args: ["-h", String(STRANGER), `${folder.path}/link`] }).output();
    assert.throws(() => claimStateFolder(`${folder.path}/link/state`), /link above it belongs to user 65534$/);
  },
);

osTest("a configuration that another user owns or may write is not obeyed", [root], async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/config.yaml`;
  const load = (file?: string) =>
    loadConfig({ flags: {}, env: {}, stateDir: folder.path, ...(file === undefined ? {} : { file }) });
  Deno.writeTextFileSync(path, "cooldownMs: 1\n");
  Deno.chmodSync(path, 0o664);
  assert.equal((await load()).config.cooldownMs, 1); // nobody else reaches it
  Deno.chmodSync(folder.path, 0o755);
  await assert.rejects(load(path), /other users may write it, and could set everything; close it: chmod go-w /);
  Deno.chmodSync(path, 0o644);
  assert.equal((await load(path)).config.cooldownMs, 1);
  Deno.chownSync(path, STRANGER, STRANGER);
  for (const file of [undefined, path]) {
    await assert.rejects(load(file), {
      code: "invalid_request",
      message: `Cannot read the configuration ${path}: it belongs to user ${STRANGER}, who could set everything`,
    });
  }
});
