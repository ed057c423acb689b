/** The state folder: taken from everybody else, and left alone where somebody else may have put a file into it. */
import assert from "node:assert/strict";
import {
  claimStateFolder,
  readOrMakeToken,
  removeDaemonFile,
  writeDaemonFile,
} from "../../src/state/claimed_folder.ts";
import { defaultStateDir, readDaemonFile, serviceStateDir } from "../../src/state/state_folder.ts";
import { temporaryFolder } from "../support/folder.ts";

const modeOf = (path: string) => Deno.statSync(path).mode! & 0o777;
const DAEMON = { url: "http://127.0.0.1:7678", pid: 4711, startTime: "1", version: "0.1.0", needsToken: false };

/** Declares a test with a folder of its own. */
function folderTest(name: string, test: (folder: string) => void, { ignore = false } = {}): void {
  Deno.test({
    name,
    ignore,
    async fn() {
      await using folder = await temporaryFolder();
      test(folder.path);
    },
  });
}

/** The same; modes and owners are not those of Windows. */
function unixTest(name: string, test: (folder: string) => void): void {
  folderTest(name, test, { ignore: Deno.build.os === "windows" });
}

unixTest("claimStateFolder() makes a folder, or takes an empty one from everybody else", (folder) => {
  const path = `${folder}/a/state`;
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

unixTest("claimStateFolder() leaves a folder alone that others may open and that is not empty", (folder) => {
  for (const name of ["passwd", "leases.db", "admin.token", "daemon.json", "config.yaml"]) {
    Deno.chmodSync(folder, 0o755);
    Deno.writeTextFileSync(`${folder}/${name}`, "");
    assert.throws(() => claimStateFolder(folder), {
      code: "store_unavailable",
      message: `Cannot use the state folder ${folder}: it holds ${name}, and other users may open it; name a ` +
        "folder of its own, or if every file in it is yours, close it with chmod 700",
    });
    assert.equal(modeOf(folder), 0o755);
    Deno.chmodSync(folder, 0o700);
    claimStateFolder(folder);
    Deno.removeSync(`${folder}/${name}`);
  }
});

unixTest("claimStateFolder() refuses a file of portd's that is a link, no file, or has a name elsewhere", (folder) => {
  const state = `${folder}/state`, victim = `${folder}/victim`;
  Deno.mkdirSync(state, { mode: 0o700 });
  Deno.writeTextFileSync(victim, "precious");
  const names = "leases.db leases.db-wal leases.db-shm admin.token daemon.json daemon.log daemon.log.1".split(" ");
  const plants = [
    [(path: string) => Deno.symlinkSync(victim, path), "it is a link"],
    [(path: string) => Deno.symlinkSync("/nowhere", path), "it is a link"],
    [(path: string) => Deno.linkSync(victim, path), "it has another name elsewhere (a hard link)"],
    [(path: string) => Deno.mkdirSync(path), "it is no regular file"],
  ] as const;
  for (const name of names) {
    const path = `${state}/${name}`;
    for (const [plant, reason] of plants) {
      plant(path);
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

unixTest("claimStateFolder() takes a token whose draft a killed daemon has left beside it", (folder) => {
  Deno.writeTextFileSync(`${folder}/admin.token.77`, "x");
  Deno.linkSync(`${folder}/admin.token.77`, `${folder}/admin.token`);
  claimStateFolder(folder);
  assert.equal(modeOf(folder), 0o700);
});

unixTest("claimStateFolder() refuses a place where everybody may put another folder instead", (folder) => {
  const open = `${folder}/open`;
  Deno.mkdirSync(`${open}/mine`, { recursive: true });
  Deno.symlinkSync(`${open}/mine`, `${folder}/link`);
  Deno.chmodSync(open, 0o777);
  for (const path of [`${open}/state`, `${open}/mine/a/state`, `${folder}/link/state`]) {
    assert.throws(() => claimStateFolder(path), {
      message: `Cannot use the state folder ${path}: every user may write ${open} above it`,
    });
  }
  Deno.chmodSync(open, 0o1777); // as /tmp: what is in it stays its owner's
  claimStateFolder(`${open}/state`);
});

unixTest("a state folder that the system refuses is named, with the reason and the way out", (folder) => {
  Deno.writeTextFileSync(`${folder}/file`, "");
  for (const use of [claimStateFolder, readDaemonFile]) {
    assert.throws(() => use(`${folder}/file/state`), {
      code: "store_unavailable",
      message: `Cannot use the state folder ${folder}/file/state: a part of the path is a file and not a folder; ` +
        "name another one with --state-dir",
    });
  }
});

unixTest("the token and daemon.json are never written through a link, and not read through one", (folder) => {
  const victim = `${folder}/victim`;
  Deno.writeTextFileSync(victim, "precious", { mode: 0o644 });
  Deno.symlinkSync(victim, `${folder}/daemon.json`);
  assert.equal(readDaemonFile(folder), undefined);
  writeDaemonFile(folder, DAEMON);
  assert.deepEqual(readDaemonFile(folder), DAEMON);
  // The names of drafts of earlier versions: guessed, and planted.
  for (const name of ["admin.token", "daemon.json"]) Deno.symlinkSync(victim, `${folder}/${name}.${Deno.pid}`);
  assert.match(readOrMakeToken(folder), /^[0-9a-f]{64}$/);
  writeDaemonFile(folder, { ...DAEMON, pid: Deno.pid });
  assert.equal(Deno.readTextFileSync(victim), "precious");
  assert.equal(modeOf(victim), 0o644);
  removeDaemonFile(folder, Deno.pid);
  assert.equal(readDaemonFile(folder), undefined);
});

unixTest("a token that is a link is not used", (folder) => {
  Deno.writeTextFileSync(`${folder}/theirs`, "a".repeat(64));
  Deno.symlinkSync(`${folder}/theirs`, `${folder}/admin.token`);
  assert.throws(() => readOrMakeToken(folder), /admin\.token: it is a link$/);
});

folderTest("daemon.json counts only when it is one", (folder) => {
  const urls = [7, "http://127.0.0.1:1\u001b[2J", "javascript:x"].map((url) => ({ url }));
  const faults = [...urls, { pid: -1 }, { version: null }].map((part) => JSON.stringify({ ...DAEMON, ...part }));
  const long = `${JSON.stringify(DAEMON)}${" ".repeat(2 << 20)}`;
  for (const text of ["", "null", "[]", "{", ...faults, long]) {
    Deno.writeTextFileSync(`${folder}/daemon.json`, text);
    assert.equal(readDaemonFile(folder), undefined, text.slice(0, 100));
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
