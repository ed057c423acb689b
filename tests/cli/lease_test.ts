/** `portd lease`, inside this process, against a fake daemon. */
import assert from "node:assert/strict";
import { findProject } from "../../src/project/project.ts";
import { checkFailure, commandTest, ok } from "../support/command_setting.ts";

commandTest("portd lease NAME prints the port alone and asks for the project's name", async ({ daemon, cwd, run }) => {
  const outcome = await run(["lease", "web"]);
  const [lease] = daemon.leases;
  assert.deepEqual(outcome, ok(`${lease?.port}\n`));
  assert.deepEqual(daemon.requests.at(-1)?.body, {
    project: "shop",
    name: "web",
    protocols: ["tcp"],
    holder: { id: `cli:${cwd}`, cwd },
  });
  assert.deepEqual(await run(["lease", "web"]), outcome);
});

commandTest("portd lease goes the same way with and without the parser", async ({ daemon, run }) => {
  await run(["lease", "web"]);
  await run(["lease", "web", "--no-start"]);
  await run(["lease"]);
  await run(["lease", "--no-start"]);
  const bodies = daemon.requests.map(({ body }) => body);
  assert.deepEqual(bodies[0], bodies[1]);
  assert.deepEqual(bodies[2], bodies[3]);
});

commandTest("portd lease hands every flag on", async ({ daemon, run }) => {
  const flags =
    "--prefer 5173,3000 --range 3000-3999 --both --ttl 1h30m --hold none --label a=b --label c=d=e --wait 30s";
  assert.equal((await run(["lease", "--name", "a/b/c", ...flags.split(" ")])).code, 0);
  const { holder: _holder, ...body } = daemon.requests.at(-1)?.body as Record<string, unknown>;
  assert.deepEqual(body, {
    project: "a/b",
    name: "c",
    protocols: ["tcp", "udp"],
    prefer: [5173, 3000],
    range: { first: 3000, last: 3999 },
    hold: "none",
    ttlMs: 5_400_000,
    labels: { a: "b", c: "d=e" },
    waitMs: 30_000,
  });
  daemon.machine.start(4711);
  await run(["lease", "--udp", "--port", "0", "--pid", "4711"]);
  const { protocols, port, pid, lifetime } = daemon.requests.at(-1)?.body as Record<string, unknown>;
  assert.deepEqual([protocols, port, pid, lifetime], [["udp"], 0, 4711, { kind: "process" }]);
  await run(["lease", "--pin"]);
  assert.deepEqual((daemon.requests.at(-1)?.body as Record<string, unknown>).lifetime, { kind: "pinned" });
});

commandTest("portd lease --pid says that a lease with a time keeps it", async ({ daemon, run }) => {
  daemon.machine.start(4711);
  await run(["lease", "web", "--pin"]);
  const { port } = daemon.leases[0]!;
  assert.deepEqual(await run(["lease", "web", "--pid", "4711"]), {
    code: 0,
    stdout: `${port}\n`,
    stderr:
      `note: shop/web (${port}/tcp) ends when it is released, not with the process: its lifetime was asked for before\n`,
  });
  assert.equal((await run(["lease", "api", "--pid", "4711"])).stderr, "");
});

commandTest("portd lease leases a service with a name of digits where --name says so", async ({ daemon, run }) => {
  for (const args of [["lease", "--name", "3000"], ["lease", "shop/3000"]]) assert.equal((await run(args)).code, 0);
  assert.deepEqual(daemon.leases.map(({ name }) => name), ["3000", "shop/3000"]);
});

commandTest("portd lease prints several ports a line each, and variables", async ({ daemon, run }) => {
  const { stdout } = await run(["lease", "--count", "2"]);
  assert.deepEqual(stdout, daemon.leases.map(({ port }) => `${port}\n`).join(""));
  assert.match((await run(["lease", "web", "--env", "API_PORT"])).stdout, /^API_PORT=\d+\n$/);
  assert.match((await run(["lease", "--block", "2", "--env", "P"])).stdout, /^P_1=\d+\nP_2=\d+\n$/);
  assert.equal(JSON.parse((await run(["lease", "web", "--json"])).stdout).name, "shop/web");
  assert.equal(JSON.parse((await run(["lease", "--count", "2", "--json"])).stdout).leases.length, 2);
});

const PROJECT_FILE = `services:
  web: { env: PORT, prefer: 5173, hold: none }
  api: { env: API_PORT, range: 3000-3999 }
  dns: { protocols: [udp] }
`;

commandTest("portd lease asks for what portd.yaml says of the service, and flags come first", async (setting) => {
  const { daemon, cwd, run } = setting;
  await Deno.writeTextFile(`${cwd}/portd.yaml`, PROJECT_FILE);
  await Deno.mkdir(`${cwd}/src`);
  const asked = async (...args: readonly string[]) => {
    const { code, stderr } = await run(["lease", ...args], { cwd: `${cwd}/src` });
    assert.equal(code, 0, stderr);
    const { holder: _holder, project: _project, ...body } = daemon.requests.at(-1)?.body as Record<string, unknown>;
    return body;
  };
  assert.deepEqual(await asked("web"), { name: "web", protocols: ["tcp"], prefer: [5173], hold: "none" });
  assert.deepEqual(await asked("dns"), { name: "dns", protocols: ["udp"] });
  assert.deepEqual(await asked("api", "--prefer", "4000"), { name: "api", protocols: ["tcp"], prefer: [4000] });
  assert.deepEqual(await asked("web", "--hold", "soft"), {
    name: "web",
    protocols: ["tcp"],
    prefer: [5173],
    hold: "soft",
  });
  assert.deepEqual(await asked("other"), { name: "other", protocols: ["tcp"] });
  assert.deepEqual(await asked("shop/web"), { name: "web", protocols: ["tcp"] });
  assert.deepEqual(await asked("web", "--count", "2"), { name: "web", protocols: ["tcp"], count: 2 });
  assert.deepEqual(await asked(), { protocols: ["tcp"] });
});

commandTest("portd lease reports a fault of portd.yaml, and leases nothing", async ({ daemon, cwd, run }) => {
  await Deno.writeTextFile(`${cwd}/portd.yaml`, "services:\n  web: { prefre: 5173 }\n");
  const expected = `portd: Cannot use ${cwd}/portd.yaml:2:10: there is no key "prefre" here; did you mean "prefer"?\n`;
  for (const args of [["lease", "web"], ["run", "web", "--", "true"], ["run", "--", "true"]]) {
    assert.deepEqual(await run(args), { code: 2, stdout: "", stderr: expected });
  }
  assert.equal(daemon.requests.length, 0);
});

const HINT = /^hint: each deno task takes about a second, .*; deno task install puts portd on your PATH\n$/;

commandTest("portd lease from deno task at a terminal says once how to install portd", async ({ daemon, run }) => {
  const task = { isTerminal: true, columns: 160, isTask: true };
  const first = await run(["lease", "web"], task);
  assert.match(first.stdout, /^\d+\n$/);
  assert.match(first.stderr, HINT);
  daemon.clock.advance(1);
  for (const words of [["web"], ["api"], []]) assert.equal((await run(["lease", ...words], task)).stderr, "");
});

commandTest("only the first lease of a project gets that hint", async ({ run }) => {
  const task = { isTerminal: true, columns: 160, isTask: true };
  await run(["lease", "web"]);
  await run(["release", "web"]);
  assert.equal((await run(["lease", "web"], task)).stderr, "");
  const several = await run(["lease", "--name", "other/web", "--count", "3"], {
    ...task,
    self: ["/home/me/.npm/_npx/7a40/node_modules/deno/deno"],
  });
  assert.match(several.stderr, /; npx -y deno@\S+ task install puts portd on your PATH\n$/);
});

commandTest("that hint costs nothing in a pipe, with --json, and where portd is installed", async ({ daemon, run }) => {
  for (const options of [{ isTask: true }, { isTerminal: true }]) {
    assert.equal((await run(["lease", "web"], options)).stderr, "");
  }
  assert.equal((await run(["lease", "web", "--json"], { isTerminal: true, isTask: true })).stderr, "");
  assert.deepEqual(daemon.requests.map(({ method }) => method), ["POST", "POST", "POST"]);
});

commandTest("another checkout of the same folder name gets a project of its own", async ({ daemon, run }) => {
  await daemon.grant({ name: "web", project: "shop", holder: { id: "cli:/elsewhere/shop" } });
  assert.equal((await run(["lease", "web"])).code, 0);
  const [, own] = daemon.leases;
  assert.match(own!.name!, /^shop~[0-9a-f]{6}\/web$/);
  assert.deepEqual(await run(["release", "web"]), ok("", `released ${own!.name} (${own!.port}/tcp)\n`));
  assert.deepEqual(daemon.leases.map(({ state }) => state), ["granted", "released"]);
});

commandTest("a name given in full is not turned into another", async ({ daemon, run }) => {
  await daemon.grant({ name: "web", project: "depot", holder: { id: "cli:/elsewhere/depot" } });
  const { code, stderr } = await run(["lease", "depot/web"]);
  assert.equal(code, 4);
  assert.match(stderr, /^portd: Cannot grant the name "depot\/web": it is leased on port \d+; its holder is cli:/);
});

const EXIT_CODES = {
  port_leased: 4,
  port_in_use: 4,
  name_taken: 4,
  pool_exhausted: 5,
  too_many_leases: 5,
  unauthorized: 6,
  scope_required: 6,
  port_privileged: 6,
  invalid_request: 2,
  port_out_of_range: 2,
  store_unavailable: 1,
  something_new: 1,
};

commandTest("portd lease takes one of --udp and --both", async ({ daemon, run }) => {
  await checkFailure(run(["lease", "web", "--udp", "--both"]), 2, /--udp together with --both: leave one of them out/);
  assert.deepEqual(daemon.leases, []);
});

commandTest("a refusal ends with the exit code of its kind, and the daemon's words", async ({ daemon, run }) => {
  for (const [code, exitCode] of Object.entries(EXIT_CODES)) {
    const detail = "Cannot grant port 80/tcp: \x1b[31mno; 81 is free";
    daemon.refuseNext({ status: 409, code, detail, suggestion: 81 });
    const expected = "portd: Cannot grant port 80/tcp: \\x1b[31mno; 81 is free\n";
    const outcome = await run(["lease", "web", "--port", "80"]);
    assert.deepEqual(outcome, { code: exitCode, stdout: "", stderr: expected }, code);
  }
});

commandTest("at a terminal a note says that a stranger listens on the port", async ({ daemon, run }) => {
  const port = Number((await run(["lease", "web"])).stdout);
  daemon.machine.start(99, { command: "vite", cwd: "/home/me/blog" });
  daemon.machine.listen({ protocol: "tcp", port }, { pid: 99 });
  await daemon.look();
  assert.equal(daemon.leases[0]?.state, "conflict");
  assert.deepEqual(await run(["lease", "web"]), { code: 0, stdout: `${port}\n`, stderr: "" });
  const { stdout, stderr } = await run(["lease", "web"], { isTerminal: true, columns: 200 });
  assert.deepEqual([stdout, daemon.requests.length], [`${port}\n`, 3]);
  assert.match(
    stderr,
    new RegExp(`^note: a stranger listens on ${port}: pid 99 \\(vite\\) runs in /home/me/blog, not in `),
  );
});

commandTest("where no port is free the message says what would give one", async ({ daemon, run }) => {
  const exhausted = { status: 503, code: "pool_exhausted", detail: "Cannot grant a tcp port", ports: { size: 1 } };
  daemon.refuseNext({ ...exhausted, retryAfter: 5 });
  const range = "name a larger range with portd lease --range";
  const ways = `wait for one with portd lease --wait 30s, ${range}, or release a lease that is not needed (portd ls)`;
  assert.equal((await run(["lease"])).stderr, `portd: Cannot grant a tcp port; ${ways}\n`);
  daemon.refuseNext(exhausted);
  assert.equal((await run(["lease"])).stderr, `portd: Cannot grant a tcp port; ${range}\n`);
});

commandTest("with --json a refusal is a line of JSON on stderr", async ({ daemon, run }) => {
  daemon.refuseNext({ status: 503, code: "pool_exhausted", detail: "Cannot grant", retryAfter: 5 });
  const { code, stdout, stderr } = await run(["lease", "--json"]);
  assert.deepEqual([code, stdout], [5, ""]);
  assert.deepEqual(JSON.parse(stderr), { error: { code: "pool_exhausted", message: "Cannot grant", retryAfter: 5 } });
});

commandTest(
  "a project's root is the holder, whatever folder of it is the current one",
  async ({ daemon, cwd, run }) => {
    await Deno.mkdir(`${cwd}/.git`);
    await Deno.writeTextFile(`${cwd}/.git/HEAD`, "ref: refs/heads/main\n");
    await Deno.mkdir(`${cwd}/src`);
    await run(["lease", "web"], { cwd: `${cwd}/src` });
    const { holder } = daemon.requests.at(-1)?.body as { holder: { id: string } };
    assert.equal(holder.id, `cli:${findProject(cwd).root}`);
  },
);
