/** The commands about leases, inside this process, against a fake daemon. */
import assert from "node:assert/strict";
import { VERSION } from "../../src/version.ts";
import { FakeSignals } from "../support/cli.ts";
import { checkFailure, commandTest, ok } from "../support/command_setting.ts";
import { MUTE, respond } from "../support/raw_server.ts";
import { freePort } from "../support/sockets.ts";

const PINNED = { kind: "pinned" } as const;

commandTest("portd ls is a table; what a daemon says cannot break out of it", async ({ daemon, run }) => {
  daemon.machine.start(4711, { command: "vi\x1b[2Jte\n" });
  const lease = await daemon.grant({ name: "web", project: "shop", pid: 4711, lifetime: PINNED });
  const { stdout } = await run(["ls"]);
  const [head, row, ...rest] = stdout.split("\n");
  assert.match(head!, /^NAME +PORT +PROTO +STATE +PID +COMMAND +EXPIRES$/);
  assert.match(row!, new RegExp(`^shop/web +${lease.port} +tcp +granted +4711 +vi\\\\x1b\\[2Jte\\\\x0a +-$`));
  assert.deepEqual(rest, [""]);
  assert.deepEqual(JSON.parse((await run(["ls", "--json"])).stdout).leases, [lease]);
});

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

commandTest("portd ls filters, and shows the history", async ({ daemon, run }) => {
  assert.deepEqual(await run(["ls"]), ok("", "no leases\n"));
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
    /^portd: Timed out after 20ms: (?:there is no lease "web" yet|portd at \S+ has not answered yet)\n$/,
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

commandTest("portd status says how the daemon is", async ({ daemon, run }) => {
  daemon.clock.advance(61_000);
  const { code, stdout } = await run(["status"]);
  assert.equal(code, 0);
  const [first, second] = stdout.split("\n");
  assert.equal(first, `portd      ${VERSION} (pid ${Deno.pid}), up 1m 1s`);
  assert.equal(second, `address    ${daemon.url}`);
  assert.equal(JSON.parse((await run(["status", "--json"])).stdout).url, daemon.url);
});
