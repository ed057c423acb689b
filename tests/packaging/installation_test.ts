/** Where portd is installed, and what its launcher is; tests/os/install_test.ts installs it. */
import assert from "node:assert/strict";
import {
  isOnPath,
  launcherText,
  placesIn,
  possiblePlaces,
  refuseIfService,
  shadowOf,
  type Target,
  uninstall,
} from "../../packaging/installation.ts";
import { lazyModules } from "../../packaging/bundle.ts";
import { temporaryFolder } from "../support/folder.ts";

const USER: Target = { os: "linux", env: { HOME: "/home/me", PATH: "/usr/bin:/bin" }, isRoot: false };

function roots(changes: Partial<Target>, env: Target["env"] = {}): string[] {
  return possiblePlaces({ ...USER, ...changes, env: { ...USER.env, ...env } }).map(({ root }) => root);
}

Deno.test("portd is installed where the user's PATH leads, and for everybody by root", () => {
  assert.deepEqual(roots({}), ["/home/me/.local", "/home/me/.deno"]);
  assert.deepEqual(roots({}, { PATH: "/usr/bin:/home/me/.deno/bin/" }), ["/home/me/.deno", "/home/me/.local"]);
  assert.deepEqual(roots({}, { PATH: "/home/me/.deno/bin:/home/me/.local/bin" }), [
    "/home/me/.local",
    "/home/me/.deno",
  ]);
  assert.deepEqual(roots({ isRoot: true }), ["/usr/local"]);
  assert.deepEqual(roots({ isRoot: true }, { DENO_INSTALL_ROOT: "/opt" }), ["/opt"]);
  assert.deepEqual(roots({ os: "windows" }, { USERPROFILE: "C:\\Users\\me" }), ["C:\\Users\\me\\.deno"]);
  assert.throws(() => roots({}, { HOME: undefined }), /HOME is not set; name a folder with --root/);
});

Deno.test("a folder counts as on the PATH with and without a slash at its end", () => {
  const on = (PATH: string) => isOnPath("/home/me/.local/bin", { os: "linux", env: { PATH } });
  assert.deepEqual(["/bin:/home/me/.local/bin", "/home/me/.local/bin/", "/bin", ""].map(on), [
    true,
    true,
    false,
    false,
  ]);
  assert.ok(isOnPath("C:\\d\\bin", { os: "windows", env: { Path: "C:\\w;C:\\d\\bin\\" } }));
});

Deno.test("the launcher has the flags of the task portd, is quiet, and calls nothing on the PATH", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const flags = (text: string) => text.split(/\s/).filter((word) => word.startsWith("--"));
  const wanted = ["--quiet", ...flags(tasks.portd.command)];
  const text = launcherText(placesIn("/home/o'neill", "linux"), "linux");
  assert.deepEqual(flags(text), wanted);
  assert.match(text, /^#!\/bin\/sh\n# .*\nexec '\/home\/o'\\''neill\/lib\/portd\/deno' run --quiet .* "\$@"\n$/);
  const windows = launcherText(placesIn("C:\\100%", "windows"), "windows");
  assert.deepEqual(flags(windows), wanted);
  assert.match(windows, /^@"C:\\100%%\\lib\\portd\\deno\.exe" run .* "C:\\100%%\\lib\\portd\\main\.js" %\*\r\n$/m);
});

Deno.test("a portd that comes first on the PATH is found", async () => {
  await using folder = await temporaryFolder();
  const places = placesIn(`${folder.path}/own`, "linux");
  const shadow = () => shadowOf(places, { os: "linux", env: { PATH: `${folder.path}/first:${places.bin}` } });
  assert.equal(shadow(), undefined);
  await Deno.mkdir(`${folder.path}/first`);
  await Deno.writeTextFile(`${folder.path}/first/portd`, "");
  assert.equal(shadow(), `${folder.path}/first/portd`);
});

Deno.test("uninstall removes what install has made, and no other program", async () => {
  await using folder = await temporaryFolder();
  const places = placesIn(folder.path, Deno.build.os);
  assert.equal(uninstall(places), false);
  await Deno.mkdir(places.library, { recursive: true });
  await Deno.mkdir(places.bin);
  await Deno.writeTextFile(places.launcher, launcherText(places, Deno.build.os));
  assert.equal(uninstall(places), true);
  assert.deepEqual([...Deno.readDirSync(places.bin), ...Deno.readDirSync(`${folder.path}/lib`)], []);
  await Deno.writeTextFile(places.launcher, "another program");
  assert.throws(
    () => uninstall(places),
    /^Error: Cannot touch \S+portd\S*: deno task install has not made it; remove it/,
  );
  assert.equal(await Deno.readTextFile(places.launcher), "another program");
});

Deno.test("the bundle has every command as a module of its own", () => {
  const modules = lazyModules();
  for (const part of ["src/daemon/daemon.ts", "routes/app.ts", "src/cli/app.ts", "src/cli/commands/ls.ts"]) {
    assert.ok(modules.includes(part), part);
  }
});

Deno.test("what a service runs is not removed, and a system that cannot be asked is named", async () => {
  const places = placesIn("/opt", "linux");
  const status = { state: "running", pid: 1, exitCode: null, startsAtBoot: true, definition: "/unit" } as const;
  const runs = (word: string) => () => Promise.resolve({ ...status, command: [word, "service", "run"] });
  await assert.rejects(
    refuseIfService([places], "linux", runs("/opt/lib/portd/deno")),
    /^Error: Cannot remove \/opt\/lib\/portd: the service portd runs from it/,
  );
  assert.deepEqual(await refuseIfService([places], "linux", runs("/usr/bin/portd")), []);
  const fails = (isUser: boolean) => Promise.reject(new Error(`no bus, ${isUser}`));
  assert.deepEqual(await refuseIfService([places], "linux", fails), ["no bus, false", "no bus, true"]);
  assert.deepEqual(await refuseIfService([places], "windows", fails), ["no bus, false"]);
});
