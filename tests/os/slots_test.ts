/** Ten worktrees of a project with a Vite front end, a Node API and a database, and a hundred commands at once. */
import assert from "node:assert/strict";
import { isListening, killCommandsOf, Run, untilAll } from "../support/os/runs.ts";
import { Installation } from "../support/os/installation.ts";
import { linux, npmRegistry, osTest, tools } from "../support/os/requirement.ts";
import { makeViteWorktrees, type Worktree } from "../support/os/worktrees.ts";
import { runTool } from "../support/os/tool.ts";

const COUNT = 10;

const FILE = `services:
  web: { env: PORT, prefer: 5173 }
  api: { env: API_PORT }
  db:
values:
  DATABASE_URL: "postgres://localhost:{port:db}/{slot}"
`;

/** Tells its slot, so that whoever asks it can see whom he has reached. */
const API = `import { createServer } from "node:http";
createServer((_, answer) => answer.end(process.env.DATABASE_URL)).listen(process.env.API_PORT, "127.0.0.1");
`;

const DEV = "node api.mjs & npm run dev";

/** What one worktree has. */
interface Serving {
  readonly project: string;
  readonly web: number;
  readonly api: number;
  readonly database: string;
}

function startAll(installation: Installation, worktrees: readonly Worktree[]): readonly Run[] {
  return worktrees.map(({ cwd }) => Run.start(installation, { cwd, names: [], command: ["sh", "-c", DEV] }));
}

async function servingOf(installation: Installation, worktrees: readonly Worktree[]): Promise<readonly Serving[]> {
  const leases = async (service: string) =>
    await untilAll(installation, worktrees.map(({ project }) => `${project}/${service}`), isListening);
  const [webs, apis] = [await leases("web"), await leases("api")];
  return await Promise.all(worktrees.map(async ({ project }, i) => {
    const [web, api] = [webs[i]!.port, apis[i]!.port];
    assert.match(await (await fetch(`http://localhost:${web}/`)).text(), /a shop window/);
    return { project, web, api, database: await (await fetch(`http://127.0.0.1:${api}/`)).text() };
  }));
}

osTest(
  "ten worktrees have ten slots, the same after everything has started again; a removed one is pruned",
  [linux, tools("git", "npm", "setsid", "node"), npmRegistry],
  async (context) => {
    const installation = await Installation.create({ env: { PORTD_WATCH_MS: "200" } });
    try {
      const worktrees = await makeViteWorktrees(installation, COUNT);
      for (const { cwd } of worktrees) {
        await Deno.writeTextFile(`${cwd}/portd.yaml`, FILE);
        await Deno.writeTextFile(`${cwd}/api.mjs`, API);
      }
      await installation.answer(["serve", "--detach"]);
      const endAll = async (runs: readonly Run[]) => {
        for (const run of runs) run.signal("SIGTERM");
        await Promise.all(runs.map((run) => run.code()));
      };
      let first: readonly Serving[] = [];
      await context.step("ten sets of ports and ten databases, all serve", async () => {
        const runs = startAll(installation, worktrees);
        first = await servingOf(installation, worktrees);
        assert.equal(new Set(first.flatMap(({ web, api }) => [web, api])).size, 2 * COUNT);
        assert.equal(new Set(first.map(({ database }) => database)).size, COUNT);
        assert.equal(first[0]!.web, 5173);
        assert.match(first[0]!.database, /\/shop$/);
        assert.match(first[1]!.database, /\/shop_task_1$/);
        await endAll(runs);
      });
      await context.step("the same after everything, the daemon included, has started again", async () => {
        await installation.answer(["stop"]);
        await installation.answer(["serve", "--detach"]);
        const runs = startAll(installation, worktrees.toReversed());
        assert.deepEqual(await servingOf(installation, worktrees), first);
        const { slots } = JSON.parse(await installation.answer(["slots", "--json"])) as {
          readonly slots: readonly { readonly project: string; readonly values: Record<string, string> }[];
        };
        const shown = new Map(slots.map(({ project, values }) => [project, values.DATABASE_URL]));
        for (const { project, database } of first) assert.equal(shown.get(project), database);
        await endAll(runs);
      });
      await context.step("a removed worktree is pruned, and no other", async () => {
        for (const { cwd } of worktrees) await installation.answer(["env"], { cwd });
        const gone = worktrees.at(-1)!;
        await runTool("git", ["worktree", "remove", "--force", gone.cwd], { cwd: worktrees[0]!.cwd });
        const { released } = JSON.parse(await installation.answer(["slots", "prune", "--json"]));
        assert.equal(released.length, 3);
        const { slots } = JSON.parse(await installation.answer(["slots", "--json"]));
        assert.equal(slots.length, COUNT - 1);
        assert.ok(slots.every(({ project }: { project: string }) => project !== gone.project));
      });
    } finally {
      killCommandsOf(installation);
      await installation[Symbol.asyncDispose]();
    }
  },
);

osTest("a hundred portd lease at once print a hundred ports", [linux], async () => {
  await using installation = await Installation.create();
  const names = Array.from({ length: 100 }, (_, i) => `service-${i}`);
  const ports = await Promise.all(names.map((name) => installation.answer(["lease", name])));
  assert.equal(new Set(ports).size, 100);
  for (const port of ports) assert.match(port, /^2\d{4}\n$/);
});
