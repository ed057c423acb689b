/** `deno task install`, for root and for another user of the machine, who may read nothing of root's. */
import assert from "node:assert/strict";
import { Installation, type Outcome } from "../support/os/installation.ts";
import { askThreeTimes } from "../support/os/lease_scenario.ts";
import { linux, npmRegistry, osTest, root, tools } from "../support/os/requirement.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const NOBODY = 65534;
const AS_NOBODY = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
/** Whoever asks the network for a package does not get one. */
const OFFLINE = { npm_config_registry: "http://127.0.0.1:1", NPM_CONFIG_REGISTRY: "http://127.0.0.1:1" };

/** Runs a task of this checkout, as a user whose new files are closed to others. */
async function task(...words: readonly string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", 'umask 077; exec "$@"', "sh", Deno.execPath(), "task", "--quiet", ...words],
    cwd: ROOT,
    env: { PATH: "/usr/bin:/bin", NO_COLOR: "1" },
    stdin: "null",
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** An installation whose commands another user runs, with nothing but the launcher. */
async function installationOfNobody(launcher: string): Promise<Installation> {
  const env = { PATH: "/usr/bin:/bin", ...OFFLINE };
  const installation = await Installation.create({ program: [...AS_NOBODY, launcher], bare: true, env });
  for (const path of ["", "/home", "/tmp", "/work"]) await Deno.chown(installation.folder + path, NOBODY, NOBODY);
  return installation;
}

osTest("deno task install puts portd on the PATH, for another user too, without deno, packages and network", [
  linux,
  root,
  tools("setpriv", "sh"),
  npmRegistry,
], async (t) => {
  const prefix = await Deno.makeTempDir({ prefix: "portd-install-test-" });
  try {
    await Deno.chmod(prefix, 0o755);
    const launcher = `${prefix}/bin/portd`, library = `${prefix}/lib/portd`;
    const installed = await task("install", "--root", prefix);
    assert.deepEqual([installed.code, installed.stdout], [0, `${launcher}\n`], installed.stderr);
    assert.match(
      installed.stderr,
      new RegExp(`${prefix}/bin is not on your PATH.*\\n {2}export PATH="${prefix}/bin:\\$PATH"`),
    );

    await t.step("portd lease web prints a port and nothing else, three times the same", async () => {
      await using installation = await installationOfNobody(launcher);
      const port = await askThreeTimes(installation);
      assert.ok(port >= 20000 && port <= 29999);
      const { pid } = await installation.daemon();
      assert.equal(await Deno.readLink(`/proc/${pid}/exe`), `${library}/deno`);
      assert.equal((await Deno.stat(`/proc/${pid}`)).uid, NOBODY);
    });

    await t.step("what needs packages runs too", async () => {
      await using installation = await installationOfNobody(launcher);
      const project = `${installation.work}/shop`;
      await Deno.mkdir(project);
      await Deno.writeTextFile(`${project}/portd.yaml`, "services: { web: { env: PORT } }\n");
      assert.match(await installation.answer(["env"], { cwd: project }), /^PORT=2\d{4}\n$/);
      assert.match(await installation.answer(["ls"], { cwd: project }), /^NAME .*\nshop\/web .*\n$/);
      assert.match(await installation.answer(["export"], { cwd: project }), /^ {2}shop\/web: 2\d{4}$/m);
      assert.match(await installation.answer(["inspect", "443"], { cwd: project }), /https/);
      assert.equal(
        await installation.answer(["run", "--", "sh", "-c", "echo $PORT"], { cwd: project }).then(Number) > 0,
        true,
      );
    });

    await t.step("installing again replaces it, and nothing is left", async () => {
      await Deno.writeTextFile(`${library}/chunk-of-before.js`, "");
      assert.equal((await task("install", "--root", prefix)).code, 0);
      assert.deepEqual([...Deno.readDirSync(`${prefix}/lib`)].map(({ name }) => name), ["portd"]);
      assert.ok(![...Deno.readDirSync(library)].some(({ name }) => name === "chunk-of-before.js"));
    });

    await t.step("deno task uninstall removes it", async () => {
      assert.equal((await task("uninstall", "--root", prefix)).stdout, `removed ${launcher}\nremoved ${library}\n`);
      assert.deepEqual([...Deno.readDirSync(`${prefix}/bin`), ...Deno.readDirSync(`${prefix}/lib`)], []);
      const again = await task("uninstall", "--root", prefix);
      assert.deepEqual([again.code, again.stdout], [0, ""]);
      assert.match(again.stderr, /^portd is not installed in /);
    });

    await t.step("another program of the name stays", async () => {
      await Deno.writeTextFile(launcher, "#!/bin/sh\necho mine\n");
      for (const name of ["install", "uninstall"]) {
        const { code, stdout, stderr } = await task(name, "--root", prefix);
        assert.deepEqual([code, stdout], [1, ""]);
        assert.match(stderr, /^Cannot touch \S+bin\/portd: deno task install has not made it; /);
      }
      assert.equal(await Deno.readTextFile(launcher), "#!/bin/sh\necho mine\n");
    });
  } finally {
    await Deno.remove(prefix, { recursive: true });
  }
});
