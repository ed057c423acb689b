/** `portd free` with a real daemon: real servers, clients, users and a terminal. */
import assert from "node:assert/strict";
import { call, liveLeases } from "../support/os/api.ts";
import { Installation } from "../support/os/installation.ts";
import { Programs } from "../support/os/programs.ts";
import { linux, osTest, type Requirement, root, tools } from "../support/os/requirement.ts";
import { ServedDaemon } from "../support/os/served_daemon.ts";
import { runTool } from "../support/os/tool.ts";
import { freePort, listen } from "../support/sockets.ts";

/** A user who may read everything, with this checkout and Deno, and may signal nobody. */
const AS_NOBODY = [
  "setpriv",
  "--reuid=65534",
  "--regid=65534",
  "--clear-groups",
  "--inh-caps=+dac_override",
  "--ambient-caps=+dac_override",
];

const SERVER = `
import os, signal, socket, sys
port, *manners = sys.argv[1:]
if "stubborn" in manners: signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "apart" in manners: os.setsid()
server = socket.create_server(("127.0.0.1", int(port)))
print(os.getpid(), flush=True)
clients = []
while True: clients.append(server.accept())
`;

/** Listens, and shares the socket with three children; each prints its pid and stays. */
const PREFORK = `
import os, socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
for _ in range(3):
  if os.fork() == 0: break
os.write(1, f"{os.getpid()}\\n".encode())
while True: server.accept()
`;

/** A server whose descriptors its own user cannot see, as some programs with secrets do it. */
const SECRETIVE = `
import ctypes, os, socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
ctypes.CDLL(None).prctl(4, 0) # PR_SET_DUMPABLE
print(os.getpid(), flush=True)
while True: server.accept()
`;

/** A client of the port that uses the same number as its own port for another connection. */
const CLIENT = `
import socket, sys
port, other = map(int, sys.argv[1:])
client = socket.create_connection(("127.0.0.1", port))
namesake = socket.socket()
namesake.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
namesake.bind(("127.0.0.2", port))
namesake.connect(("127.0.0.1", other))
print("connected", flush=True)
sys.stdin.read()
namesake.sendall(b"still here")
`;

/** Runs a command on a terminal of its own, answers its question, and prints what the terminal showed. */
const TERMINAL = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0: os.execvp(sys.argv[2], sys.argv[2:])
shown = b""
while b"[y/N]" not in shown: shown += os.read(terminal, 1024)
os.write(terminal, sys.argv[1].encode() + b"\\n")
try:
    while True: shown += os.read(terminal, 1024)
except OSError: pass
print(shown.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

/** Copies the packages for another user: Deno checks them with access(2), which ignores capabilities. */
async function copyPackages({ folder, env }: Installation): Promise<string> {
  await Deno.chmod(folder, 0o755);
  await Deno.mkdir(`${folder}/packages`);
  await runTool("cp", ["-r", `${env.DENO_DIR}/npm`, `${folder}/packages`]);
  return `${folder}/packages`;
}

/** Whether anybody accepts connections there. */
async function isServed(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

interface Setting {
  readonly installation: Installation;
  readonly daemon: ServedDaemon;
  /** They run in the folder for projects of the installation. */
  readonly programs: Programs;
  /** The port of a lease of the user, `work/web`. */
  readonly port: number;
}

/** Registers a test with a daemon that has granted a lease. */
function freeTest(name: string, needs: readonly Requirement[], fn: (setting: Setting) => Promise<void>): void {
  osTest(name, [linux, tools("python3"), ...needs], async () => {
    await using installation = await Installation.create();
    await using daemon = await ServedDaemon.start(installation);
    await using programs = new Programs(installation.work);
    const port = Number(await installation.answer(["lease", "web"]));
    await fn({ installation, daemon, programs, port });
  });
}

/** Starts a server in Python. @returns its pid. */
async function serve(programs: Programs, port: number, ...manners: readonly string[]): Promise<number> {
  return Number((await programs.python(SERVER, port, ...manners).lines.next()).value);
}

async function assertFreed({ url }: ServedDaemon, port: number): Promise<void> {
  assert.equal(await isServed(port), false);
  assert.deepEqual(await liveLeases(url), []);
}

freeTest("portd free ends the server under portd run, and no client of the port", [], async (setting) => {
  const { installation, daemon, programs, port } = setting;
  const command = ["run", "web", "--", "python3", "-c", SERVER, "{port}"];
  const running = programs.spawn(installation.command(command, { stdin: "null", stderr: "null" }));
  const pid = Number((await running.lines.next()).value);
  using other = listen();
  const client = programs.python(CLIENT, port, other.port);
  await client.lines.next();
  using namesake = await other.listener.accept();

  const { code, stdout, stderr } = await installation.portd(["free", String(port), "--yes"]);
  assert.deepEqual([code, stdout], [0, ""]);
  assert.match(stderr, new RegExp(`^pid ${pid} ended on TERM after \\d+\\.\\d s\nreleased \\S+ \\(${port}/tcp\\)\n$`));
  assert.equal((await running.child.status).code, 128 + 15);
  await assertFreed(daemon, port);

  await client.child.stdin.close();
  const buffer = new Uint8Array(100);
  const length = await namesake.read(buffer);
  assert.equal(new TextDecoder().decode(buffer.subarray(0, length ?? 0)), "still here");
  assert.ok((await client.child.status).success);
});

freeTest("portd free ends a server that ignores TERM", [], async ({ installation, daemon, programs, port }) => {
  const pid = await serve(programs, port, "stubborn");
  const args = ["free", String(port), "--yes", "--timeout", "100ms", "--json"];
  const { ended, released } = JSON.parse(await installation.answer(args));
  assert.deepEqual([ended[0].pid, ended[0].signal, ended.length, released.length], [pid, "KILL", 1, 1]);
  await assertFreed(daemon, port);
});

freeTest("portd free never ends a stranger", [], async ({ installation, daemon, programs }) => {
  await using strangers = new Programs(Deno.cwd());
  const holder = programs.spawn(new Deno.Command("cat", { stdin: "piped", stdout: "piped" })).child.pid;
  const { body: lease } = await call(daemon.url, "POST", "/leases", { name: "api", pid: holder });
  using unleased = listen();
  const stranger = await serve(strangers, Number(lease?.port), "apart");
  for (const [port, pid] of [[lease?.port, stranger], [unleased.port, Deno.pid]]) {
    const { code, stderr } = await installation.portd(["free", String(port), "--yes"]);
    assert.equal(code, 4, stderr);
    assert.match(stderr, new RegExp(`^portd: Cannot free port ${port}: pid ${pid} \\(.*to end it: kill ${pid}\n$`));
    assert.ok(await isServed(Number(port)));
  }
  assert.equal((await liveLeases(daemon.url)).length, 2);
});

freeTest(
  "of two projects that want one port, portd free ends only the server of the one that has it",
  [],
  async (setting) => {
    const { installation, daemon } = setting;
    const wanted = freePort();
    const [shop, blog] = [`${installation.work}/shop`, `${installation.work}/blog`];
    const ports: number[] = [];
    for (const cwd of [shop, blog]) {
      await Deno.mkdir(cwd);
      await Deno.writeTextFile(`${cwd}/portd.yaml`, `services: { web: { prefer: ${wanted} } }\n`);
      ports.push(Number(JSON.parse(await installation.answer(["env", "--format", "json"], { cwd })).WEB_PORT));
    }
    const port = String(wanted);
    assert.deepEqual([ports[0], ports[1] === wanted], [wanted, false]);
    {
      await using others = new Programs(blog);
      const pid = await serve(others, wanted);
      const { code, stderr } = await installation.portd(["free", port, "--yes"], { cwd: shop });
      assert.equal(code, 4, stderr);
      assert.ok(stderr.includes(`runs in ${blog}, not in ${shop}`), stderr);
      const { stdout } = await installation.portd(["inspect", port]);
      assert.match(stdout, new RegExp(`not the holder's: pid ${pid} .* runs in ${blog}, not in ${shop}\n`));
      assert.ok(await isServed(wanted));
    }
    await using own = new Programs(shop);
    const pid = await serve(own, wanted);
    await using others = new Programs(blog);
    await serve(others, ports[1]!);
    const { ended } = JSON.parse(await installation.answer(["free", port, "--yes", "--json"], { cwd: shop }));
    assert.deepEqual(ended.map((each: { pid: number }) => each.pid), [pid]);
    assert.deepEqual([await isServed(wanted), await isServed(ports[1]!)], [false, true]);
    assert.deepEqual((await liveLeases(daemon.url)).map(({ name }) => name).sort(), ["blog/web", "work/web"]);
  },
);

/** Runs `portd ARGS` as {@linkcode AS_NOBODY}, which fails with exit code 6. @returns what it wrote to stderr. */
async function deniedToNobody({ installation, daemon }: Setting, args: readonly string[]): Promise<string> {
  const env = { ...installation.env, PORTD_URL: daemon.url, DENO_DIR: await copyPackages(installation) };
  const { code, stderr } = await installation.command(args, { before: AS_NOBODY, env, stdin: "null" }).output();
  const text = new TextDecoder().decode(stderr);
  assert.equal(code, 6, text);
  return text;
}

freeTest("portd free of another user leaves a server of root alone and says whose it is", [
  root,
  tools("setpriv"),
], async (setting) => {
  const { daemon, programs, port } = setting;
  const pid = await serve(programs, port);
  const denied = new RegExp(
    `^portd: Cannot end pid ${pid} \\(user root\\): only its own user and an administrator may;`,
  );
  // It is refused before any question.
  assert.match(await deniedToNobody(setting, ["free", String(port)]), denied);
  assert.ok(await isServed(port));
  assert.equal((await liveLeases(daemon.url)).length, 1);
});

freeTest("portd free --force of another user's server has the command that ends it", [
  root,
  tools("setpriv"),
], async (setting) => {
  const port = freePort();
  await serve(setting.programs, port);
  const denied = new RegExp(
    `^portd: Cannot free port ${port}: a process of user root .*: sudo portd free ${port} --force\n$`,
  );
  assert.match(await deniedToNobody(setting, ["free", String(port), "--force"]), denied);
  assert.ok(await isServed(port));
});

freeTest("portd free ends no process whose sockets the user may not see", [root, tools("setpriv")], async (setting) => {
  const { installation, programs, port } = setting;
  const [setpriv, ...rights] = AS_NOBODY;
  const args = [...rights, "python3", "-c", SECRETIVE, String(port)];
  const { lines } = programs.spawn(
    new Deno.Command(setpriv!, { args, cwd: installation.work, stdin: "null", stdout: "piped" }),
  );
  const pid = Number((await lines.next()).value);
  const denied = new RegExp(`^portd: Cannot verify pid ${pid} \\(.*: this user may not see its sockets; `);
  assert.match(await deniedToNobody(setting, ["free", String(port), "--yes"]), denied);
  assert.ok(await isServed(port));
});

freeTest("portd free ends all processes that share a socket", [], async ({ installation, daemon, programs, port }) => {
  const { lines } = programs.python(PREFORK, port);
  const pids: number[] = [];
  while (pids.length < 4) pids.push(Number((await lines.next()).value));
  const { ended } = JSON.parse(await installation.answer(["free", String(port), "--yes", "--json"]));
  const byNumber = (a: number, b: number) => a - b;
  assert.deepEqual(ended.map(({ pid }: { pid: number }) => pid).sort(byNumber), pids.sort(byNumber));
  await assertFreed(daemon, port);
});

freeTest("portd free twice at once ends well twice", [], async ({ installation, daemon, programs, port }) => {
  for (let i = 0; i < 3; i++) {
    if (i > 0) assert.equal(Number(await installation.answer(["lease", "web"])), port);
    await serve(programs, port);
    const free = () => installation.portd(["free", String(port), "--yes"]);
    const outcomes = await Promise.all([free(), free()]);
    assert.deepEqual(outcomes.map(({ code }) => code), [0, 0], outcomes.map(({ stderr }) => stderr).join(""));
    await assertFreed(daemon, port);
  }
});

freeTest("portd free asks at a terminal", [], async ({ installation, daemon, programs, port }) => {
  const pid = await serve(programs, port);
  const ask = async (answer: string) => {
    const before = ["python3", "-c", TERMINAL, answer];
    const { code, stdout } = await installation.command(["free", String(port)], { before, stdin: "null" }).output();
    return { code, shown: new TextDecoder().decode(stdout) };
  };
  const refused = await ask("n");
  assert.equal(refused.code, 1);
  assert.match(refused.shown, new RegExp(`listens pid ${pid} \\(\\S*python3 .*, in `));
  assert.match(refused.shown, /End it and release "\S+\/web"\? \[y\/N\] n\r\nnothing was done\r\n/);
  assert.ok(await isServed(port));
  const { code, shown } = await ask("y");
  assert.equal(code, 0, shown);
  assert.match(shown, new RegExp(`pid ${pid} ended on TERM after`));
  await assertFreed(daemon, port);
});
