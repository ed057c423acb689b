/** A service from source never downloads, and is installed only where it finds all of its modules. */
import assert from "node:assert/strict";
import { denoDirOf, moduleEnvironment } from "../../src/service/deno_dir.ts";
import { refuseMissingModules, withoutDownloads } from "../../src/service/modules.ts";
import { temporaryFolder } from "../support/folder.ts";

const MAIN = new URL("../../main.ts", import.meta.url);
const SELF = [Deno.execPath(), "run", "--allow-net", MAIN.href] as const;
const { os } = Deno.build;
/** The environment with the modules of these tests, which have all of portd's. */
const env = Deno.env.toObject();

Deno.test("a service from source runs with --cached-only, and a compiled one as it is", () => {
  assert.deepEqual(withoutDownloads(SELF), [Deno.execPath(), "run", "--cached-only", "--allow-net", MAIN.href]);
  assert.deepEqual(withoutDownloads(withoutDownloads(SELF)), withoutDownloads(SELF));
  assert.deepEqual(withoutDownloads(["/usr/local/bin/portd"]), ["/usr/local/bin/portd"]);
});

Deno.test("where the cache of the service has every module, it is installed", async () => {
  await refuseMissingModules(withoutDownloads(SELF), { os, env });
});

Deno.test("a cache without a package is refused, with its name and what fetches it", async () => {
  await using folder = await temporaryFolder();
  const folderOfMain = decodeURIComponent(new URL(".", MAIN).pathname).replace(/\/$/, "");
  await assert.rejects(
    refuseMissingModules(SELF, { os, env: { ...env, DENO_DIR: folder.path } }),
    ({ message }: Error) => {
      const [, name] = /^Cannot install a service from source: (\S+) is not in Deno's module cache /.exec(message) ??
        [];
      assert.ok(name, message);
      assert.ok(message.includes(`module cache ${folder.path}, and a service never downloads; `), message);
      return message.endsWith(`as this user, in ${folderOfMain}, with: ${Deno.execPath()} install --frozen`);
    },
  );
});

Deno.test("a package that only a lazily imported module needs is missed too", async () => {
  await using folder = await temporaryFolder();
  const from = `${denoDirOf(os, env)}/npm`, to = `${folder.path}/npm`;
  for (const { name: registry, isDirectory } of Deno.readDirSync(from)) {
    if (!isDirectory) continue;
    Deno.mkdirSync(`${to}/${registry}`, { recursive: true });
    for (const { name } of Deno.readDirSync(`${from}/${registry}`)) {
      if (name !== "yaml") Deno.symlinkSync(`${from}/${registry}/${name}`, `${to}/${registry}/${name}`); // of src/yaml_document.ts
    }
  }
  const refused = refuseMissingModules(SELF, { os, env: { ...env, DENO_DIR: folder.path } });
  await assert.rejects(refused, /^Error: Cannot install a service from source: yaml@\S+ is not in /);
});

Deno.test("a compiled portd and a bundled one need no cache", async () => {
  await refuseMissingModules(["/nowhere/portd"], { os, env: {} });
  await refuseMissingModules(["/nowhere/deno", "run", "file:///nowhere/main.js"], { os, env: {} });
});

Deno.test("a service finds the modules by the variables of each system, without a password", () => {
  const given = { HOME: "/root", LOCALAPPDATA: "C:\\L", NPM_CONFIG_REGISTRY: "http://me:secret@npm" };
  assert.deepEqual(moduleEnvironment("linux", given), { HOME: "/root" });
  assert.deepEqual(moduleEnvironment("darwin", given), { DENO_DIR: "/root/Library/Caches/deno" });
  assert.deepEqual(moduleEnvironment("windows", { LOCALAPPDATA: "C:\\L", NPM_CONFIG_REGISTRY: "http://npm" }), {
    DENO_DIR: "C:\\L\\deno",
    NPM_CONFIG_REGISTRY: "http://npm",
  });
});
