/** `portd free --force`: real processes that listen for no lease, which a fake daemon sees too. */
import assert from "node:assert/strict";
import { endCommand } from "../../../src/cli/free/caller.ts";
import { openLibc } from "../../../src/os/linux/libc.ts";
import { Procfs } from "../../../src/os/linux/procfs.ts";
import { LinuxProcesses } from "../../../src/process/linux/processes.ts";
import { checkFailure, commandTest, type Setting } from "../../support/command_setting.ts";
import { Child } from "../../support/processes.ts";
import { PORT_SOCKET } from "../../support/wire.ts";

interface Stranger extends AsyncDisposable, Pick<Child, "pid" | "status"> {
  readonly port: number;
}

type ForceSetting = Setting & { readonly stranger: Stranger; readonly port: number; readonly pid: number };

async function startServer(): Promise<Stranger> {
  const child = await Child.run(`const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    console.log(server.addr.port); for await (const client of server) client.close();`);
  const { pid, status } = child;
  return { pid, status, port: Number(child.line), [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}

function processOf(pid: number) {
  return new LinuxProcesses(new Procfs(openLibc())).find(pid)!;
}

/** A real process listens on the daemon's machine too. */
function see({ machine }: Setting["daemon"], port: number, pid: number): void {
  machine.start(pid, { ...processOf(pid), cwd: "/blog", parentPid: null });
  machine.listen({ protocol: "tcp", port }, { pid, address: "127.0.0.1" });
}

/** Declares a test with a server that listens for no lease. Tests that end processes know them by Linux's evidence. */
function forceTest(name: string, run: (setting: ForceSetting) => Promise<void>): void {
  if (Deno.build.os !== "linux") return;
  commandTest(name, async (setting) => {
    await using stranger = await startServer();
    const { port, pid } = stranger;
    see(setting.daemon, port, pid);
    await run({ ...setting, stranger, port, pid });
  });
}

async function isServed(port: number): Promise<boolean> {
  using connection = await Deno.connect({ port });
  return await connection.read(new Uint8Array(1)) === null;
}

forceTest("portd free --force shows a stranger and ends it when yes is typed in full", async (setting) => {
  const { daemon, run, stranger, port, pid } = setting;
  const { code, stdout, stderr } = await run(["free", `${port}`, "--force"], { typed: ["yes\n"] });
  assert.deepEqual([code, stdout], [0, ""], stderr);
  const question = 'End it, though it does not listen for a lease\\? Type "yes" to do it: ';
  assert.match(stderr, new RegExp(`^listens pid ${pid} \\(.*\\)\n${question}pid ${pid} ended on TERM after `));
  assert.equal((await stranger.status).signal, "SIGTERM");
  assert.deepEqual(daemon.leases, []);
});

forceTest("portd free --force ends nothing for less than a yes, and never for --yes alone", async (setting) => {
  const { run, port, pid } = setting;
  for (const typed of [["y\n"], ["\n"], ["no\n"], []]) {
    for (const flags of [[], ["--yes"]]) {
      await checkFailure(run(["free", `${port}`, "--force", ...flags], { typed }), 1, /nothing was done\n$/);
    }
  }
  const command = `portd free ${port} --force --yes --pid ${pid}`;
  for (const flags of [[], ["--yes"], ["--pid", `${pid}`]]) {
    const refusal = new RegExp(`stdin is no terminal; name what is to be ended: ${command}\n$`);
    await checkFailure(run(["free", `${port}`, "--force", ...flags]), 2, refusal);
  }
  assert.ok(await isServed(port));
});

forceTest("portd free --force --yes --pid ends without a question, and only that process", async (setting) => {
  const { run, stranger, port, pid } = setting;
  const force = ["free", `${port}`, "--force", "--yes", "--json"];
  await checkFailure(run([...force, "--pid", `${Deno.pid}`]), 4, /listens there too; nothing was ended/);
  await checkFailure(run([...force, "--pid", `${pid},${Deno.pid}`]), 4, /does not listen there; nothing was ended/);
  assert.ok(await isServed(port));
  const { code, stdout, stderr } = await run([...force, "--pid", `${pid}`]);
  assert.deepEqual([code, stderr], [0, ""]);
  const { command } = { command: JSON.parse(stdout).ended[0].command };
  assert.deepEqual(JSON.parse(stdout), { port, ended: [{ pid, command, signal: "TERM" }], released: [] });
  assert.equal((await stranger.status).signal, "SIGTERM");
  await checkFailure(run(["free", `${port}`, "--pid", "1"]), 2, /Cannot use --pid without --force/);
});

forceTest("portd free --force ends a stranger on a leased port, and the lease stays", async (setting) => {
  const { daemon, run, stranger, port } = setting;
  daemon.machine.stopListening(port);
  const holder = { id: "cli:/shop", cwd: "/shop" };
  const lease = await daemon.grant({ name: "web", project: "shop", port, holder, lifetime: { kind: "pinned" } });
  see(daemon, port, stranger.pid);
  await checkFailure(run(["free", `${port}`, "--yes"]), 4, /does not belong to the holder of shop\/web/);
  const { code, stderr } = await run(["free", `${port}`, "--force"], { typed: ["yes\n"] });
  assert.equal(code, 0, stderr);
  assert.match(stderr, new RegExp(`^leased {2}shop/web \\(${port}/tcp\\), by cli:/shop; the lease stays$`, "m"));
  assert.equal((await stranger.status).signal, "SIGTERM");
  assert.equal(daemon.leases[0]!.id, lease.id);
  assert.notEqual(daemon.leases[0]!.state, "released");
});

forceTest(
  "portd free --force ends when the daemon has seen the end, and says that the lease stays",
  async (setting) => {
    const { daemon, run, stranger, port } = setting;
    daemon.machine.stopListening(port);
    const holder = { id: "cli:/shop", cwd: "/shop" };
    const lease = await daemon.grant({ name: "web", project: "shop", port, holder, lifetime: { kind: "pinned" } });
    see(daemon, port, stranger.pid);
    await daemon.look();
    assert.equal(daemon.leases[0]!.state, "conflict");
    const looking = daemon.whenAsked(`/v1/leases/${lease.id}`).then(() => {
      daemon.machine.stopListening(port);
      return daemon.look();
    });
    const { code, stderr } = await run(["free", `${port}`, "--force"], { typed: ["yes\n"] });
    assert.deepEqual([code, daemon.leases[0]!.state], [0, "granted"], stderr);
    await looking;
    assert.match(stderr, new RegExp(`\nshop/web \\(${port}/tcp\\) stays leased\n$`));
  },
);

forceTest("portd free --force ends no other process than those that really listen there", async (setting) => {
  const { daemon, run, stranger, port } = setting;
  await using other = await startServer();
  see(daemon, port + 1 === other.port ? port : other.port, stranger.pid); // the daemon is wrong about that port
  const { code, stderr } = await run(["free", `${other.port}`, "--force", "--yes", "--pid", `${stranger.pid}`]);
  assert.equal(code, 4, stderr);
  assert.ok(await isServed(port));
  assert.ok(await isServed(other.port));
});

forceTest("portd free --force does not end portd itself", async ({ daemon, run }) => {
  const port = Number(new URL(daemon.url).port);
  see(daemon, port, Deno.pid);
  const { code, stderr } = await run(["free", `${port}`, "--force", "--yes", "--pid", `${Deno.pid}`]);
  assert.deepEqual([code, stderr], [
    1,
    `portd: Cannot free port ${port}: portd itself listens there; stop it with: portd stop\n`,
  ]);
});

Deno.test("the command that ends a stranger takes sudo where another user's rights are needed", () => {
  const user = { isRoot: false, os: "linux" } as const;
  const of = (name: string | null) => ({
    ...PORT_SOCKET,
    localPort: 5432,
    process: { ...PORT_SOCKET.process!, user: name },
  });
  assert.equal(endCommand(of("postgres"), user), "sudo kill 4711");
  assert.equal(endCommand(of("postgres"), { ...user, isRoot: true }), "kill 4711");
  assert.equal(endCommand({ ...of(null), user: null }, user), "kill 4711");
  assert.equal(endCommand(of("postgres"), { ...user, os: "windows" }), "taskkill /F /PID 4711");
  const hidden = { ...PORT_SOCKET, localPort: 5432, pid: null, process: null, user: "postgres" };
  assert.equal(endCommand(hidden, user), "sudo portd free 5432 --force");
  assert.equal(endCommand(hidden, { ...user, isRoot: true }), undefined);
  assert.equal(endCommand({ ...PORT_SOCKET, pid: 1 }, user), undefined);
  if (Deno.build.os === "linux") assert.equal(endCommand(of(processOf(Deno.pid).user), user), "kill 4711");
});

commandTest("portd free of a process that the daemon cannot see names its user and the command", async (setting) => {
  const { daemon, run } = setting;
  daemon.machine.userNames.set(1000, "post\x1bgres");
  daemon.machine.listen({ protocol: "tcp", port: 5432 }, { pid: [] });
  const { code, stderr } = await run(["free", "5432", "--yes"]);
  assert.deepEqual([code, stderr], [
    4,
    "portd: Cannot free port 5432: a process of user post\\x1bgres that the daemon cannot see listens there without a " +
    "lease; portd ends only what listens for a lease, unless --force is given; to end it: sudo portd free 5432 --force\n",
  ]);
  assert.match((await run(["inspect", "5432"])).stdout, /a process of user post\\x1bgres that portd cannot see/);
  assert.match((await run(["ps"])).stdout, / \(of user post\\x1bgres\) /);
});
