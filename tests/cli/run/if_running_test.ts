/** `portd run` where its services listen already: real servers, and a fake daemon on whose machine they run too. */
import assert from "node:assert/strict";
import type { Lease } from "../../../src/client/client.ts";
import type { LeaseRequest } from "../../../src/client/wire.ts";
import { openLibc } from "../../../src/os/linux/libc.ts";
import { Procfs } from "../../../src/os/linux/procfs.ts";
import { LinuxProcesses } from "../../../src/process/linux/processes.ts";
import { checkFailure, commandTest, ok, type Setting } from "../../support/command_setting.ts";
import { Child } from "../../support/processes.ts";

const RAN = ["--", "sh", "-c", 'printf "ran on %s\\n" "$PORT" >"$0"'];

/** What the command wrote; `undefined` where it was not started. */
async function ranOf({ cwd }: Setting): Promise<string | undefined> {
  const names = [...Deno.readDirSync(cwd)].map(({ name }) => name);
  return names.includes("ran") ? await Deno.readTextFile(`${cwd}/ran`) : undefined;
}

/** `portd run NAMES FLAGS` with a command that writes a file. */
function runWith({ run, cwd }: Setting, ...words: string[]) {
  return run(["run", ...words, ...RAN, `${cwd}/ran`]);
}

/** A lease of this working copy. */
function grant({ daemon, cwd }: Setting, name: string, part: LeaseRequest = {}): Promise<Lease> {
  return daemon.grant({
    name,
    project: "shop",
    holder: { id: `cli:${cwd}`, cwd },
    lifetime: { kind: "pinned" },
    ...part,
  });
}

/** The same, for which a process of the fake daemon's machine listens. */
async function served(setting: Setting, name: string, part: LeaseRequest = {}): Promise<Lease> {
  const lease = await grant(setting, name, part);
  await setting.daemon.serve(lease, { command: "node server.js", user: "me" });
  return lease;
}

commandTest("portd run of a service that listens says where and by whom, and starts nothing", async (setting) => {
  const { port } = await served(setting, "web");
  for (const flags of [[], ["--if-running", "fail"]]) {
    await checkFailure(
      runWith(setting, "web", ...flags),
      4,
      new RegExp(
        `^portd: Cannot start the command: shop/web \\(${port}/tcp\\) listens already at http://localhost:${port}, ` +
          `by pid 5001 \\(node server\\.js, user me, in ${setting.cwd}, as the daemon says\\); --if-running attach ` +
          "prints the address, --if-running restart ends it first\n$",
      ),
    );
  }
  const { error } = JSON.parse((await runWith(setting, "web", "--json")).stderr);
  assert.deepEqual([error.code, error.port, error.pid, error.lease.name], ["name_taken", port, 5001, "shop/web"]);
  assert.equal(await ranOf(setting), undefined);
  assert.deepEqual(setting.daemon.leases.map(({ state }) => state), ["listening"]);
});

commandTest("portd run of several services names each that listens, in one sentence", async (setting) => {
  const [web, api] = [await served(setting, "web"), await served(setting, "api", { protocols: ["udp"] })];
  const { code, stderr } = await runWith(setting, "web", "new", "api");
  assert.equal(code, 4);
  assert.match(
    stderr,
    new RegExp(`at http://localhost:${web.port}, by .* and shop/api .* at localhost:${api.port}, by pid 5002 `),
  );
});

commandTest("--if-running attach prints the address and starts nothing", async (setting) => {
  const { port, id } = await served(setting, "web");
  assert.deepEqual(await runWith(setting, "web", "--if-running", "attach"), ok(`http://localhost:${port}\n`));
  const { stdout } = await runWith(setting, "web", "--if-running", "attach", "--json");
  const { url, lease } = JSON.parse(stdout);
  assert.deepEqual([url, lease.id], [`http://localhost:${port}`, id]);
  assert.equal(await ranOf(setting), undefined);
});

commandTest("--if-running attach prints the address that portd.yaml has", async (setting) => {
  const { cwd, run } = setting;
  await Deno.writeTextFile(`${cwd}/portd.yaml`, 'services: { web: { url: "https://{host}:{port}/app" }, api: {} }\n');
  await served(setting, "web");
  await served(setting, "api");
  const urls = [(await run(["url", "web"])).stdout, (await run(["url", "api"])).stdout];
  assert.match(urls[0]!, /\/app\n$/);
  assert.deepEqual(await runWith(setting, "--if-running", "attach"), ok(urls.join("")));
});

commandTest("a service whose address has the port of one without a lease is named without it", async (setting) => {
  const file = 'services: { web: { url: "http://localhost:{port:proxy}" }, proxy: {} }\n';
  await Deno.writeTextFile(`${setting.cwd}/portd.yaml`, file);
  const { port } = await served(setting, "web");
  await checkFailure(runWith(setting, "web"), 4, new RegExp(`\\(${port}/tcp\\) listens already, by pid 5001 `));
});

commandTest("--if-running attach to services of which some do not listen says which", async (setting) => {
  const { port } = await served(setting, "web");
  await grant(setting, "api");
  await checkFailure(
    runWith(setting, "web", "api", "db", "--if-running", "attach"),
    4,
    new RegExp(
      `^portd: Cannot attach: nobody listens for api and db yet, but shop/web \\(${port}/tcp\\) listens already at ` +
        `http://localhost:${port}, by pid 5001 .*; --if-running restart ends that first and starts the command\n$`,
    ),
  );
  assert.equal(await ranOf(setting), undefined);
});

commandTest("where nobody listens, every choice of --if-running runs the command", async (setting) => {
  const { port } = await grant(setting, "web");
  for (const choice of ["fail", "attach", "restart"]) {
    assert.deepEqual(await runWith(setting, "web", "--if-running", choice), ok(""), choice);
    assert.equal(await ranOf(setting), `ran on ${port}\n`);
    await Deno.remove(`${setting.cwd}/ran`);
  }
  assert.deepEqual(await runWith(setting, "--if-running", "attach"), ok(""), "without a name");
});

commandTest("a server that the daemon has not yet seen end is asked about once more", async (setting) => {
  const { daemon } = setting;
  const { port } = await served(setting, "web");
  daemon.machine.end(5001);
  assert.deepEqual(daemon.leases.map(({ state }) => state), ["listening"]);
  assert.deepEqual(await runWith(setting, "web", "--if-running", "attach"), ok(""));
  assert.equal(await ranOf(setting), `ran on ${port}\n`);
});

commandTest("a service of the same name in another working copy is another one", async (setting) => {
  const other = await served(setting, "web", { holder: { id: "cli:/other/shop", cwd: "/other/shop" } });
  assert.deepEqual(await runWith(setting, "web"), ok(""));
  const own = setting.daemon.leases.at(-1)!;
  assert.match(own.name!, /^shop~[0-9a-f]{6}\/web$/);
  assert.notEqual(own.port, other.port);
  // And with that name it is found again.
  const lease = await served(setting, "web", { project: own.name!.split("/")[0] });
  const expected = ok(`http://localhost:${lease.port}\n`);
  assert.deepEqual(await runWith(setting, "web", "--if-running", "attach"), expected);
});

commandTest("a choice that there is none is refused", async (setting) => {
  const { code, stderr } = await runWith(setting, "web", "--if-running", "kill");
  assert.equal(code, 2);
  assert.match(stderr, /--if-running|kill/);
  assert.equal(setting.daemon.leases.length, 0);
});

/** A real server with a lease, which listens on the fake daemon's machine too and ends there when it ends in truth. */
async function startServer(setting: Setting, part: LeaseRequest = {}) {
  const { daemon: { machine }, cwd } = setting;
  const script = `const server = Deno.listen({ hostname: "127.0.0.1", port: 0, reusePort: true });
    console.log(server.addr.port); for await (const client of server) client.close();`;
  const server = await Child.run(script), { pid } = server, port = Number(server.line);
  const lease = await grant(setting, "web", { port, ...part });
  const processes = new LinuxProcesses(new Procfs(openLibc()));
  machine.start(pid, { ...processes.find(pid), command: "node server.js", cwd, parentPid: null });
  machine.listen({ protocol: "tcp", port }, { pid, address: "127.0.0.1", isShared: true });
  await setting.daemon.look();
  setting.daemon.fault = () => {
    if (processes.find(pid) === undefined) machine.end(pid);
    return undefined;
  };
  return { server, lease };
}

if (Deno.build.os === "linux") {
  commandTest("--if-running restart ends the holder's server, and runs the command on its port", async (setting) => {
    const { server: child, lease: { id, port } } = await startServer(setting, { labels: { a: "b" } });
    await using server = child;
    const { code, stdout, stderr } = await runWith(setting, "web", "--if-running", "restart");
    assert.deepEqual([code, stdout], [0, ""], stderr);
    assert.match(stderr, new RegExp(`^portd: pid ${server.pid} ended on TERM after \\d\\.\\d s\n$`));
    assert.equal((await server.status).signal, "SIGTERM");
    assert.equal(await ranOf(setting), `ran on ${port}\n`);
    const [lease, ...others] = setting.daemon.leases;
    assert.deepEqual([lease?.id, lease?.labels, lease?.lifetime.kind, others], [id, { a: "b" }, "pinned", []]);
  });

  commandTest("--if-running restart never ends a stranger, and then nothing", async (setting) => {
    const { server, lease: { port } } = await startServer(setting);
    await using _ = server;
    setting.daemon.machine.start(7000, { command: "nginx", cwd: "/blog", user: "root", parentPid: null });
    setting.daemon.machine.listen({ protocol: "tcp", port }, { pid: 7000, address: "::1", isShared: true });
    await checkFailure(
      runWith(setting, "web", "--if-running", "restart"),
      4,
      /^portd: Cannot restart shop\/web \(.*\): pid 7000 \(nginx, .*\) listens on its port too, and does not belong to its holder .*; nothing was ended; to end that one: (sudo )?kill 7000\n$/,
    );
    using connection = await Deno.connect({ port });
    assert.equal(await connection.read(new Uint8Array(1)), null, "the server is well");
    assert.equal(await ranOf(setting), undefined);
  });

  commandTest("--if-running restart ends no process that does not really listen there", async (setting) => {
    const { port } = await served(setting, "web");
    const { code, stderr } = await runWith(setting, "web", "--if-running", "restart");
    assert.deepEqual([code, await ranOf(setting)], [1, undefined], stderr);
    assert.match(stderr, new RegExp(`^portd: Cannot verify pid 5001 .*: it has ended, .*portd inspect ${port}\n$`));
  });
}
