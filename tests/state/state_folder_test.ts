/** The state folder: taken from everybody else, and left alone where somebody else may have put a file into it. */
import assert from "node:assert/strict";
import {
  claimStateFolder,
  defaultStateDir,
  readDaemonFile,
  readOrMakeToken,
  removeDaemonFile,
  serviceStateDir,
  writeDaemonFile,
} from "../../src/state/state_folder.ts";
import { temporaryFolder } from "../support/folder.ts";

const modeOf = (path: string) => Deno.statSync(path).mode! & 0o777;
const DAEMON = { url: "http://127.0.0.1:7678", pid: 4711, startTime: "1", version: "0.1.0", needsToken: false };

/** Modes and owners are not those of Windows. */
function unixTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: Deno.build.os === "windows", fn });
}

unixTest("claimStateFolder() makes a folder, or takes an empty one from everybody else", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/a/state`;
  claimStateFolder(path);
  assert.equal(modeOf(path), 0o700);
  Deno.chmodSync(path, 0o755);
  claimStateFolder(path);
  assert.equal(modeOf(path), 0o700);
  for (const name of ["leases.db", "leases.db-wal", "daemon.log.1", "config.yaml", "admin.token"]) {
    Deno.writeTextFileSync(`${path}/${name}`, "");
  }
  claimStateFolder(path); // nobody else could put them there
});

unixTest("claimStateFolder() leaves a folder alone that others may open and that is not empty", async () => {
  await using folder = await temporaryFolder();
  for (const name of ["passwd", "leases.db", "admin.token", "daemon.json", "config.yaml"]) {
    Deno.chmodSync(folder.path, 0o755);
    Deno.writeTextFileSync(`${folder.path}/${name}`, "");
    assert.throws(() => claimStateFolder(folder.path), {
      code: "store_unavailable",
      message: `Cannot use the state folder ${folder.path}: it holds ${name}, and other users may open it; name a ` +
        "folder of its own, or if every file in it is yours, close it with chmod 700",
    });
    assert.equal(modeOf(folder.path), 0o755);
    Deno.chmodSync(folder.path, 0o700);
    claimStateFolder(folder.path);
    Deno.removeSync(`${folder.path}/${name}`);
  }
});

unixTest("claimStateFolder() refuses a file of portd's that is a link, no file, or has a name elsewhere", async () => {
  await using folder = await temporaryFolder();
  const state = `${folder.path}/state`, victim = `${folder.path}/victim`;
  Deno.mkdirSync(state, { mode: 0o700 });
  Deno.writeTextFileSync(victim, "precious");
  for (
    const name of [
      "leases.db",
      "leases.db-wal",
      "leases.db-shm",
      "admin.token",
      "daemon.json",
      "daemon.log",
      "daemon.log.1",
    ]
  ) {
    const path = `${state}/${name}`;
    for (
      const [plant, reason] of [
        [() => Deno.symlinkSync(victim, path), "it is a link"],
        [() => Deno.symlinkSync("/nowhere", path), "it is a link"],
        [() => Deno.linkSync(victim, path), "it has another name elsewhere (a hard link)"],
        [() => Deno.mkdirSync(path), "it is no regular file"],
      ] as const
    ) {
      plant();
      assert.throws(() => claimStateFolder(state), {
        message: `Cannot use the state folder ${state}: ${name} in it may have been put there by another user: ` +
          `${reason}; remove that file`,
      });
      Deno.removeSync(path);
    }
  }
  claimStateFolder(state);
  assert.equal(Deno.readTextFileSync(victim), "precious");
});

unixTest("claimStateFolder() takes a token whose draft a killed daemon has left beside it", async () => {
  await using folder = await temporaryFolder();
  Deno.writeTextFileSync(`${folder.path}/admin.token.77`, "x");
  Deno.linkSync(`${folder.path}/admin.token.77`, `${folder.path}/admin.token`);
  claimStateFolder(folder.path);
  assert.equal(modeOf(folder.path), 0o700);
});

unixTest("claimStateFolder() refuses a place where everybody may put another folder instead", async () => {
  await using folder = await temporaryFolder();
  const open = `${folder.path}/open`;
  Deno.mkdirSync(`${open}/mine`, { recursive: true });
  Deno.symlinkSync(`${open}/mine`, `${folder.path}/link`);
  Deno.chmodSync(open, 0o777);
  for (const path of [`${open}/state`, `${open}/mine/a/state`, `${folder.path}/link/state`]) {
    assert.throws(() => claimStateFolder(path), {
      message: `Cannot use the state folder ${path}: every user may write ${open} above it`,
    });
  }
  Deno.chmodSync(open, 0o1777); // as /tmp: what is in it stays its owner's
  claimStateFolder(`${open}/state`);
});

unixTest("the token and daemon.json are never written through a link, and not read through one", async () => {
  await using folder = await temporaryFolder();
  const victim = `${folder.path}/victim`;
  Deno.writeTextFileSync(victim, "precious", { mode: 0o644 });
  Deno.symlinkSync(victim, `${folder.path}/daemon.json`);
  assert.equal(readDaemonFile(folder.path), undefined);
  writeDaemonFile(folder.path, DAEMON);
  assert.deepEqual(readDaemonFile(folder.path), DAEMON);
  // The names of drafts of earlier versions: guessed, and planted.
  for (const name of ["admin.token", "daemon.json"]) Deno.symlinkSync(victim, `${folder.path}/${name}.${Deno.pid}`);
  assert.match(readOrMakeToken(folder.path), /^[0-9a-f]{64}$/);
  writeDaemonFile(folder.path, { ...DAEMON, pid: Deno.pid });
  assert.equal(Deno.readTextFileSync(victim), "precious");
  assert.equal(modeOf(victim), 0o644);
  removeDaemonFile(folder.path, Deno.pid);
  assert.equal(readDaemonFile(folder.path), undefined);
});

unixTest("a token that is a link is not used", async () => {
  await using folder = await temporaryFolder();
  Deno.writeTextFileSync(`${folder.path}/theirs`, "a".repeat(64));
  Deno.symlinkSync(`${folder.path}/theirs`, `${folder.path}/admin.token`);
  assert.throws(() => readOrMakeToken(folder.path), /admin\.token: it is a link$/);
});

Deno.test("daemon.json counts only when it is one", async () => {
  await using folder = await temporaryFolder();
  for (
    const text of [
      "",
      "null",
      "[]",
      "{",
      JSON.stringify({ ...DAEMON, url: 7 }),
      JSON.stringify({ ...DAEMON, url: "http://127.0.0.1:1\u001b[2J" }),
      JSON.stringify({ ...DAEMON, url: "javascript:x" }),
      JSON.stringify({ ...DAEMON, pid: -1 }),
      JSON.stringify({ ...DAEMON, version: null }),
      `${JSON.stringify(DAEMON)}${" ".repeat(2 << 20)}`,
    ]
  ) {
    Deno.writeTextFileSync(`${folder.path}/daemon.json`, text);
    assert.equal(readDaemonFile(folder.path), undefined, text.slice(0, 100));
  }
});

Deno.test("Linux keeps state where XDG_STATE_HOME says, root in /var/lib", () => {
  assert.equal(defaultStateDir("linux", { XDG_STATE_HOME: "/s", HOME: "/home/ada" }, false), "/s/portd");
  assert.equal(defaultStateDir("linux", { HOME: "/home/ada" }, false), "/home/ada/.local/state/portd");
  assert.equal(defaultStateDir("linux", { XDG_STATE_HOME: "relative", HOME: "/h" }, false), "/h/.local/state/portd");
  assert.equal(defaultStateDir("linux", {}, true), "/var/lib/portd");
  assert.equal(defaultStateDir("linux", { XDG_STATE_HOME: "/s" }, true), "/s/portd");
});

Deno.test("macOS and Windows keep state where their applications do", () => {
  assert.equal(
    defaultStateDir("darwin", { HOME: "/Users/ada" }, false),
    "/Users/ada/Library/Application Support/portd",
  );
  assert.equal(defaultStateDir("windows", { LOCALAPPDATA: "C:\\L" }, false), "C:\\L\\portd");
  assert.equal(defaultStateDir("windows", { USERPROFILE: "C:\\U" }, false), "C:\\U\\AppData\\Local\\portd");
});

Deno.test("without a home the way out is named", () => {
  assert.throws(() => defaultStateDir("linux", {}, false), /HOME is not set; set PORTD_STATE_DIR/);
});

Deno.test("the service of the system keeps its state where no user's environment says", () => {
  const env = { XDG_STATE_HOME: "/s", HOME: "/home/ada", LOCALAPPDATA: "C:\\L" };
  assert.equal(serviceStateDir("linux", env), "/var/lib/portd");
  assert.equal(serviceStateDir("darwin", env), "/Library/Application Support/portd");
  assert.equal(serviceStateDir("windows", { ...env, ProgramData: "C:\\P" }), "C:\\P\\portd");
  assert.equal(serviceStateDir("windows", { ...env, PROGRAMDATA: "C:\\P" }), "C:\\P\\portd");
  assert.throws(() => serviceStateDir("windows", env), /ProgramData is not set; pass --state-dir/);
});
