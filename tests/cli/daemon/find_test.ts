/** Where a command looks for the daemon, whom it shows the token, and how it starts one. */
import assert from "node:assert/strict";
import { writeFault } from "../../../src/cli/daemon/start.ts";
import { openLibc } from "../../../src/os/linux/libc.ts";
import { Procfs } from "../../../src/os/linux/procfs.ts";
import { openProcesses } from "../../../src/process/open.ts";
import { runSteps } from "../../../src/service/service.ts";
import { writeDaemonFile } from "../../../src/state/claimed_folder.ts";
import { TOKEN_FILE } from "../../support/app.ts";
import { type CliOutcome, portd } from "../../support/cli.ts";
import { checkFailure, ok } from "../../support/command_setting.ts";
import { FakeDaemon, TOKEN } from "../../support/fake_daemon.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { RawServer } from "../../support/raw_server.ts";
import { FakeServiceControl } from "../../support/service.ts";
import { freePort } from "../../support/sockets.ts";
import { LEASE } from "../../support/wire.ts";

/** What a test of looking for a daemon works with. */
interface Search extends AsyncDisposable {
  readonly stateDir: string;
  /** Nobody listens on its port. */
  readonly listen: string;
  readonly run: (
    args: readonly string[],
    env?: Record<string, string>,
    self?: readonly string[],
  ) => Promise<CliOutcome>;
}

/** Declares a test. Its daemon has a port of its own, or the well-known one. */
function findTest(
  name: string,
  test: (search: Search, daemon: FakeDaemon) => Promise<void>,
  { isWellKnown = false, ...options }: Partial<Omit<Deno.TestDefinition, "fn">> & { isWellKnown?: boolean } = {},
): void {
  Deno.test(name, options, async () => {
    await using search = await setUp();
    await using daemon = await FakeDaemon.open(isWellKnown ? { port: portOf(search) } : {});
    await test(search, daemon);
  });
}

async function setUp(): Promise<Search> {
  const folder = await temporaryFolder();
  const stateDir = `${folder.path}/state`;
  await Deno.mkdir(stateDir, { mode: 0o700 });
  const listen = `127.0.0.1:${freePort()}`;
  const inherited = { PATH: Deno.env.get("PATH") ?? "", HOME: folder.path, DENO_DIR: `${folder.path}/deno` };
  return {
    stateDir,
    listen,
    run: (args, env = {}, self = ["/nowhere/portd"]) =>
      portd(args, {
        cwd: folder.path,
        env: { ...inherited, PORTD_STATE_DIR: stateDir, PORTD_LISTEN: listen, ...env },
        self,
      }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** The port of its well-known address. */
const portOf = ({ listen }: Search) => Number(listen.split(":")[1]);

/** Makes the state folder that of a daemon, run by a process that started at `startTime`. */
function record({ stateDir }: Search, url: string, { startTime = "", needsToken = false } = {}): void {
  writeDaemonFile(stateDir, { url, pid: Deno.pid, startTime, version: "0.0.0", needsToken });
  Deno.writeTextFileSync(`${stateDir}/admin.token`, `${TOKEN}\n`);
}

findTest("--url goes before PORTD_URL, and that before daemon.json", async (search, first) => {
  await using second = await FakeDaemon.open();
  await using third = await FakeDaemon.open();
  record(search, third.url);
  await search.run(["status", "--url", first.url], { PORTD_URL: second.url });
  await search.run(["status"], { PORTD_URL: second.url });
  await search.run(["status"]);
  assert.deepEqual([first, second, third].map(({ requests }) => requests.length), [1, 1, 1]);
});

findTest("--state-dir that is not the daemon's is said, and whose the daemon is", async (search, daemon) => {
  const { stateDir: theirs } = daemon.domain.describe();
  const own = `${search.stateDir}/own`;
  const note = `note: portd of me, state in ${theirs}, answers at ${daemon.url}; no daemon of ${own} runs\n`;
  assert.deepEqual(await search.run(["ls", "--state-dir", own]), ok("", `${note}no leases\n`));
  assert.equal((await search.run(["ls", "--state-dir", own, "--json"])).stderr, "");
  assert.equal((await search.run(["ls", "--state-dir", theirs])).stderr, "no leases\n");
  record(search, daemon.url);
  daemon.requests.length = 0;
  assert.equal((await search.run(["ls", "--state-dir", search.stateDir])).stderr, "no leases\n");
  assert.equal(daemon.requests.length, 1);
}, { isWellKnown: true });

findTest("a refusal for want of the token names its file", async (search) => {
  const { code, stderr } = await search.run(["export"]);
  assert.equal(code, 6);
  assert.ok(stderr.endsWith(`: give the token in ${TOKEN_FILE} as PORTD_TOKEN\n`), stderr);
  await checkFailure(
    search.run(["stop"]),
    6,
    new RegExp(`: ${search.stateDir}/admin\\.token is not that of the daemon`),
  );
}, { isWellKnown: true });

findTest("a daemon.json that is out of date gives way to the well-known address", async (search, daemon) => {
  record(search, `http://127.0.0.1:${freePort()}`);
  assert.equal((await search.run(["status"])).code, 0);
  assert.equal(daemon.requests.length, 1);
}, { isWellKnown: true });

findTest("no daemon and none to be started is exit code 3", async (search) => {
  for (const [args, env] of [[["lease", "--no-start"], {}], [["lease", "web"], { PORTD_AUTOSTART: "0" }]] as const) {
    await checkFailure(
      search.run(args, env),
      3,
      new RegExp(`nobody answers at http://${search.listen}, and starting one is switched off`),
    );
  }
});

findTest("status and stop never start a daemon, nor does a command with --url", async (search) => {
  const url = `http://127.0.0.1:${freePort()}`;
  for (const args of [["status"], ["stop"], ["ls", "--url", url]]) {
    assert.equal((await search.run(args, {}, ["/nowhere/portd"])).code, 3, args.join(" "));
  }
});

findTest("a stranger on the well-known address is no daemon", async (search) => {
  await using _server = new RawServer(() => Promise.resolve(new Response("hello")), { port: portOf(search) });
  await checkFailure(search.run(["lease", "web"]), 3, /something else answers there/);
});

findTest("the token goes to the daemon of our own daemon.json, and only for what needs it", async (search, daemon) => {
  record(search, daemon.url);
  assert.equal((await search.run(["export"])).code, 0);
  assert.equal((await search.run(["ls"])).code, 0);
  const sent = daemon.requests.map(({ headers }) => headers.get("authorization"));
  assert.deepEqual(sent, [`Bearer ${TOKEN}`, null]);
});

findTest("portd lease and run send the token where the daemon asks for it, and not before", async (search, daemon) => {
  record(search, daemon.url);
  const refusal = { status: 403, code: "scope_required", detail: "Cannot do this without the scope" };
  for (const args of [["lease", "web"], ["run", "web", "--", "true"]]) {
    daemon.requests.length = 0;
    daemon.refuseNext(refusal);
    const { code, stderr } = await search.run(args);
    assert.equal(code, 0, stderr);
    const sent = daemon.asked("POST", "/v1/leases").map(({ headers }) => headers.get("authorization"));
    assert.deepEqual(sent, [null, `Bearer ${TOKEN}`], args.join(" "));
  }
});

findTest("an https:// address of a portd is answered with its http:// address", async (search) => {
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response());
  const host = `127.0.0.1:${server.addr.port}`;
  const { code, stderr } = await search.run(["ls", "--url", `https://${host}`]);
  assert.equal(code, 3);
  assert.ok(stderr.includes(`does not speak TLS; to reach portd itself, use http://${host}`), stderr);
});

findTest("the token goes with every command to a daemon that asks for it", async (search, daemon) => {
  record(search, daemon.url, { needsToken: true });
  assert.equal((await search.run(["ls"])).code, 0);
  assert.deepEqual(daemon.requests.map(({ headers }) => headers.get("authorization")), [`Bearer ${TOKEN}`]);
});

findTest("the token goes to no other address", async (search, daemon) => {
  record(search, `http://127.0.0.1:${freePort()}`);
  assert.equal((await search.run(["export"])).code, 6);
  assert.equal((await search.run(["export", "--url", daemon.url])).code, 6);
  assert.deepEqual(daemon.requests.map(({ headers }) => headers.get("authorization")), [null, null]);
  assert.equal((await search.run(["export", "--url", daemon.url], { PORTD_TOKEN: TOKEN })).code, 0);
}, { isWellKnown: true });

findTest("the token goes to nobody who has the address of a daemon that was killed", async (search, daemon) => {
  const { startTime } = openProcesses(new Procfs(openLibc())).find(Deno.pid)!;
  record(search, daemon.url, { startTime: `${startTime}0` });
  assert.equal((await search.run(["export"])).code, 6);
  record(search, daemon.url, { startTime });
  assert.equal((await search.run(["export"])).code, 0);
  const sent = daemon.requests.map(({ headers }) => headers.get("authorization"));
  assert.deepEqual(sent, [null, `Bearer ${TOKEN}`]);
}, { ignore: Deno.build.os !== "linux", sanitizeResources: false }); // libc stays open

findTest("PORTD_TOKEN goes to the daemon that is found only when that knows it", async (search, stranger) => {
  stranger.proveAs(null);
  for (const args of [["ls"], ["lease", "web"], ["status", "--url", stranger.url]]) {
    const { code, stdout, stderr } = await search.run(args, { PORTD_TOKEN: TOKEN });
    assert.deepEqual([code, stdout], [6, ""], args.join(" "));
    assert.match(stderr, /Cannot send the token to http:.*: what listens there has not proven to know it/);
  }
  stranger.proveAs("another token");
  const { stderr } = await search.run(["ls"], { PORTD_TOKEN: TOKEN });
  assert.match(stderr, /has not proven to know it \(its answer does not fit this token\)/);
  assert.deepEqual(stranger.requests, []);
  stranger.proveAs(TOKEN);
  assert.equal((await search.run(["ls"], { PORTD_TOKEN: TOKEN })).code, 0);
}, { isWellKnown: true });

findTest(
  "no command sends the token to a program that answers like portd instead of our daemon",
  async (search, thief) => {
    thief.proveAs(null);
    record(search, thief.url, { needsToken: true }); // of a process that lives
    const commands = ["status", "ls", "ps", "lease web", "inspect 1", "env", "run web -- true", "export", "import -"];
    const more = ["firewall status", "firewall sync", "open web", "close web", "release web", "renew web", "events"];
    for (const command of [...commands, ...more, "free 1 --yes", "wait web", "doctor", "stop"]) {
      const { code } = await search.run(command.split(" "));
      assert.notEqual(code, 0, command);
    }
    const sent = thief.requests.filter(({ headers }) => headers.has("authorization"));
    assert.deepEqual(sent, []);
    assert.ok(thief.proofs.length > 0);
  },
);

findTest("portd stop asks nobody to stop without the token", async (search, daemon) => {
  for (const args of [["stop"], ["stop", "--url", daemon.url]]) {
    await checkFailure(search.run(args), 6, /without the admin token/);
  }
  // It only asks whether this is a portd at all, and says nothing to prove that it may stop it.
  for (const { method, path, headers } of daemon.requests) {
    assert.deepEqual([method, path, headers.get("authorization")], ["GET", "/v1/status", null]);
  }
}, { isWellKnown: true });

/** A program that portd starts as its daemon: the words behind it stand in `Deno.args`. */
async function standIn({ stateDir }: Search, source: string): Promise<readonly string[]> {
  const path = `${stateDir}/stand_in.ts`;
  await Deno.writeTextFile(path, `const stateDir = Deno.args[Deno.args.indexOf("--state-dir") + 1]!;\n${source}`);
  return [Deno.execPath(), "run", "--no-config", "--no-lock", "-A", path];
}

/** A test that starts a process which is to outlive it. */
function startTest(name: string, test: (search: Search, daemon: FakeDaemon) => Promise<void>): void {
  findTest(name, test, { sanitizeOps: false, sanitizeResources: false });
}

const SERVES = `
const { addr: { port } } = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) =>
  Response.json(url.endsWith("/v1/status") ? { name: "portd" } : { ...${JSON.stringify(LEASE)}, args: Deno.args }));
const daemon = { url: "http://127.0.0.1:" + port, pid: Deno.pid, startTime: "", version: "0" };
Deno.writeTextFileSync(stateDir + "/daemon.json", JSON.stringify(daemon));
`;

startTest("a command starts the daemon in a session of its own and then asks it", async (search) => {
  const { code, stdout, stderr } = await search.run(["lease", "--json"], {}, await standIn(search, SERVES));
  assert.deepEqual([code, stderr], [0, ""]);
  const { port, args } = JSON.parse(stdout);
  assert.deepEqual([port, args], [20417, ["serve", "--background", "--state-dir", search.stateDir]]);
  const { pid } = JSON.parse(await Deno.readTextFile(`${search.stateDir}/daemon.json`));
  if (Deno.build.os === "linux") {
    const [, , , session] = (await Deno.readTextFile(`/proc/${pid}/stat`)).replace(/^.*\) /, "").split(" ");
    assert.equal(Number(session), pid);
  }
  Deno.kill(pid, "SIGKILL");
});

startTest("a daemon that cannot start is reported with the end of its log, exit code 3", async (search) => {
  await Deno.writeTextFile(`${search.stateDir}/daemon.log`, "an old line\n");
  const fails =
    'Deno.writeTextFileSync(stateDir + "/daemon.log", "Cannot start: no luck\\n", { append: true }); Deno.exit(1);';
  const { code, stdout, stderr } = await search.run(["lease"], {}, await standIn(search, fails));
  assert.deepEqual([code, stdout], [3, ""]);
  assert.match(
    stderr,
    /^portd: Cannot start a daemon: it ended with exit code 1; .*daemon\.log says:\n {2}Cannot start: no luck\n$/,
  );
});

Deno.test("a folder in which nothing can be written is said with the reason, and left as it was", async () => {
  await using folder = await temporaryFolder();
  assert.equal(writeFault(folder.path), undefined);
  const full = () => {
    throw Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
  };
  assert.equal(writeFault(folder.path, full), "the disk is full");
  assert.deepEqual([...Deno.readDirSync(folder.path)], []);
});

startTest(
  "a daemon that ends without a word is reported with what keeps its folder from being written",
  async (search) => {
    const ends = "Deno.removeSync(stateDir, { recursive: true }); Deno.exit(1);";
    const { stderr } = await search.run(["lease"], {}, await standIn(search, ends));
    assert.match(stderr, /exit code 1, and nothing can be written in .*: there is no such file or folder; its log is/);
    await Deno.mkdir(search.stateDir);
  },
);

startTest("who loses the race of two starters uses the winner", async (search, winner) => {
  const loses = `
Deno.writeTextFileSync(stateDir + "/daemon.log", "Cannot start: portd 0 (pid 1) already serves\\n", { append: true });
const daemon = { url: "${winner.url}", pid: 1, startTime: "", version: "0" };
Deno.writeTextFileSync(stateDir + "/daemon.json", JSON.stringify(daemon));
Deno.exit(1);
`;
  const { code } = await search.run(["lease", "web"], {}, await standIn(search, loses));
  assert.equal(code, 0);
  assert.equal(winner.asked("POST", "/v1/leases").length, 1);
});

startTest("portd serve --detach prints the address, and the same one when it runs already", async (search) => {
  const self = await standIn(search, SERVES);
  const first = await search.run(["serve", "--detach", "--set", "cooldownMs=0", "--pool", "21000-21999"], {}, self);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /^http:\/\/127\.0\.0\.1:\d+\n$/);
  assert.deepEqual(await search.run(["serve", "--detach"], {}, self), { ...first, stderr: "portd runs already\n" });
  const { args } = await (await fetch(first.stdout.trim())).json();
  const flags = ["--pool", "21000-21999", "--set", "cooldownMs=0"];
  assert.deepEqual(args, ["serve", "--background", "--state-dir", search.stateDir, ...flags]);
  Deno.kill(JSON.parse(await Deno.readTextFile(`${search.stateDir}/daemon.json`)).pid, "SIGKILL");
});

startTest("portd serve --detach does not take a stranger for its daemon, whatever it answers", async (search) => {
  await using stranger = new RawServer(() => Promise.resolve(Response.json({ version: "9.9" })));
  record(search, `http://127.0.0.1:${stranger.port}`);
  await checkFailure(
    search.run(["serve", "--detach"], {}, await standIn(search, "Deno.exit(1);")),
    3,
    /^portd: Cannot start a daemon: it ended with exit code 1/,
  );
});

findTest(
  "no daemon is started instead of a service that does not run, unless it has another address",
  async (search) => {
    const env = { PORTD_STATE_DIR: search.stateDir, PORTD_LISTEN: search.listen };
    const service = new FakeServiceControl();
    const install = async (listen: string) => {
      const definition = { self: ["/portd"], words: ["--listen", listen], stateDir: "/s", reserve: [] } as const;
      await runSteps(await service.install(definition), () => {});
    };
    await install(search.listen);
    const refused = await portd(["ls"], { env, service });
    assert.deepEqual(refused, {
      code: 3,
      stdout: "",
      stderr: "portd: Cannot find a daemon: portd is a service of this machine, and is stopped; start it with: portd " +
        "service start\n",
    });
    await install("127.0.0.1:1");
    assert.doesNotMatch((await portd(["ls"], { env, service })).stderr, /is a service/);
    await runSteps(await service.uninstall(), () => {});
    assert.doesNotMatch((await portd(["ls"], { env, service })).stderr, /is a service/);
  },
);

findTest(
  "where the system cannot be asked for its service a daemon is started, and stderr says why",
  async (search) => {
    const env = { PORTD_STATE_DIR: search.stateDir, PORTD_LISTEN: search.listen };
    const service = new FakeServiceControl();
    service.status = () => Promise.reject(new Error("Cannot read the unit: the bus is gone"));
    const note =
      "note: a daemon is started, and whether portd is a service is not known: Cannot read the unit: the bus is gone\n";
    const { code, stderr } = await portd(["ls"], { env, service });
    assert.notEqual(code, 0); // no program is there that could be started
    assert.ok(stderr.startsWith(note), stderr);
    assert.ok(!(await portd(["ls", "--json"], { env, service })).stderr.includes("note:"));
  },
);
