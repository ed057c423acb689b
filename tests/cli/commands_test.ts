/** The commands about leases, inside this process, against a fake daemon. */
// deno-lint-ignore-file no-control-regex -- codes for colours are looked for
import assert from "node:assert/strict";
import { withTimesFor } from "../../src/cli/terminal.ts";
import { VERSION } from "../../src/version.ts";
import { type CliOutcome, FakeSignals } from "../support/cli.ts";
import { checkFailure, commandTest, ok } from "../support/command_setting.ts";
import { answerEach, GAME_PORT, leaseGame } from "../support/gateway/answers.ts";
import { MUTE, respond } from "../support/raw_server.ts";
import { freePort } from "../support/sockets.ts";
import { STATUS } from "../support/wire.ts";

const PINNED = { kind: "pinned" } as const;

commandTest("portd ls is a table; what a daemon says cannot break out of it", async ({ daemon, run }) => {
  daemon.machine.start(4711, { command: "vi\x1b[2Jte\n" });
  const lease = await daemon.grant({ name: "web", project: "shop", pid: 4711, lifetime: { kind: "process" } });
  const { stdout } = await run(["ls"]);
  const [head, row, ...rest] = stdout.split("\n");
  assert.match(head!, /^NAME +PORT +PROTO +STATE +PID +COMMAND +EXPIRES$/);
  assert.match(row!, new RegExp(`^shop/web +${lease.port} +tcp +granted +4711 +vi\\\\x1b\\[2Jte\\\\x0a +-$`));
  assert.deepEqual(rest, [""]);
  assert.deepEqual(JSON.parse((await run(["ls", "--json"])).stdout).leases, [lease]);
});

commandTest(
  "portd ls and inspect show where the internet finds a lease, and how its mapping stands",
  async (setting) => {
    const { daemon, run } = setting;
    const lease = await leaseGame(daemon);
    await daemon.grant({ name: "web", project: "shop", lifetime: PINNED });
    assert.doesNotMatch((await run(["ls"])).stdout, /OUTSIDE/);
    answerEach(daemon);
    await run(["open", "game", "--router"]);
    const { stdout } = await run(["ls"]);
    assert.match(stdout, /^NAME +PORT +PROTO +STATE +PID +COMMAND +OUTSIDE +EXPIRES\n/);
    assert.match(stdout, new RegExp(`shop/game .* 203\\.0\\.113\\.7:${GAME_PORT} set +-\n`));
    assert.match(stdout, /shop\/web .* - +-\n/);
    const { mappings } = JSON.parse((await run(["ls", "--json"])).stdout);
    assert.deepEqual(mappings.map(({ leaseId }: { leaseId: string }) => leaseId), [lease.id]);
    assert.match(
      (await run(["inspect", "game"])).stdout,
      /\n {2}mapping +203\.0\.113\.7:25565\/tcp leads to 192\.168\.1\.20:25565 \(UPnP, .*\), set\n/,
    );
    answerEach(daemon, { state: "failed", external: null, reason: "The router \x1b[2Jrefuses" });
    assert.match((await run(["ls"])).stdout, /shop\/game .* failed +-\n/);
    assert.match((await run(["inspect", "game"])).stdout, /mapping +ipv4 tcp, failed: The router \\x1b\[2Jrefuses\n/);
  },
);

commandTest("portd ls says below its table why a listener is not the holder's", async ({ daemon, run }) => {
  const holder = { id: "x", cwd: "/shop" };
  const { port } = await daemon.grant({ name: "web", project: "shop", holder, lifetime: PINNED });
  daemon.machine.start(99, { command: "vi\x1bte", cwd: "/blog" });
  daemon.machine.listen({ protocol: "tcp", port }, { pid: 99 });
  await daemon.look();
  const { stdout, stderr } = await run(["ls"]);
  assert.match(stdout, /\nshop\/web +\d+ +tcp +conflict +99 +vi\\x1bte +-\n$/);
  assert.equal(stderr, `shop/web (${port}/tcp): pid 99 (vi\\x1bte) runs in /blog, not in /shop\n`);
  assert.equal((await run(["ls", "--json"])).stderr, "");
});

commandTest("portd ls lists this project first, then all others, and in JSON by id", async ({ daemon, cwd, run }) => {
  const names: string[] = [];
  const grant = async (project: string, name: string, id: string) => {
    names.push(`${project}/${name}`);
    await daemon.grant({ name, project, holder: { id }, lifetime: PINNED });
  };
  await grant("blog", "web", "cli:/home/me/blog");
  await grant("shop", "web", "cli:/home/other/shop"); // another checkout of the same name
  await grant("shop~1a2b3c", "web", `cli:${cwd}`);
  await grant("shop", "api", "project:shop");
  const listed = (await run(["ls"])).stdout.trimEnd().split("\n").slice(1).map((line) => line.split(" ")[0]);
  assert.deepEqual(listed, ["shop~1a2b3c/web", "shop/api", "blog/web", "shop/web"]);
  assert.deepEqual(await run(["list"]), await run(["ls"]));
  const { leases } = JSON.parse((await run(["ls", "--json"])).stdout);
  assert.deepEqual(leases.map(({ name }: { name: string }) => name), names);
});

commandTest("portd ls --ended has the time of the end, on a terminal in local time", async ({ daemon, run }) => {
  const lease = await daemon.grant({ name: "web", project: "shop" });
  await daemon.end(lease.id, "released");
  const { endedAt } = daemon.leases[0]!;
  const [head, row] = (await run(["ls", "--ended"])).stdout.split("\n");
  assert.match(head!, /^NAME +PORT +PROTO +STATE +PID +COMMAND +ENDED$/);
  assert.ok(row!.endsWith(`  ${endedAt}`), row);
  const shown = (await run(["ls", "--ended"], { isTerminal: true })).stdout;
  assert.ok(shown.includes(withTimesFor({ isTerminal: true }, endedAt!)), shown);
  await daemon.grant({ name: "api", project: "shop", lifetime: PINNED });
  assert.match((await run(["ls", "--all"])).stdout, /COMMAND +EXPIRES +ENDED\n.* - +-\n.* - +\S+Z\n$/);
});

commandTest("portd ls fits the terminal, and has colours and hints there alone", async ({ daemon, cwd, run }) => {
  const command = "/usr/bin/node /home/me/a/long/path/node_modules/.bin/vite --port 20417";
  const holder = { id: `cli:${cwd}`, cwd };
  await daemon.serve(await daemon.grant({ name: "web", project: "shop", holder }), { command });
  const { port } = await daemon.grant({ name: "admin-pages", project: "shop", holder, lifetime: PINNED });
  daemon.machine.start(99, { command: "vite", cwd: "/home/me/blog" });
  daemon.machine.listen({ protocol: "tcp", port }, { pid: 99 });
  await daemon.look();
  const rowsOf = ({ stdout }: CliOutcome) => stdout.trimEnd().split("\n").slice(1);
  for (const columns of [40, 60, 80, 160]) {
    const { stdout } = await run(["ls"], { isTerminal: true, columns });
    for (const line of stdout.split("\n")) assert.ok(line.length <= columns, line);
    assert.match(stdout, columns > 60 ? / vite --port 20417 / : /listening/);
  }
  const plain = await run(["ls"]);
  assert.match(rowsOf(plain)[0]!, /^shop\/web +\d+ +tcp +listening +\d+ +vite --port 20417 +-$/);
  assert.doesNotMatch(`${plain.stdout}${plain.stderr}`, /\x1b|hint/);
  assert.deepEqual(rowsOf(await run(["ls"], { isTerminal: true, columns: 200 })), rowsOf(plain));
  const styled = await run(["ls"], { isTerminal: true, isColoured: true });
  assert.match(rowsOf(styled)[0]!, /^shop\/admin-pages .*\x1b\[31mconflict\x1b\[39m/);
  assert.match(styled.stderr, new RegExp(`hint: portd inspect ${port} says what to do`));
});

commandTest("portd release names the server that still listens", async ({ daemon, run }) => {
  const lease = await daemon.grant({ name: "web", project: "shop", holder: { id: "cli:/shop", cwd: "/shop" } });
  const { pid } = await daemon.serve(lease);
  const note = `note: pid ${pid} still listens on ${lease.port}\n`;
  assert.deepEqual(await run(["release", lease.id]), ok("", `released shop/web (${lease.port}/tcp)\n${note}`));
});

commandTest("portd ls names no process that a lease may have outlived", async ({ daemon, run }) => {
  daemon.machine.start(4711, { command: "vite build" });
  const holder = { id: "cli:/shop" };
  const lease = await daemon.grant({ name: "web", project: "shop", holder, pid: 4711, ttlMs: 60_000 });
  assert.match((await run(["ls"])).stdout, new RegExp(`\nshop/web +${lease.port} +tcp +granted +- +- +\\S+\n$`));
});

commandTest("portd inspect says what ends a lease", async ({ daemon, run }) => {
  daemon.machine.start(4711, { command: "portd run web -- vite" });
  const lease = await daemon.grant({ name: "web", project: "shop", pid: 4711, lifetime: { kind: "process" } });
  const inspect = async (options = {}) => (await run(["inspect", String(lease.port)], options)).stdout;
  assert.match(
    await inspect(),
    /nobody listens yet, and it ends with pid 4711\n(?:.*\n)* {2}lease .*, ends with pid 4711\n/,
  );
  const { pid } = await daemon.serve(lease, { parentPid: 4711 });
  assert.match(await inspect(), new RegExp(`, ends with pid 4711 and its server, pid ${pid}\n`));
  for (const line of (await inspect({ isTerminal: true, columns: 60 })).split("\n")) assert.ok(line.length <= 60, line);
});

commandTest("portd ls filters, and shows the history", async ({ daemon, run }) => {
  assert.deepEqual(await run(["ls"]), ok("", "no leases\n"));
  const words = ["ls", "--state", "idle", "--label", "A=b"];
  assert.deepEqual(await run(words), ok("", "no lease matches --state idle --label A=b\n"));
  await run(["ls", "--name", "web", "--port", "80", "--state", "idle", "--project", "shop", "--label", "a=b"]);
  assert.equal(daemon.requests.at(-1)?.path, "/v1/leases?name=web&port=80&state=idle&project=shop&label=a%3Db");
  await run(["ls", "--ended"]);
  assert.equal(daemon.requests.at(-1)?.path, "/v1/leases?ended=true");
  await run(["ls", "--state", "expired"]);
  assert.equal(daemon.requests.at(-1)?.path, "/v1/leases?state=expired&ended=true");
  await run(["ls", "--all"]);
  assert.deepEqual(daemon.requests.slice(-2).map(({ path }) => path), ["/v1/leases", "/v1/leases?ended=true"]);
});

commandTest("portd release takes names, ports, ids and labels", async ({ daemon, cwd, run }) => {
  const holder = { id: `cli:${cwd}` };
  for (const name of ["a", "b", "c", "d"]) await daemon.grant({ name, project: "shop", holder, labels: { job: name } });
  const [a, b, c, d] = daemon.leases;
  assert.equal((await run(["release", "a", String(b!.port), c!.id])).code, 0);
  assert.deepEqual(await run(["release", "--label", "job=d"]), ok("", "released 1 lease\n"));
  assert.deepEqual(daemon.leases.map(({ state }) => state), Array(4).fill("released"));
  assert.deepEqual(await run(["release", d!.id]), ok("", `${d!.id} has ended already\n`));
  assert.deepEqual(await run(["release", String(b!.port)]), ok("", `${b!.port} has ended already\n`));
  await checkFailure(run(["release", "3"]), 1, /Cannot find a lease on port 3\n$/);
  const { code, stderr } = await run(["release", "nobody"]);
  assert.deepEqual([code, stderr], [1, 'portd: Cannot find lease "shop/nobody"\n']);
  assert.deepEqual(JSON.parse((await run(["release", a!.id, "--json"])).stdout), { released: [] });
});

commandTest("portd renew prints when the lease ends now", async ({ daemon, run }) => {
  const lease = await daemon.grant({ name: "web", project: "shop", ttlMs: 60_000 });
  await daemon.grant({ name: "db", project: "shop", lifetime: PINNED });
  assert.equal((await run(["renew", "db"])).stdout, "-\n");
  const { stdout } = await run(["renew", "web", "--ttl", "1h"]);
  assert.equal(stdout, `${daemon.leases[0]!.expiresAt}\n`);
  assert.notEqual(daemon.leases[0]!.expiresAt, lease.expiresAt);
  assert.deepEqual(daemon.requests.at(-1)?.body, { ttlMs: 3_600_000 });
});

/** `portd wait web` with this time limit, until a lease of that name, granted when the command has looked, listens. */
function waitTest(name: string, limit: string): void {
  commandTest(name, async ({ daemon, cwd, run }) => {
    const looked = daemon.whenAsked("/v1/leases?name=web");
    const waiting = run(["wait", "web", "--timeout", limit]);
    await Promise.race([looked, waiting]);
    const lease = await daemon.grant({ name: "web", project: "shop", holder: { id: `cli:${cwd}` } });
    await daemon.serve(lease);
    assert.deepEqual(await waiting, ok(`${lease.port}\n`));
  });
}

waitTest("portd wait ends when the holder listens, also when the lease comes later", "0");
waitTest("portd wait takes a time of months", "90d");

commandTest("portd lease takes a time of months to wait", async ({ daemon, run }) => {
  const lease = await daemon.grant({});
  daemon.fault = () => respond(JSON.stringify(lease)); // this daemon refuses so long a time, another one may take it
  assert.equal((await run(["lease", "api", "--wait", "90d"])).code, 0);
});

commandTest("portd wait --free ends when the lease does", async ({ daemon, run }) => {
  const lease = await daemon.grant({ name: "web", project: "shop" });
  const looked = daemon.whenAsked(`/v1/leases?port=${lease.port}`);
  const waiting = run(["wait", String(lease.port), "--free", "--timeout", "0"]);
  await looked;
  await daemon.end(lease.id, "expired");
  assert.deepEqual(await waiting, ok(""));
  assert.deepEqual(JSON.parse((await run(["wait", "web", "--free", "--json"])).stdout), { free: true });
});

commandTest("portd wait gives up with exit code 7, and with 130 at Ctrl-C", async ({ daemon, run }) => {
  await checkFailure(
    run(["wait", "web", "--timeout", "20ms"]),
    7,
    /^portd: Timed out after 20ms: (?:there is no lease "shop\/web" yet|portd at \S+ has not answered yet)\n$/,
  );
  const signals = new FakeSignals();
  const looked = daemon.whenAsked("/v1/leases?name=web");
  const waiting = run(["wait", "web", "--timeout", "0"], { signals });
  await looked;
  signals.send("SIGINT");
  assert.equal((await waiting).code, 130);
  assert.equal(signals.listeners, 0);
});

commandTest("portd wait waits on while the daemon is away, for a name and for a port", async (setting) => {
  const { daemon, cwd, run } = setting;
  let turnedAway = 0;
  daemon.fault = () => turnedAway-- > 0 ? new Response("somebody else", { status: 502 }) : undefined;
  for (
    const [word, path] of [["web", "/v1/leases?name=web"], ["20417", "/v1/listeners?port=20417&protocol=tcp"]] as const
  ) {
    const looked = daemon.whenAsked(path);
    const waiting = run(["wait", word, "--timeout", "0"]);
    await Promise.race([looked, waiting]);
    turnedAway = 2;
    daemon.breakStreams();
    const lease = await daemon.grant({ name: "web", project: "shop", port: 20417, holder: { id: `cli:${cwd}` } });
    const { pid } = await daemon.serve(lease);
    assert.deepEqual(await waiting, ok("20417\n"));
    daemon.machine.end(pid);
    await daemon.end(lease.id, "released");
  }
});

commandTest("portd wait PORT says so when there is no daemon from the beginning", async ({ run }) => {
  const { code, stderr } = await run(["wait", "20417"], { env: { PORTD_URL: `http://127.0.0.1:${freePort()}` } });
  assert.equal(code, 3);
  assert.match(stderr, /^portd: Cannot reach portd at /);
});

commandTest("portd wait PORT asks a daemon that answers nothing no second time", async ({ daemon, run }) => {
  daemon.fault = () => MUTE;
  const { code } = await run(["wait", "20417", "--timeout", "700ms"]);
  assert.equal(code, 7);
  assert.ok(daemon.requests.length <= 1); // none where this machine is slow
});

commandTest("portd env leases all services and prints them in three formats", async ({ daemon, cwd, run }) => {
  await checkFailure(run(["env"]), 1, /Cannot find portd\.yaml in .*shop or above it/);
  await Deno.writeTextFile(
    `${cwd}/portd.yaml`,
    "services: { web: { env: PORT, prefer: 5173 }, dns: { protocols: [udp] } }\n",
  );
  await Deno.mkdir(`${cwd}/src`);
  const dotenv = (await run(["env"], { cwd: `${cwd}/src` })).stdout;
  const [, dns] = daemon.leases;
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

commandTest("portd env reports a fault of portd.yaml with its line and column", async ({ cwd, run }) => {
  await Deno.writeTextFile(`${cwd}/portd.yaml`, "services:\n  web:\n    evn: PORT\n");
  const { code, stderr } = await run(["env"]);
  assert.equal(code, 2);
  assert.equal(stderr, `portd: Cannot use ${cwd}/portd.yaml:3:5: there is no key "evn" here; did you mean "env"?\n`);
});

commandTest("portd events prints a line an event until Ctrl-C", async ({ daemon, run }) => {
  const signals = new FakeSignals();
  for (const args of [["events"], ["events", "--json"]]) {
    let serving: ReturnType<typeof daemon.serve> | undefined;
    const onStdout = (text: string) => {
      if (text.includes("lease.granted")) serving = daemon.serve(daemon.leases.at(-1)!);
      if (text.includes("lease.listening")) signals.send("SIGINT");
    };
    const opened = daemon.whenAsked("/v1/events");
    const following = run(args, { signals, onStdout });
    await opened;
    const lease = await daemon.grant({ name: "web", project: "shop" });
    const { code, stdout } = await following;
    assert.equal(code, 0);
    const [first] = stdout.split("\n");
    if (args.length === 1) assert.match(first!, new RegExp(`^\\S+Z lease\\.granted shop/web ${lease.port}/tcp$`));
    else assert.equal(JSON.parse(first!).lease.id, lease.id);
    daemon.machine.end((await serving)!.pid);
    await daemon.end(lease.id, "released");
  }
});

commandTest("portd status says which WSL this is, and that Windows has other ports", async ({ daemon, run }) => {
  daemon.fault = () => Response.json({ ...STATUS, wsl: { version: 2, networking: "mirrored" } });
  const line =
    "WSL        2, mirrored networking; defaults here: 127.0.0.1:7688 and pool 10000-19999, on Windows others";
  assert.ok((await run(["status"])).stdout.split("\n").includes(line));
  daemon.fault = () => Response.json(STATUS);
  assert.doesNotMatch((await run(["status"])).stdout, /WSL/);
});

commandTest("portd status says how the daemon is", async ({ daemon, run }) => {
  daemon.clock.advance(61_000);
  const { code, stdout } = await run(["status"]);
  assert.equal(code, 0);
  const [first, second] = stdout.split("\n");
  assert.equal(first, `portd      ${VERSION} (pid ${Deno.pid}), up 1m 1s`);
  assert.equal(second, `address    ${daemon.url}`);
  assert.equal(JSON.parse((await run(["status", "--json"])).stdout).url, daemon.url);
});
