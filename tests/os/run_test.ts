/** Real servers under `portd run`, and real git worktrees. */
import assert from "node:assert/strict";
import { Installation } from "../support/os/installation.ts";
import { makeProject, makeViteProject } from "../support/os/project.ts";
import { linux, npmRegistry, osTest, tools } from "../support/os/requirement.ts";
import { runService } from "../support/os/run_scenario.ts";
import { runTool } from "../support/os/tool.ts";

const NEEDS = [linux, tools("setsid", "python3")];

osTest("portd run serves a Vite project on the leased port and releases it at Ctrl-C", [
  ...NEEDS,
  tools("npx"),
  npmRegistry,
], async () => {
  await using installation = await Installation.create();
  await runService(installation, await makeViteProject(installation));
});

osTest("portd run serves a folder with Python's http.server and releases the port at Ctrl-C", NEEDS, async () => {
  await using installation = await Installation.create();
  const cwd = await makeProject(installation, "pages", { "index.html": "<h1>a page</h1>" });
  await runService(installation, {
    cwd,
    command: ["python3", "-m", "http.server", "{port}"],
    page: /a page/,
    listener: /python\S* -m http\.server \d+/,
  });
});

osTest("portd run gives a Deno server its port in PORT and releases it at Ctrl-C", NEEDS, async () => {
  await using installation = await Installation.create();
  const server = 'Deno.serve({ port: Number(Deno.env.get("PORT")) }, () => new Response("served by Deno"));';
  const cwd = await makeProject(installation, "api", { "server.ts": server });
  await runService(installation, {
    cwd,
    command: [Deno.execPath(), "run", "--no-config", "--allow-net", "--allow-env=PORT", "server.ts"],
    page: /^served by Deno$/,
    listener: /deno run .*server\.ts/,
  });
});

osTest("two worktrees of a checkout have two ports for web, the same again after a restart", [
  linux,
  tools("git"),
], async () => {
  await using installation = await Installation.create();
  const checkout = await makeProject(installation, "shop", { "README": "a shop" });
  const worktree = `${installation.work}/shop-cart`;
  const author = ["-c", "user.name=portd", "-c", "user.email=portd@localhost"];
  const git = (...args: readonly string[]) =>
    runTool("git", [...author, ...args], { cwd: checkout, env: installation.env });
  await git("init", "--quiet");
  await git("add", ".");
  await git("commit", "--quiet", "--message", "A shop");
  await git("worktree", "add", "--quiet", "-b", "cart", worktree);
  const ask = async (cwd: string) => Number(await installation.answer(["lease", "web"], { cwd }));

  const [first, second] = [await ask(checkout), await ask(worktree)];
  assert.notEqual(first, second);
  assert.deepEqual(await namesAndPorts(installation), { "shop/web": first, "shop@cart/web": second });
  await installation.answer(["stop"]);
  assert.deepEqual([await ask(worktree), await ask(checkout)], [second, first]);
  // Also when both were given back in between: the name keeps its port.
  for (const cwd of [checkout, worktree]) await installation.answer(["release", "web"], { cwd });
  await installation.answer(["stop"]);
  assert.deepEqual([await ask(worktree), await ask(checkout)], [second, first]);
});

async function namesAndPorts(installation: Installation): Promise<Record<string, number>> {
  const { leases } = JSON.parse(await installation.answer(["ls", "--json"])) as {
    readonly leases: readonly { readonly name: string; readonly port: number }[];
  };
  return Object.fromEntries(leases.map(({ name, port }) => [name, port]));
}
