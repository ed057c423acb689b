/** Slots: portd.yaml with values and shared services, in `portd env`, `run`, `url` and `slots`. */
import assert from "node:assert/strict";
import type { CliOutcome } from "../support/cli.ts";
import { commandTest } from "../support/command_setting.ts";

const FILE = `services:
  web: { env: PORT, prefer: 20420, url: "http://{host}:{port}/app" }
  api: { url: "http://{host}:{port}/?web={port:web}" }
  db:
values:
  DATABASE_URL: "postgres://localhost:{port:db}/{slot}"
  API_URL: "{url:api}"
  NOTE: "it's {project} on '{branch}'"
share: [db]
`;

/** A checkout with a linked worktree, as git lays them out. @returns the folder of the worktree. */
async function makeWorktree(main: string, branch: string): Promise<string> {
  const worktree = `${main}-${branch}`, gitDir = `${main}/.git/worktrees/${branch}`;
  await Deno.mkdir(gitDir, { recursive: true });
  await Deno.mkdir(worktree);
  await Deno.writeTextFile(`${main}/.git/HEAD`, "ref: refs/heads/main\n");
  await Deno.writeTextFile(`${gitDir}/HEAD`, `ref: refs/heads/${branch}\n`);
  await Deno.writeTextFile(`${gitDir}/commondir`, "../..\n");
  await Deno.writeTextFile(`${worktree}/.git`, `gitdir: ${gitDir}\n`);
  for (const folder of [main, worktree]) await Deno.writeTextFile(`${folder}/portd.yaml`, FILE);
  return worktree;
}

/** The outcome of a command that must succeed. */
function worked(outcome: CliOutcome): CliOutcome {
  assert.equal(outcome.code, 0, outcome.stderr);
  return outcome;
}

const nameOf = (folder: string) => folder.split("/").at(-1)!;

commandTest(
  "portd env has the ports and values of each working copy, and what is shared is the main one's",
  async ({ cwd, run }) => {
    const worktree = await makeWorktree(cwd, "login"), project = nameOf(cwd);
    const envOf = async (folder: string) =>
      JSON.parse(worked(await run(["env", "--format", "json"], { cwd: folder })).stdout);
    const other = await envOf(worktree), main = await envOf(cwd);
    assert.equal(main.PORT, "20420"); // the worktree asked first, and what the file prefers is the main copy's
    assert.equal(new Set([main.PORT, main.API_PORT, main.DB_PORT, other.PORT, other.API_PORT]).size, 5);
    assert.equal(other.DB_PORT, main.DB_PORT);
    assert.equal(main.API_URL, `http://localhost:${main.API_PORT}/?web=${main.PORT}`);
    assert.match(main.DATABASE_URL, new RegExp(`^postgres://localhost:${main.DB_PORT}/[a-z][a-z0-9_]+$`));
    assert.notEqual(other.DATABASE_URL, main.DATABASE_URL);
    assert.equal(other.NOTE, `it's ${project} on 'login'`);
    assert.deepEqual(await envOf(worktree), other);
  },
);

commandTest("portd env writes values that shells and dotenv read as they are", async ({ cwd, run }) => {
  await makeWorktree(cwd, "login");
  const shell = worked(await run(["env", "--format", "shell"])).stdout;
  const { stdout } = await new Deno.Command("sh", { args: ["-c", `${shell}printf %s "$NOTE"`], stdin: "null" })
    .output();
  assert.equal(new TextDecoder().decode(stdout), `it's ${nameOf(cwd)} on 'main'`);
  const direnv = worked(await run(["env", "--format", "direnv"])).stdout;
  assert.equal(direnv, `watch_file '${cwd}/portd.yaml'\n${shell}`);
  assert.match(worked(await run(["env"])).stdout, /\nNOTE="it's .* on 'main'"\n$/);
});

commandTest("portd run sets the values, and keeps only what it does not run itself", async ({ cwd, run, daemon }) => {
  await makeWorktree(cwd, "login");
  const words = ["sh", "-c", `echo "$PORT $API_PORT $DB_PORT $DATABASE_URL $API_URL" >'${cwd}/env.txt'`];
  worked(await run(["run", "web", "--", ...words]));
  const [port, apiPort, dbPort, database, api] = (await Deno.readTextFile(`${cwd}/env.txt`)).trim().split(" ");
  assert.match(database!, new RegExp(`:${dbPort}/`));
  assert.equal(api, `http://localhost:${apiPort}/?web=${port}`);
  const states = Object.fromEntries(
    daemon.leases.map(({ name, state, lifetime }) => [name!.split("/").at(-1), [state, lifetime.kind]]),
  );
  assert.deepEqual(states, { web: ["released", "process"], api: ["granted", "listener"], db: ["granted", "listener"] });
});

commandTest("portd run without names runs all services but the shared ones", async ({ cwd, run, daemon }) => {
  const worktree = await makeWorktree(cwd, "login");
  worked(await run(["run", "--", "true"], { cwd: worktree }));
  const ended = daemon.leases.filter(({ state }) => state === "released").map(({ name }) => name!);
  assert.deepEqual(ended.map((name) => name.split("/").at(-1)), ["web", "api"]);
  const [db] = daemon.leases.filter(({ state }) => state === "granted");
  assert.deepEqual([db!.name, db!.holder.id], [`${nameOf(cwd)}/db`, `cli:${cwd}`]);
});

commandTest("a scope does not end what is shared", async ({ cwd, run, daemon }) => {
  const worktree = await makeWorktree(cwd, "login");
  worked(await run(["run", "--scope", "ci", "--", "true"], { cwd: worktree }));
  const states = daemon.leases.map(({ name, state, labels }) => [name!.split("/").at(-1), state, labels.scope]);
  assert.deepEqual(states.sort(), [["api", "released", "ci"], ["db", "granted", undefined], ["web", "released", "ci"]]);
});

commandTest("portd lease and run of a shared service lease that of the main copy", async ({ cwd, run, daemon }) => {
  const worktree = await makeWorktree(cwd, "login");
  const port = worked(await run(["lease", "db"], { cwd: worktree })).stdout;
  assert.equal(worked(await run(["lease", "db"])).stdout, port);
  assert.deepEqual(daemon.leases.map(({ name }) => name), [`${nameOf(cwd)}/db`]);
});

commandTest("portd url is the address of portd.yaml, else that of the port", async ({ cwd, run, daemon }) => {
  await makeWorktree(cwd, "login");
  const port = worked(await run(["lease", "web"])).stdout.trim();
  const { stdout, stderr } = worked(await run(["url", "web"]));
  assert.equal(stdout, `http://localhost:${port}/app\n`);
  assert.match(stderr, /^note: nobody listens on \S+\/web \(\d+\/tcp\) yet\n$/);
  assert.equal(worked(await run(["url", port])).stdout, `http://localhost:${port}/app\n`);
  await daemon.serve(daemon.leases[0]!);
  assert.equal(worked(await run(["url", "web"])).stderr, "");
  const other = await daemon.grant({ name: "web", project: "blog", lifetime: { kind: "pinned" } });
  assert.equal(worked(await run(["url", "blog/web"])).stdout, `http://localhost:${other.port}\n`);
  const udp = await daemon.grant({ name: "dns", protocols: ["udp"], lifetime: { kind: "pinned" } });
  assert.equal(worked(await run(["url", String(udp.port)])).stdout, `localhost:${udp.port}\n`);
  const api = await run(["url", "api"]);
  assert.deepEqual([api.code, api.stdout], [1, ""]);
  worked(await run(["lease", "api"]));
  assert.match(worked(await run(["url", "api"])).stdout, new RegExp(`\\?web=${port}\n$`));
});

commandTest("portd slots lists working copies with their services and values", async ({ cwd, run }) => {
  const worktree = await makeWorktree(cwd, "login"), project = nameOf(cwd);
  assert.equal(worked(await run(["slots"])).stderr, "no working copy has a lease\n");
  for (const folder of [cwd, worktree]) worked(await run(["env"], { cwd: folder }));
  const rows = worked(await run(["slots"])).stdout.trimEnd().split("\n").map((line) => line.trim().split(/\s+/));
  assert.deepEqual(rows.map((row) => row.length), [6, 6, 4, 4, 6, 4]);
  assert.deepEqual([rows[1]![0], rows[1]!.at(-1)], [project, cwd]);
  assert.deepEqual([rows[4]![0], rows[4]!.at(-1)], [`${project}@login`, worktree]);
  const { slots } = JSON.parse(worked(await run(["slots", "--json"])).stdout);
  assert.deepEqual(slots.map(({ root, isThere }: { root: string; isThere: boolean }) => [root, isThere]), [
    [cwd, true],
    [worktree, true],
  ]);
  assert.equal(slots[1].values.NOTE, `it's ${project} on 'login'`);
  assert.match(slots[1].values.DATABASE_URL, /_login/);
});

commandTest(
  "portd slots prune releases what a removed worktree had, and keeps where somebody listens",
  async ({ cwd, run, daemon }) => {
    const worktree = await makeWorktree(cwd, "login");
    for (const folder of [cwd, worktree]) worked(await run(["env"], { cwd: folder }));
    assert.match(worked(await run(["slots", "prune"])).stderr, /^every working copy with a lease is there\n$/);
    const api = daemon.leases.find(({ name }) => name!.endsWith("@login/api"))!;
    await daemon.serve(api);
    await Deno.remove(worktree, { recursive: true });
    const dry = worked(await run(["slots", "prune", "--dry-run"])).stderr;
    assert.match(dry, /would release \S+@login\/web /);
    assert.equal(daemon.leases.filter(({ state }) => state === "released").length, 0);
    const { stderr } = worked(await run(["slots", "prune"]));
    assert.match(stderr, /^released \S+@login\/web \(\d+\/tcp\)$/m);
    assert.match(
      stderr,
      new RegExp(
        `^kept \\S+@login/api \\(\\d+/tcp\\): pid \\d+ still listens there; portd free ${api.port} ends both$`,
        "m",
      ),
    );
    assert.deepEqual(
      daemon.leases.filter(({ state }) => state === "released").map(({ name }) => name!.split("/").at(-1)),
      ["web"],
    );
    assert.equal((await run(["slots", "clean"])).code, 2);
    assert.equal((await run(["slots", "--dry-run"])).code, 2);
  },
);

commandTest(
  "portd slots prune keeps the leases of a disk that is not mounted, unless it is forced",
  async ({ cwd, run, daemon }) => {
    const holder = { id: `cli:${cwd}/disk/shop`, cwd: `${cwd}/disk/shop` };
    await daemon.grant({ name: "web", project: "shop", holder, lifetime: { kind: "pinned" } });
    assert.match(
      worked(await run(["slots", "prune"])).stderr,
      /disk is not there either, as when a disk is not mounted/,
    );
    assert.deepEqual(JSON.parse(worked(await run(["slots", "prune", "--force", "--json"])).stdout).released, [
      daemon.leases[0]!.id,
    ]);
  },
);
