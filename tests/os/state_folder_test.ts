/** Files and folders that another user has put into a state folder, or above it. */
import assert from "node:assert/strict";
import { loadConfig } from "../../src/config.ts";
import { claimStateFolder, readOrMakeToken } from "../../src/state/claimed_folder.ts";
import { readDaemonFile } from "../../src/state/state_folder.ts";
import { portd } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";
import { runTool } from "../support/os/tool.ts";

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

osTest("a state folder that is or lies in another user's folder or link is refused and left as it is", [
  root,
  tools("chown"),
], async () => {
  await using folder = await temporaryFolder();
  const theirs = `${folder.path}/theirs`, ours = `${folder.path}/ours`, link = `${folder.path}/link`;
  for (const path of [theirs, ours]) Deno.mkdirSync(path, { mode: 0o755 });
  Deno.symlinkSync(ours, link);
  Deno.chownSync(theirs, STRANGER, STRANGER);
  await runTool("chown", ["--no-dereference", `${STRANGER}`, link]);
  for (const path of [theirs, link]) {
    assert.throws(() => claimStateFolder(path), {
      message: `Cannot use the state folder ${path}: it belongs to user ${STRANGER}`,
    });
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o755);
    // That user may put another folder in its place.
    assert.throws(() => claimStateFolder(`${path}/state`), {
      message: `Cannot use the state folder ${path}/state: ${path} above it belongs to user ${STRANGER}`,
    });
  }
});

osTest("a configuration that another user owns or may write is not read", [root], async () => {
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

osTest("portd service install --dry-run goes on where the service's configuration may not be read, and says so", [
  linux,
  root,
], async () => {
  await using folder = await temporaryFolder();
  const stateDir = `${folder.path}/state`;
  Deno.chmodSync(folder.path, 0o755);
  Deno.mkdirSync(stateDir, { mode: 0o700 });
  Deno.writeTextFileSync(`${stateDir}/config.yaml`, "listen: nowhere\n");
  const words = ["service", "install", "--listen", "127.0.0.1:0", "--state-dir", stateDir];
  await portd(words); // loads the modules, which that user may not read
  const { dry, wet } = await withFilesOf(STRANGER, async () => ({
    dry: await portd([...words, "--dry-run"]),
    wet: await portd(words),
  }));
  assert.equal(dry.code, 0, dry.stderr);
  assert.equal(dry.stderr, `warning: ${stateDir}/config.yaml may not be read, and is not checked\n`);
  assert.match(dry.stdout, /^write \/fake\/portd\n/);
  assert.match(wet.stderr, /^portd: Cannot read the configuration .*config\.yaml: /);
});

/** Does the work with the rights to files of another user. Only calls that open files at once, on this thread, have them. */
async function withFilesOf<Result>(user: number, work: () => Promise<Result>): Promise<Result> {
  const libc = Deno.dlopen("libc.so.6", { setfsuid: { parameters: ["u32"], result: "i32" } });
  libc.symbols.setfsuid(user);
  try {
    return await work();
  } finally {
    libc.symbols.setfsuid(0);
    libc.close();
  }
}
