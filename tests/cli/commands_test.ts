/** The commands, inside this process, against a fake daemon. */
import assert from "node:assert/strict";
import { findProject } from "../../src/project.ts";
import { type CliOptions, type CliOutcome, FakeSignals, portd } from "../support/cli.ts";
import { FAKE_TOKEN, FakeDaemon } from "../support/fake_daemon.ts";
import { temporaryFolder } from "../support/folder.ts";

interface Setting extends AsyncDisposable {
  readonly daemon: FakeDaemon;
  /** A folder of a project named "shop". */
  readonly cwd: string;
  readonly run: (args: readonly string[], options?: CliOptions) => Promise<CliOutcome>;
}

async function setUp(): Promise<Setting> {
  const folder = await temporaryFolder();
  const cwd = `${folder.path}/shop`;
  await Deno.mkdir(cwd);
  const daemon = new FakeDaemon();
  const env = { PORTD_URL: daemon.url, PORTD_TOKEN: FAKE_TOKEN };
  return {
    daemon,
    cwd,
    run: (args, options = {}) => portd(args, { cwd, ...options, env: { ...env, ...options.env } }),
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function commandTest(name: string, run: (setting: Setting) => Promise<void>): void {
  Deno.test(name, async () => {
    await using setting = await setUp();
    await run(setting);
  });
}

const ok = (stdout: string, stderr = "") => ({ code: 0, stdout, stderr });

commandTest("portd lease NAME prints the port alone and asks for the project's name", async ({ daemon, cwd, run }) => {
  const outcome = await run(["lease", "web"]);
  const [lease] = daemon.leases.values();
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
  await run(["lease", "--udp", "--port", "0", "--pid", "4711"]);
  const { protocols, port, pid, lifetime } = daemon.requests.at(-1)?.body as Record<string, unknown>;
  assert.deepEqual([protocols, port, pid, lifetime], [["udp"], 0, 4711, { kind: "process" }]);
  await run(["lease", "--pin"]);
  assert.deepEqual((daemon.requests.at(-1)?.body as Record<string, unknown>).lifetime, { kind: "pinned" });
});

commandTest("portd lease prints several ports a line each, and variables", async ({ daemon, run }) => {
  const { stdout } = await run(["lease", "--count", "2"]);
  assert.deepEqual(stdout, [...daemon.leases.values()].map(({ port }) => `${port}\n`).join(""));
  assert.match((await run(["lease", "web", "--env", "API_PORT"])).stdout, /^API_PORT=\d+\n$/);
  assert.match((await run(["lease", "--block", "2", "--env", "P"])).stdout, /^P_1=\d+\nP_2=\d+\n$/);
  assert.equal(JSON.parse((await run(["lease", "web", "--json"])).stdout).name, "shop/web");
  assert.equal(JSON.parse((await run(["lease", "--count", "2", "--json"])).stdout).leases.length, 2);
});

commandTest("another checkout of the same folder name gets a project of its own", async ({ daemon, run }) => {
  daemon.grant({ name: "web", project: "shop", holder: { id: "cli:/elsewhere/shop" } });
  assert.equal((await run(["lease", "web"])).code, 0);
  const [, own] = [...daemon.leases.values()];
  assert.match(own!.name!, /^shop~[0-9a-f]{6}\/web$/);
  assert.deepEqual(await run(["release", "web"]), ok("", `released ${own!.name} (${own!.port}/tcp)\n`));
  assert.deepEqual([...daemon.leases.values()].map(({ state }) => state), ["granted", "released"]);
});

commandTest("a name given in full is not turned into another", async ({ daemon, run }) => {
  daemon.grant({ name: "web", project: "depot", holder: { id: "cli:/elsewhere/depot" } });
  const { code, stderr } = await run(["lease", "depot/web"]);
  assert.equal(code, 4);
  assert.match(stderr, /^portd: Cannot grant the name "depot\/web": it is leased on port \d+\n$/);
});

const EXIT_CODES = {
  port_leased: 4,
  port_in_use: 4,
  name_taken: 4,
  pool_exhausted: 5,
  unauthorized: 6,
  scope_required: 6,
  port_privileged: 6,
  invalid_request: 2,
  port_out_of_range: 2,
  store_unavailable: 1,
  something_new: 1,
};

for (const [code, exitCode] of Object.entries(EXIT_CODES)) {
  commandTest(
    `a refusal with ${code} ends with exit code ${exitCode} and the daemon's words`,
    async ({ daemon, run }) => {
      daemon.nextProblem = {
        status: 409,
        code,
        detail: "Cannot grant port 80/tcp: \x1b[31mno; 81 is free",
        suggestion: 81,
      };
      const expected = "portd: Cannot grant port 80/tcp: \\x1b[31mno; 81 is free\n";
      assert.deepEqual(await run(["lease", "web", "--port", "80"]), { code: exitCode, stdout: "", stderr: expected });
    },
  );
}

commandTest("with --json a refusal is a line of JSON on stderr", async ({ daemon, run }) => {
  daemon.nextProblem = { status: 503, code: "pool_exhausted", detail: "Cannot grant", retryAfter: 5 };
  const { code, stdout, stderr } = await run(["lease", "--json"]);
  assert.deepEqual([code, stdout], [5, ""]);
  assert.deepEqual(JSON.parse(stderr), { error: { code: "pool_exhausted", message: "Cannot grant", retryAfter: 5 } });
});

const USAGE_FAULTS = [
  ["lease", "--bogus"],
  ["lease", "--constructor"],
  ["lease", "a", "b"],
  ["lease", "--port", "99999"],
  ["lease", "--port"],
  ["lease", "--ttl", "soon"],
  ["lease", "--ttl", "1m", "--pin"],
  ["lease", "a", "--name", "b"],
  ["lease", "--hold", "hard"],
  ["lease", "--env", "1X"],
  ["release"],
  ["release", "a", "--label", "k=v"],
  ["renew"],
  ["run"],
  ["run", "web"],
  ["run", "web", "--"],
  ["run", "a/web", "b/web", "--", "x"],
  ["run", "a", "b", "--port", "1", "--", "x"],
  ["run", "web", "--", "x", "{port:api}"],
  ["wait", "web", "--free", "--listening"],
  ["ls", "--state", "asleep"],
  ["env", "--format", "xml"],
  ["bogus"],
  ["toString"],
  ["config", "bogus"],
  ["lease", "--url", "ftp://x"],
];

for (const args of USAGE_FAULTS) {
  commandTest(`portd ${args.join(" ")} is a usage error`, async ({ daemon, run }) => {
    const { code, stdout, stderr } = await run(args);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.ok(stderr.length > 10);
    assert.equal(daemon.requests.length, 0);
  });
}

const COMMANDS = "lease run ls release renew wait env serve stop status events export import config version".split(" ");

commandTest("portd --help tells of every command, with examples and exit codes", async ({ run }) => {
  const help = await run(["--help"]);
  assert.equal(help.code, 0);
  for (const word of [...COMMANDS, "EXAMPLES", "PORT=$(portd lease web)", "7 timed out", "--state-dir"]) {
    assert.ok(help.stdout.includes(word), word);
  }
  assert.deepEqual(await run([]), help);
});

for (const command of [...COMMANDS, "config show", "config check"]) {
  commandTest(`portd ${command} --help tells how it is used`, async ({ daemon, run }) => {
    const { code, stdout, stderr } = await run([...command.split(" "), "--help"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.ok(stdout.includes(`portd ${command} `), stdout);
    assert.match(stdout, /FLAGS/);
    assert.equal(daemon.requests.length, 0);
  });
}

commandTest("portd lst is asked whether it means ls", async ({ run }) => {
  assert.match((await run(["lst"])).stderr, /did you mean `ls`\?/);
  assert.match((await run(["quux"])).stderr, /portd --help lists them/);
});

commandTest("portd ls is a table; what a daemon says cannot break out of it", async ({ daemon, run }) => {
  const lease = daemon.grant({
    name: "web",
    project: "shop",
    pid: 4711,
    holder: { id: "x", command: "vi\x1b[2Jte\n" },
  });
  const { stdout } = await run(["ls"]);
  const [head, row, ...rest] = stdout.split("\n");
  assert.match(head!, /^NAME +PORT +PROTO +STATE +PID +COMMAND +EXPIRES$/);
  assert.match(row!, new RegExp(`^shop/web +${lease.port} +tcp +granted +4711 +vi\\\\x1b\\[2Jte\\\\x0a +-$`));
  assert.deepEqual(rest, [""]);
  assert.deepEqual(JSON.parse((await run(["ps", "--json"])).stdout).leases, [lease]);
});

commandTest("portd ls filters, and shows the history", async ({ daemon, run }) => {
  assert.deepEqual(await run(["ls"]), ok("", "no leases\n"));
  await run(["ls", "--name", "web", "--port", "80", "--state", "idle", "--project", "shop", "--label", "a=b"]);
  assert.equal(daemon.requests.at(-1)?.path, "/v1/leases?name=web&port=80&state=idle&project=shop&label=a%3Ab");
  await run(["ls", "--ended"]);
  assert.equal(daemon.requests.at(-1)?.path, "/v1/leases?ended=true");
  await run(["ls", "--state", "expired"]);
  assert.equal(daemon.requests.at(-1)?.path, "/v1/leases?state=expired&ended=true");
  await run(["ls", "--all"]);
  assert.deepEqual(daemon.requests.slice(-2).map(({ path }) => path), ["/v1/leases", "/v1/leases?ended=true"]);
});

commandTest("portd release takes names, ports, ids and labels", async ({ daemon, cwd, run }) => {
  const { id } = { id: `cli:${cwd}` };
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) =>
    daemon.grant({ name, project: "shop", holder: { id }, labels: { job: name } })
  );
  assert.equal((await run(["release", "a", String(b!.port), c!.id])).code, 0);
  assert.deepEqual(await run(["release", "--label", "job=d"]), ok("", "released 1 lease\n"));
  assert.deepEqual([...daemon.leases.values()].map(({ state }) => state), Array(4).fill("released"));
  assert.deepEqual(await run(["release", d!.id]), ok("", `${d!.id} has ended already\n`));
  const { code, stderr } = await run(["release", "nobody"]);
  assert.deepEqual([code, stderr], [1, 'portd: Cannot find lease "shop/nobody"\n']);
  assert.deepEqual(JSON.parse((await run(["release", a!.id, "--json"])).stdout), { released: [] });
});

commandTest("portd renew prints when the lease ends now", async ({ daemon, run }) => {
  const lease = daemon.grant({ name: "web", project: "shop" });
  assert.equal((await run(["renew", "web"])).stdout, "-\n");
  const { stdout } = await run(["renew", "web", "--ttl", "1h"]);
  assert.equal(stdout, `${daemon.leases.get(lease.id)?.expiresAt}\n`);
  assert.deepEqual(daemon.requests.at(-1)?.body, { ttlMs: 3_600_000 });
});

commandTest(
  "portd wait ends when the holder listens, also when the lease comes later",
  async ({ daemon, cwd, run }) => {
    const waiting = run(["wait", "web", "--timeout", "0"]);
    await asked(daemon, "/v1/leases?name=web");
    const lease = daemon.grant({ name: "web", project: "shop", holder: { id: `cli:${cwd}` } });
    daemon.move(lease.id, "listening");
    assert.deepEqual(await waiting, ok(`${lease.port}\n`));
  },
);

commandTest("portd wait --free ends when the lease does", async ({ daemon, run }) => {
  const lease = daemon.grant({ name: "web", project: "shop" });
  const looked = daemon.whenAsked(`/v1/leases/by-port/${lease.port}`);
  const waiting = run(["wait", String(lease.port), "--free"]);
  await looked;
  daemon.move(lease.id, "expired");
  assert.deepEqual(await waiting, ok(""));
  assert.deepEqual(JSON.parse((await run(["wait", "web", "--free", "--json"])).stdout), { free: true });
});

commandTest("portd wait gives up with exit code 7, and with 130 at Ctrl-C", async ({ daemon, run }) => {
  const { code, stderr } = await run(["wait", "web", "--timeout", "20ms"]);
  assert.deepEqual([code, stderr], [7, "portd: Cannot wait longer for web: 20ms are over\n"]);
  const signals = new FakeSignals();
  const looked = daemon.whenAsked("/v1/leases?name=web");
  const waiting = run(["wait", "web"], { signals });
  await looked;
  signals.send("SIGINT");
  assert.equal((await waiting).code, 130);
  assert.equal(signals.listeners, 0);
});

commandTest("portd env leases all services and prints them in three formats", async ({ daemon, cwd, run }) => {
  const { code, stderr } = await run(["env"]);
  assert.equal(code, 1);
  assert.match(stderr, /Cannot find portd\.yaml in .*shop or above it/);
  await Deno.writeTextFile(
    `${cwd}/portd.yaml`,
    "services: { web: { env: PORT, prefer: 5173 }, dns: { protocols: [udp] } }\n",
  );
  await Deno.mkdir(`${cwd}/src`);
  const dotenv = (await run(["env"], { cwd: `${cwd}/src` })).stdout;
  const [, dns] = [...daemon.leases.values()];
  assert.equal(dotenv, `PORT=5173\nDNS_PORT=${dns!.port}\n`);
  assert.equal(
    (await run(["env", "--format", "shell"])).stdout,
    `export PORT='5173'\nexport DNS_PORT='${dns!.port}'\n`,
  );
  const json = { PORT: "5173", DNS_PORT: String(dns!.port) };
  assert.deepEqual(JSON.parse((await run(["env", "--format", "json"])).stdout), json);
  assert.deepEqual(daemon.requests.at(-1)?.body, {
    project: "shop",
    services: [{ name: "web", prefer: [5173] }, { name: "dns", protocols: ["udp"] }],
    holder: { id: `cli:${cwd}`, cwd },
  });
});

commandTest("portd env tells a fault of portd.yaml with its line and column", async ({ cwd, run }) => {
  await Deno.writeTextFile(`${cwd}/portd.yaml`, "services:\n  web:\n    evn: PORT\n");
  const { code, stderr } = await run(["env"]);
  assert.equal(code, 2);
  assert.equal(stderr, `portd: Cannot use ${cwd}/portd.yaml:3:5: there is no key "evn" here; did you mean "env"?\n`);
});

commandTest("portd events prints a line an event until Ctrl-C", async ({ daemon, run }) => {
  const signals = new FakeSignals();
  const onStdout = (text: string) => {
    if (text.includes("listening")) signals.send("SIGINT");
    else daemon.move([...daemon.leases.keys()][0]!, "listening");
  };
  for (const args of [["events"], ["events", "--json"]]) {
    const opened = daemon.whenAsked("/v1/events");
    const following = run(args, { signals, onStdout });
    await opened;
    const lease = daemon.grant({ name: "web", project: "shop" });
    const { code, stdout } = await following;
    assert.equal(code, 0);
    const [first] = stdout.split("\n");
    if (args.length === 1) assert.match(first!, new RegExp(`^\\S+Z lease\\.granted shop/web ${lease.port}/tcp$`));
    else assert.equal(JSON.parse(first!).lease.id, lease.id);
    daemon.leases.clear();
  }
});

commandTest("portd status tells how the daemon does", async ({ daemon, run }) => {
  const { code, stdout } = await run(["status"]);
  assert.equal(code, 0);
  assert.match(stdout, /^portd {6}0\.0\.0 \(pid \d+\), up 1m 1s\naddress {4}http:\/\/127\.0\.0\.1:\d+\n/);
  assert.equal(JSON.parse((await run(["status", "--json"])).stdout).url, daemon.url);
});

commandTest("portd export writes YAML, or JSON where it is asked for", async ({ daemon, cwd, run }) => {
  daemon.grant({ name: "web", project: "shop" });
  assert.match((await run(["export"])).stdout, /^version: 1\nleases:\n {2}- id: 01K/);
  assert.equal(JSON.parse((await run(["export", "--format", "json"])).stdout).leases.length, 1);
  assert.deepEqual(await run(["export", `${cwd}/all.json`]), ok(""));
  assert.equal(JSON.parse(await Deno.readTextFile(`${cwd}/all.json`)).version, 1);
  assert.equal((await Deno.stat(`${cwd}/all.json`)).mode! & 0o777, 0o600);
});

commandTest("portd import takes an export in, in calls that the daemon takes", async ({ daemon, cwd, run }) => {
  for (let i = 0; i < 200; i++) daemon.grant({ name: `web-${i}`, project: "shop" });
  const ids = [...daemon.leases.keys()];
  await run(["export", `${cwd}/all.yaml`]);
  daemon.leases.clear();
  assert.deepEqual(await run(["import", `${cwd}/all.yaml`]), ok("imported 200, skipped 0\n"));
  assert.deepEqual([...daemon.leases.keys()], ids);
  const calls = daemon.asked("POST", "/v1/import");
  assert.ok(calls.length > 1);
  for (const { body } of calls) assert.ok(new TextEncoder().encode(JSON.stringify(body)).length <= 48 * 1024);
});

commandTest("portd import names what it skips, and fails unless --partial", async ({ daemon, cwd, run }) => {
  const { id } = daemon.grant({ name: "web", project: "shop" });
  await run(["export", `${cwd}/all.yaml`]);
  const failed = await run(["import", `${cwd}/all.yaml`]);
  const skipped = `skipped ${id}: it stands here already\n`;
  assert.deepEqual(failed, { code: 1, stdout: "imported 0, skipped 1\n", stderr: skipped });
  assert.equal((await run(["import", `${cwd}/all.yaml`, "--partial"])).code, 0);
});

commandTest("portd import refuses what is no export, with line and column", async ({ daemon, cwd, run }) => {
  await Deno.writeTextFile(`${cwd}/bad.yaml`, "version: 1\nleases: [\n");
  assert.match((await run(["import", `${cwd}/bad.yaml`])).stderr, /bad\.yaml:\d+:\d+: /);
  await Deno.writeTextFile(`${cwd}/other.yaml`, "services: {}\n");
  assert.match((await run(["import", `${cwd}/other.yaml`])).stderr, /it is no export of version 1/);
  assert.equal((await run(["import", `${cwd}/missing.yaml`])).code, 1);
  assert.equal(daemon.requests.length, 0);
});

commandTest("portd stop asks with the token and waits until the daemon is gone", async ({ daemon, cwd, run }) => {
  const { code, stderr } = await run(["stop", "--state-dir", cwd]);
  assert.equal(code, 0);
  assert.match(stderr, /^stopped portd at http:\/\/127\.0\.0\.1:\d+ \(pid \d+\)\n$/);
  assert.equal(daemon.asked("POST", "/v1/stop").length, 1);
  assert.equal((await run(["status"])).code, 3);
});

commandTest("portd config show tells where every setting comes from", async ({ cwd, run }) => {
  await Deno.writeTextFile(`${cwd}/config.yaml`, "graceMs: 5\n");
  const env = { PORTD_STATE_DIR: cwd, PORTD_WATCH_MS: "500" };
  const { stdout } = await run(["config", "show", "--set", "cooldownMs=0"], { env });
  assert.match(stdout, /^cooldownMs +0 +flag$/m);
  assert.match(stdout, /^watchMs +500 +PORTD_WATCH_MS$/m);
  assert.match(stdout, new RegExp(`^graceMs +5 +${cwd}/config\\.yaml:1:10$`, "m"));
  assert.match(stdout, /^pool +20000-29999 +default$/m);
});

commandTest("portd config check tells a fault with its place, exit code 2", async ({ cwd, run }) => {
  const env = { PORTD_STATE_DIR: cwd };
  assert.match((await run(["config", "check"], { env })).stdout, /no configuration file/);
  await Deno.writeTextFile(`${cwd}/other.yaml`, "pol: 1-2\n");
  const { code, stderr } = await run(["config", "check", "other.yaml"], { env });
  assert.equal(code, 2);
  assert.match(stderr, /other\.yaml:1:1\): there is no such setting; did you mean "pool"\?/);
});

commandTest("portd version and --version print deno.json's version", async ({ run }) => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  assert.deepEqual(await run(["version"]), ok(`portd ${version}\n`));
  assert.deepEqual(await run(["--version"]), ok(`${version}\n`));
  const json = JSON.parse((await run(["version", "--json"])).stdout);
  assert.deepEqual(json, { version, deno: Deno.version.deno, os: Deno.build.os, arch: Deno.build.arch });
});

Deno.test("a project's root is the holder, whatever folder of it is the current one", async () => {
  await using setting = await setUp();
  await Deno.mkdir(`${setting.cwd}/.git`);
  await Deno.writeTextFile(`${setting.cwd}/.git/HEAD`, "ref: refs/heads/main\n");
  await Deno.mkdir(`${setting.cwd}/src`);
  await setting.run(["lease", "web"], { cwd: `${setting.cwd}/src` });
  const { holder } = setting.daemon.requests.at(-1)?.body as { holder: { id: string } };
  assert.equal(holder.id, `cli:${findProject(setting.cwd).root}`);
});
