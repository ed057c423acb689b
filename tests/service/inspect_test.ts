/** The inspection of a service, on real files; linux, darwin and windows tests check that it is called. */
import assert from "node:assert/strict";
import { denoDirOf } from "../../src/service/deno_dir.ts";
import { refuseUnsafe } from "../../src/service/inspect.ts";
import type { ServiceDefinition } from "../../src/service/service.ts";
import { UnixFiles, whoMayChange } from "../../src/service/unix_files.ts";
import { temporaryFolder } from "../support/folder.ts";

const STATE_DIR = "/var/lib/portd-that-is-not-there";
const SAFE: ServiceDefinition = { self: ["/usr/bin/env"], words: [], stateDir: STATE_DIR, reserve: [] };
/** Where the tests are not run by root, nothing that they make belongs to root. */
const WHO = "(?:everybody|user \\d+)";

/** Owners and modes are those of Unix. */
function inspectionTest(name: string, fn: (folder: string) => void | Promise<void>): void {
  Deno.test({
    name,
    ignore: Deno.build.os === "windows",
    async fn() {
      await using folder = await temporaryFolder();
      await fn(folder.path);
    },
  });
}

function inspect(changes: Partial<ServiceDefinition>, denoDir?: string): void {
  refuseUnsafe({ ...SAFE, ...changes }, { files: new UnixFiles(), denoDir });
}

/** Makes a file with the folders above it, which everybody may change. */
async function writeOpenFile(path: string): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(path, "");
  await Deno.chmod(path, 0o666);
}

inspectionTest("a program of the system with a state folder that is not there is safe", () => inspect({}));

inspectionTest("a program that another user may change is refused, with who, what and what to do", async (folder) => {
  await writeOpenFile(`${folder}/portd`);
  const refused = new RegExp(
    `^Error: Cannot install \\S+portd as a service of the system: ${WHO} may change \\S+; copy portd to /usr/local/bin, or`,
  );
  assert.throws(() => inspect({ self: [`${folder}/portd`] }), refused);
  await Deno.symlink(`${folder}/portd`, `${folder}/link`);
  assert.throws(() => inspect({ self: [`${folder}/link`] }), /may change/);
});

inspectionTest("the sources and the modules of a portd that Deno runs count too", async (folder) => {
  const main = `${folder}/portd/main.ts`, self = ["/usr/bin/env", "run", `file://${main}`] as const;
  await writeOpenFile(`${folder}/portd/src/cli/part.ts`);
  await Deno.writeTextFile(main, "");
  assert.throws(() => inspect({ self }), new RegExp(`Cannot install \\S+main\\.ts as .*: ${WHO} may change`));
  await writeOpenFile(`${folder}/deno/npm/registry/package.js`);
  const modules = () => inspect({ self: ["/usr/bin/env", "run"] }, `${folder}/deno`);
  const advice =
    /, and Deno keeps its modules in \S+\/deno; set HOME or DENO_DIR to a folder .* \(sudo -H sets HOME\)$/;
  assert.throws(modules, new RegExp(`${WHO} may change`));
  assert.throws(modules, advice);
  inspect({}, `${folder}/deno`); // a compiled program loads none
});

inspectionTest("of an installed portd that Deno runs, every file beside its main module counts", async (folder) => {
  await writeOpenFile(`${folder}/portd/chunk-1.js`);
  const seen: string[] = [];
  class SeenFiles extends UnixFiles {
    override objectionTo(path: string): undefined {
      seen.push(path);
    }
  }
  await Deno.writeTextFile(`${folder}/portd/main.js`, "");
  const self = ["/usr/bin/env", "run", `file://${folder}/portd/main.js`] as const;
  refuseUnsafe({ ...SAFE, self }, { files: new SeenFiles(), denoDir: undefined });
  assert.ok(seen.includes(`${folder}/portd/chunk-1.js`));
});

inspectionTest("a configuration that another user may change is refused", async (folder) => {
  await writeOpenFile(`${folder}/config.yaml`);
  const refused = new RegExp(`Cannot install a service with the configuration \\S+: ${WHO} may change`);
  assert.throws(() => inspect({ words: ["--config", `${folder}/config.yaml`] }), refused);
});

inspectionTest("a state folder that another user decides about is refused", async (folder) => {
  await Deno.mkdir(`${folder}/open`);
  await Deno.chmod(`${folder}/open`, 0o777);
  await Deno.symlink(`${folder}/open`, `${folder}/link`);
  const refused = new RegExp(`^Error: Cannot install a service with the state folder \\S+: ${WHO} may change \\S+; `);
  for (const name of ["open/portd", "open", "link/portd", "link"]) {
    assert.throws(() => inspect({ stateDir: `${folder}/${name}` }), refused, name);
  }
  assert.throws(() => inspect({ stateDir: "/etc" }), /with the state folder \/etc: it holds \S+, and other/);
});

Deno.test("root's file in a folder that others write is safe where the folder is sticky", () => {
  assert.equal(whoMayChange({ uid: 0, mode: 0o755 }), undefined);
  assert.equal(whoMayChange({ uid: 0, mode: 0o2775 }), undefined);
  assert.equal(whoMayChange({ uid: 0, mode: 0o1777 }), undefined);
  assert.equal(whoMayChange({ uid: 0, mode: 0o777 }), "everybody");
  assert.equal(whoMayChange({ uid: 1000, mode: 0o700 }), "user 1000");
});

Deno.test("Deno's modules are where Deno looks for them", () => {
  const HOME = "/home/ada", LOCALAPPDATA = "C:\\L";
  assert.equal(denoDirOf("linux", { HOME }), "/home/ada/.cache/deno");
  assert.equal(denoDirOf("linux", { HOME, XDG_CACHE_HOME: "/cache" }), "/cache/deno");
  assert.equal(denoDirOf("darwin", { HOME, XDG_CACHE_HOME: "/cache" }), "/home/ada/Library/Caches/deno");
  assert.equal(denoDirOf("windows", { HOME, LOCALAPPDATA }), "C:\\L\\deno");
  assert.equal(denoDirOf("windows", { LOCALAPPDATA, DENO_DIR: "D:\\deno" }), "D:\\deno");
  assert.equal(denoDirOf("linux", {}), undefined);
});
