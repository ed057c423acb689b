/** The first command of a user who has only Node and a clone of this repository. */
import assert from "node:assert/strict";
import { Installation } from "../support/os/installation.ts";
import { askThreeTimes } from "../support/os/lease_scenario.ts";
import { npmRegistry, osTest, tools } from "../support/os/requirement.ts";
import { runTool } from "../support/os/tool.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Clones the commit that is checked out, and copies the changes in the tree too. */
async function cloneInto(folder: string): Promise<void> {
  await runTool("git", ["clone", "--quiet", "--no-hardlinks", ROOT, folder]);
  const names = async (...args: readonly string[]) =>
    (await runTool("git", ["-C", ROOT, ...args, "-z"])).split("\0").filter((name) => name !== "");
  for (const name of await names("diff", "--name-only", "--diff-filter=D", "HEAD")) {
    await Deno.remove(`${folder}/${name}`);
  }
  const changed = await names("diff", "--name-only", "--diff-filter=d", "HEAD");
  for (const name of [...changed, ...await names("ls-files", "--others", "--exclude-standard")]) {
    await Deno.mkdir(`${folder}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.copyFile(ROOT + name, `${folder}/${name}`);
  }
}

/** The version of Deno that the gate fetches. */
async function denoVersion(): Promise<string> {
  const [, version] = /DENO_VERSION=(\S+)/.exec(await Deno.readTextFile(`${ROOT}.ci/run`)) ?? [];
  return version!;
}

osTest("on a clean clone with Node alone, portd lease web prints a port and nothing else", [
  tools("git", "npx"),
  npmRegistry,
], async () => {
  const program = ["npx", "-y", `deno@${await denoVersion()}`, "task", "portd"];
  // Nothing is cached: neither Deno nor a package of ours.
  const env = { DENO_DIR: undefined, npm_config_cache: undefined };
  await using installation = await Installation.create({ program, env });
  const clone = `${installation.work}/portd`;
  await cloneInto(clone);
  const port = await askThreeTimes(installation, { cwd: clone });
  assert.ok(port >= 20000 && port <= 29999);
});
