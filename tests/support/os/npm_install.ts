/** The packages for npm as a user of npm meets them, on a machine that has Node and nothing else. */
import assert from "node:assert/strict";
import { VERSION } from "../../../src/version.ts";
import { CleanRoot } from "./clean_root.ts";
import { obtainTarballs } from "./npm_packages.ts";
import { runTool } from "./tool.ts";

/** A folder whose path takes quotes, below which npm installs. */
const PROJECT = "/work/a project";
const LAUNCHER = `/packages/portd-${VERSION}.tgz`, PROGRAM = `/packages/portd-linux-x64-${VERSION}.tgz`;

/** @param packages is the folder that `deno task package` has made. */
export async function testNpmPackages(t: Deno.TestContext, packages: string): Promise<void> {
  await using root = await CleanRoot.create(packages);
  await t.step("the machine has Node, and neither Deno nor anything of npm's", () => testEmptiness(root));
  await t.step("npm install from a folder, then npx portd lease web prints a port and nothing else", async () => {
    await install(root, [], LAUNCHER, PROGRAM);
    await testLease(root);
  });
  await t.step("without scripts too, and globally", async () => {
    await root.run("/work", "rm", "-r", PROJECT);
    await install(root, ["--ignore-scripts"], LAUNCHER, PROGRAM);
    await testLease(root);
    const options = ["--offline", "--no-audit", "--no-fund", "--prefix", "/root/global"];
    // A link to what is there: another copy of the program tells nothing more.
    await root.run(PROJECT, "npm", "install", "--global", ...options, `${PROJECT}/node_modules/portd`);
    assert.equal(await root.run("/", "/root/global/bin/portd", "version"), `portd ${VERSION}\n`);
  });
  await t.step("without a program that fits it says what to do", async () => {
    await root.run(PROJECT, "rm", "-r", "node_modules/@portd");
    const { code, stdout, stderr } = await root.outcome(PROJECT, "npx", "portd", "lease", "web");
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(
      stderr,
      /^portd: Cannot start: the package @portd\/linux-x64 is not installed, and no Deno was found\./,
    );
    assert.match(stderr, /--omit=optional.*\n.*npm install deno.*\n.*a deno on the PATH/);
  });
  await t.step("without a program that fits it runs on the npm package deno", async () => {
    await testFallback(root, packages);
  });
}

async function testEmptiness(root: CleanRoot): Promise<void> {
  assert.equal((await root.outcome("/", "sh", "-c", "command -v deno")).code, 127);
  assert.equal(await root.run("/", "ls", "-A", "/root", "/work"), "/root:\n\n/work:\n");
  assert.match(await root.run("/", "node", "--version"), /^v\d+/);
}

async function install(root: CleanRoot, options: readonly string[], ...archives: readonly string[]): Promise<void> {
  await root.run("/work", "mkdir", "-p", PROJECT);
  await root.run(PROJECT, "npm", "install", "--offline", "--no-audit", "--no-fund", ...options, ...archives);
}

async function testLease(root: CleanRoot): Promise<void> {
  const first = await root.run(PROJECT, "npx", "portd", "lease", "web");
  assert.match(first, /^2\d{4}\n$/);
  assert.equal(await root.run(PROJECT, "./node_modules/.bin/portd", "lease", "web"), first);
  assert.match(await root.run(PROJECT, "./node_modules/.bin/portd", "ls"), /^NAME .*\na-project-\w+\/web .*\n$/);
  await root.run(PROJECT, "./node_modules/.bin/portd", "stop");
}

async function testFallback(root: CleanRoot, packages: string): Promise<void> {
  const version = Deno.version.deno;
  const archives = await obtainTarballs([`deno@${version}`, `@deno/linux-x64-glibc@${version}`]);
  const names = [...Deno.readDirSync(archives)].map(({ name }) => name);
  await runTool("cp", [...names.map((name) => `${archives}/${name}`), packages]);
  await root.run("/work", "rm", "-r", PROJECT);
  await install(root, ["--ignore-scripts"], LAUNCHER, ...names.map((name) => `/packages/${name}`));
  await testLease(root);
  const { deno } = JSON.parse(await root.run(PROJECT, "./node_modules/.bin/portd", "version", "--json"));
  assert.equal(deno, version);
}
