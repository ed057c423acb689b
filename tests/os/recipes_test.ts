/** Recipes of docs/recipes.md with the tools that they are for. */
import assert from "node:assert/strict";
import { fencesOf, sectionsOf } from "../support/docs/markdown.ts";
import { Installation, programFromSource } from "../support/os/installation.ts";
import { linux, osTest, tools } from "../support/os/requirement.ts";
import { runTool } from "../support/os/tool.ts";

const RECIPES = new URL("../../docs/recipes.md", import.meta.url);

/** The one file that a recipe shows. */
async function fileOf(title: string): Promise<string> {
  const { text } = sectionsOf(await Deno.readTextFile(RECIPES), 2).find((each) => each.title === title)!;
  const [fence, ...others] = fencesOf(text);
  assert.ok(fence !== undefined && others.length === 0);
  return fence.text;
}

osTest("direnv keeps every shell of a working copy on its ports", [linux, tools("direnv", "git")], async () => {
  await using installation = await Installation.create();
  const { folder, work: main } = installation, login = `${folder}/shop-login`;
  const quoted = (await programFromSource()).map((word) => `'${word}'`).join(" ");
  await Deno.mkdir(`${folder}/bin`);
  await Deno.writeTextFile(`${folder}/bin/portd`, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
  const env = { ...installation.env, PATH: `${folder}/bin:${installation.env.PATH}` };
  const git = (...words: string[]) =>
    runTool("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...words], { cwd: main, env });
  await git("init", "-q", "-b", "main");
  await Deno.writeTextFile(`${main}/portd.yaml`, 'services: { web: { env: PORT } }\nvalues: { NAME: "{slot}" }\n');
  await Deno.writeTextFile(`${main}/.envrc`, await fileOf("direnv"));
  await git("add", ".");
  await git("commit", "-q", "-m", "x");
  await git("worktree", "add", "-q", "-b", "login", login);
  const variables = async (cwd: string) => {
    await runTool("direnv", ["allow", "."], { cwd, env });
    const text = await runTool("direnv", ["exec", ".", "sh", "-c", 'echo "$PORT $NAME"'], { cwd, env });
    return text.trim().split(" ");
  };
  const [port, name] = await variables(main), [otherPort, otherName] = await variables(login);
  assert.deepEqual([name, otherName], ["work", "work_login"]);
  assert.notEqual(port, otherPort);
  assert.deepEqual(await variables(main), [port, name], "the same again");
  assert.equal(await installation.answer(["url", "web"]), `http://localhost:${port}\n`);
});
