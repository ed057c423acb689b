/** `portd free` with a real daemon: real servers, clients, users, a terminal, and a pid that is another's now. */
import assert from "node:assert/strict";
import { openLibc } from "../../src/os/linux/libc.ts";
import { Procfs } from "../../src/os/linux/procfs.ts";
import { LinuxProcesses } from "../../src/process/linux/processes.ts";
import { openProcessHandle } from "../../src/terminate/open.ts";
import { call, liveLeases } from "../support/os/api.ts";
import { Installation } from "../support/os/installation.ts";
import { linesOf } from "../support/os/lines.ts";
import type { PidReuse } from "../support/os/pid_reuse.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";
import { ServedDaemon } from "../support/os/served_daemon.ts";
import { runTool } from "../support/os/tool.ts";
import { freePort, listen } from "../support/sockets.ts";

const NEEDS = [linux, tools("python3")];
/** A user who may read everything, this checkout and Deno among it, and signal nobody. */
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

/** A server whose descriptors its own user cannot see, as of programs that keep secrets. */
const SECRETIVE = `
import ctypes, os, socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
ctypes.CDLL(None).prctl(4, 0) # PR_SET_DUMPABLE
print(os.getpid(), flush=True)
while True: server.accept()
`;

/** A client of the port that, for another connection, has the port as its own number. */
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

/** Has a child that it does not take note of when it ends, and says so once it has. */
const NEGLECTFUL = `
import os, subprocess
child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
print("ended", flush=True)
input()
`;

/** Programs that a test starts; disposing of it ends them. */
class Programs implements AsyncDisposable {
  readonly #children: Deno.ChildProcess[] = [];
  readonly #cwd: string;

  /** @param cwd is the folder in which they run: of a project, its servers run in it. */
  constructor(cwd = Deno.cwd()) {
    this.#cwd = cwd;
  }

  /** Starts a program in Python. @returns it, and the lines that it writes. */
  python(code: string, ...args: readonly (string | number)[]) {
    return this.spawn(
      new Deno.Command("python3", {
        args: ["-c", code, ...args.map(String)],
        cwd: this.#cwd,
        stdin: "piped",
        stdout: "piped",
      }),
    );
  }

  /** Starts a command that pipes stdout. */
  spawn(command: Deno.Command) {
    const child = command.spawn();
    this.#children.push(child);
    return { child, lines: linesOf(child.stdout) };
  }

  /** Starts a server in Python. @returns its pid. */
  async serve(port: number, ...manners: readonly string[]): Promise<number> {
    const { value } = await this.python(SERVER, port, ...manners).lines.next();
    return Number(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      try {
        child.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended
      }
      await child.status;
    }
  }
}

/** Makes a copy of the packages for another user: Deno asks access(2) for them, which heeds no capability. */
async function copyPackages({ folder, env }: Installation): Promise<string> {
  await Deno.chmod(folder, 0o755);
  await Deno.mkdir(`${folder}/packages`);
  await runTool("cp", ["-r", `${env.DENO_DIR}/npm`, `${folder}/packages`]);
  return `${folder}/packages`;
}

/** Whether somebody takes connections there. */
async function isServed(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

osTest("portd free ends the server under portd run, and neither a client of the port nor one that bears its number", [
  ...NEEDS,
], async () => {
  await using installation = await Installation.create();
  await using daemon = await ServedDaemon.start(installation);
  await using programs = new Programs();
  const running = programs.spawn(
    installation.command(["run", "web", "--", "python3", "-c", SERVER, "{port}"], { stdin: "null", stderr: "null" }),
  );
  const pid = Number((await running.lines.next()).value);
  const { port } = (await liveLeases(daemon.url))[0]!;
  using other = listen();
  const client = programs.python(CLIENT, port, other.port);
  await client.lines.next();
  using namesake = await other.listener.accept();

  const { code, stdout, stderr } = await installation.portd(["free", String(port), "--yes"]);
  assert.deepEqual([code, stdout], [0, ""]);
  assert.match(stderr, new RegExp(`^pid ${pid} ended on TERM after \\d\\.\\d s\nreleased \\S+ \\(${port}/tcp\\)\n$`));
  assert.equal((await running.child.status).code, 128 + 15);
  assert.deepEqual(await liveLeases(daemon.url), []);
  assert.equal(await isServed(port), false);

  await client.child.stdin.close();
  const buffer = new Uint8Array(100);
  const length = await namesake.read(buffer);
  assert.equal(new TextDecoder().decode(buffer.subarray(0, length ?? 0)), "still here");
  assert.ok((await client.child.status).success);
});

osTest("portd free ends a server that ignores TERM", NEEDS, async () => {
  await using installation = await Installation.create();
  await using daemon = await ServedDaemon.start(installation);
  await using programs = new Programs(installation.work);
  const port = Number(await installation.answer(["lease", "web"]));
  const pid = await programs.serve(port, "stubborn");
  const args = ["free", String(port), "--yes", "--timeout", "100ms", "--json"];
  const { ended, released } = JSON.parse(await installation.answer(args));
  assert.deepEqual([ended[0].pid, ended[0].signal, ended.length, released.length], [pid, "KILL", 1, 1]);
  assert.equal(await isServed(port), false);
  assert.deepEqual(await liveLeases(daemon.url), []);
});

osTest("portd free never ends a stranger", NEEDS, async () => {
  await using installation = await Installation.create();
  await using daemon = await ServedDaemon.start(installation);
  await using programs = new Programs();
  const holder = programs.spawn(new Deno.Command("cat", { stdin: "piped", stdout: "piped" })).child.pid;
  const { body: lease } = await call(daemon.url, "POST", "/leases", { name: "web", pid: holder });
  using unleased = listen();
  const stranger = await programs.serve(Number(lease?.port), "apart");
  for (const [port, pid] of [[lease?.port, stranger], [unleased.port, Deno.pid]]) {
    const { code, stderr } = await installation.portd(["free", String(port), "--yes"]);
    assert.equal(code, 4, stderr);
    assert.match(stderr, new RegExp(`^portd: Cannot free port ${port}: pid ${pid} \\(.*to end it: kill ${pid}\n$`));
    assert.ok(await isServed(Number(port)));
  }
  assert.equal((await liveLeases(daemon.url)).length, 1);
});

osTest(
  "of two projects that want one port, portd free ends only the server of the one that has it",
  NEEDS,
  async () => {
    await using installation = await Installation.create();
    await using daemon = await ServedDaemon.start(installation);
    const wanted = freePort();
    const projects = ["shop", "blog"].map((name) => `${installation.work}/${name}`);
    const ports: number[] = [];
    for (const cwd of projects) {
      await Deno.mkdir(cwd);
      await Deno.writeTextFile(`${cwd}/portd.yaml`, `services: { web: { prefer: ${wanted} } }\n`);
      ports.push(Number(JSON.parse(await installation.answer(["env", "--format", "json"], { cwd })).WEB_PORT));
    }
    const [shop, blog] = projects as [string, string];
    const port = String(wanted);
    assert.deepEqual([ports[0], ports[1] === wanted], [wanted, false]);
    {
      await using others = new Programs(blog);
      const pid = await others.serve(wanted);
      const { code, stderr } = await installation.portd(["free", port, "--yes"], { cwd: shop });
      assert.equal(code, 4, stderr);
      assert.ok(stderr.includes(`runs in ${blog}, not in ${shop}`), stderr);
      const { stdout } = await installation.portd(["inspect", port]);
      assert.match(stdout, new RegExp(`not the holder's: pid ${pid} .* runs in ${blog}, not in ${shop}\n`));
      assert.ok(await isServed(wanted));
    }
    await using own = new Programs(shop);
    const pid = await own.serve(wanted);
    await using others = new Programs(blog);
    await others.serve(ports[1]!);
    const { ended } = JSON.parse(await installation.answer(["free", port, "--yes", "--json"], { cwd: shop }));
    assert.deepEqual(ended.map((each: { pid: number }) => each.pid), [pid]);
    assert.deepEqual([await isServed(wanted), await isServed(ports[1]!)], [false, true]);
    assert.deepEqual((await liveLeases(daemon.url)).map(({ name }) => name), ["blog/web"]);
  },
);

osTest("portd free of another user leaves a server of root alone and says whose it is", [
  ...NEEDS,
  root,
  tools("setpriv"),
], async () => {
  await using installation = await Installation.create();
  await using daemon = await ServedDaemon.start(installation);
  await using programs = new Programs(installation.work);
  const port = Number(await installation.answer(["lease", "web"]));
  const pid = await programs.serve(port);
  const env = { ...installation.env, PORTD_URL: daemon.url, DENO_DIR: await copyPackages(installation) };
  const options = { before: AS_NOBODY, env, stdin: "null" } as const;
  const denied = new RegExp(
    `^portd: Cannot end pid ${pid} \\(user root\\): only its own user and an administrator may;`,
  );
  // Without --yes too: it is refused before anything is asked.
  for (const args of [["free", String(port), "--yes"], ["free", String(port)]]) {
    const { code, stderr } = await installation.command(args, options).output();
    assert.equal(code, 6);
    assert.match(new TextDecoder().decode(stderr), denied);
  }
  assert.ok(await isServed(port));
  assert.equal((await liveLeases(daemon.url)).length, 1);
});

osTest("portd free ends all processes that share a socket", NEEDS, async () => {
  await using installation = await Installation.create();
  await using daemon = await ServedDaemon.start(installation);
  await using programs = new Programs(installation.work);
  const port = Number(await installation.answer(["lease", "web"]));
  const { lines } = programs.python(PREFORK, port);
  const pids: number[] = [];
  while (pids.length < 4) pids.push(Number((await lines.next()).value));
  const { ended } = JSON.parse(await installation.answer(["free", String(port), "--yes", "--json"]));
  const byNumber = (a: number, b: number) => a - b;
  assert.deepEqual(ended.map(({ pid }: { pid: number }) => pid).sort(byNumber), pids.sort(byNumber));
  assert.equal(await isServed(port), false);
  assert.deepEqual(await liveLeases(daemon.url), []);
});

osTest("portd free twice at once ends well twice", NEEDS, async () => {
  await using installation = await Installation.create();
  await using daemon = await ServedDaemon.start(installation);
  await using programs = new Programs(installation.work);
  for (let i = 0; i < 3; i++) {
    const port = Number(await installation.answer(["lease", "web"]));
    await programs.serve(port);
    const free = () => installation.portd(["free", String(port), "--yes"]);
    const outcomes = await Promise.all([free(), free()]);
    assert.deepEqual(outcomes.map(({ code }) => code), [0, 0], outcomes.map(({ stderr }) => stderr).join(""));
    assert.equal(await isServed(port), false);
    assert.deepEqual(await liveLeases(daemon.url), []);
  }
});

osTest("portd free ends no process whose sockets the user may not see", [
  ...NEEDS,
  root,
  tools("setpriv"),
], async () => {
  await using installation = await Installation.create();
  await using daemon = await ServedDaemon.start(installation);
  await using programs = new Programs(installation.work);
  const port = Number(await installation.answer(["lease", "web"]));
  const [setpriv, ...rights] = AS_NOBODY;
  const { lines } = programs.spawn(
    new Deno.Command(setpriv!, {
      args: [...rights, "python3", "-c", SECRETIVE, String(port)],
      cwd: installation.work,
      stdin: "null",
      stdout: "piped",
    }),
  );
  const pid = Number((await lines.next()).value);
  const env = { ...installation.env, PORTD_URL: daemon.url, DENO_DIR: await copyPackages(installation) };
  const options = { before: AS_NOBODY, env, stdin: "null" } as const;
  const { code, stderr } = await installation.command(["free", String(port), "--yes"], options).output();
  const text = new TextDecoder().decode(stderr);
  assert.equal(code, 6, text);
  assert.match(text, new RegExp(`^portd: Cannot verify pid ${pid} \\(.*: this user may not see its sockets; `));
  assert.ok(await isServed(port));
});

osTest("portd free asks at a terminal", NEEDS, async () => {
  await using installation = await Installation.create();
  await using daemon = await ServedDaemon.start(installation);
  await using programs = new Programs(installation.work);
  const port = Number(await installation.answer(["lease", "web"]));
  const pid = await programs.serve(port);
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
  assert.equal(await isServed(port), false);
  assert.deepEqual(await liveLeases(daemon.url), []);
});

osTest("a handle of a process never reaches the process that has its pid now", [
  linux,
  root,
  tools("unshare"),
], async () => {
  const program = new URL("../support/os/pid_reuse.ts", import.meta.url).pathname;
  const args = [
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    Deno.execPath(),
    "run",
    "--no-prompt",
    "-A",
    program,
  ];
  const { oldPid, newPid, ...outcome } = JSON.parse(await runTool("unshare", args)) as PidReuse;
  assert.equal(newPid, oldPid);
  assert.deepEqual(outcome, { wasOpened: false, hasEnded: true, newOneLives: true });
});

osTest("a process that its parent has not taken note of has ended", NEEDS, async () => {
  await using programs = new Programs();
  const { lines } = programs.python(NEGLECTFUL);
  const pid = Number((await lines.next()).value);
  const processes = new LinuxProcesses(new Procfs(openLibc()));
  const handle = openProcessHandle(processes.find(pid)!)!;
  assert.equal(handle.hasEnded(), false);
  handle.terminate();
  assert.equal((await lines.next()).value, "ended");
  assert.match(await Deno.readTextFile(`/proc/${pid}/stat`), /\) Z /);
  assert.equal(handle.hasEnded(), true);
  // Its sockets are closed: that they cannot be seen is no want of rights.
  assert.equal(await handle.listensOn({ protocol: "tcp", port: 1 }), false);
  handle.close();
});
