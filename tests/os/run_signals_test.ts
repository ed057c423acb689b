/** What happens to the processes and the lease of `portd run` without a terminal when a signal ends it. */
import assert from "node:assert/strict";
import { openLinuxProcesses } from "../support/linux_only.ts";
import { liveLeases } from "../support/os/api.ts";
import { Installation } from "../support/os/installation.ts";
import { makeProject } from "../support/os/project.ts";
import { linux, osTest, tools } from "../support/os/requirement.ts";
import { commandsOf, isListening, killCommandsOf, listens, Run, untilAll, untilLookedAt } from "../support/os/runs.ts";

const NEEDS = [linux, tools("setsid", "python3")];
const CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

const SERVER = "python3 -m http.server $PORT";
/** A shell that stays in front of the server. */
const BEHIND_SHELL = ["sh", "-c", `${SERVER}; true`];

/** Forks twice with a new session in between, and listens; the command itself goes on until a signal ends it. */
const DAEMON = `
import os, socket, time
if os.fork() == 0:
    os.setsid()
    if os.fork() > 0: os._exit(0)
    for stream in range(3): os.dup2(os.open(os.devnull, os.O_RDWR), stream)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(os.environ["PORT"])))
    listener.listen()
    time.sleep(3600)
    os._exit(0)
time.sleep(3600)
`;

/** An installation whose daemon runs and looks often at leases and holders, with a project `shop`. */
class Shop implements AsyncDisposable {
  readonly installation: Installation;
  readonly cwd: string;

  private constructor(installation: Installation, cwd: string) {
    this.installation = installation;
    this.cwd = cwd;
  }

  static async open(files: Readonly<Record<string, string>> = {}): Promise<Shop> {
    const installation = await Installation.create({ env: { PORTD_WATCH_MS: "50", PORTD_PROCESS_GRACE_MS: "0" } });
    const cwd = await makeProject(installation, "shop", files);
    await installation.answer(["serve", "--detach"]);
    return new Shop(installation, cwd);
  }

  /** Starts a server under `portd run` and waits until it listens. @returns its port and pid with the run. */
  async serve(command: readonly string[]) {
    const run = Run.start(this.installation, { cwd: this.cwd, command });
    const { port, pid } = await this.listener();
    return { run, port, pid };
  }

  /** Waits until a server of the project listens. */
  async listener(): Promise<{ readonly port: number; readonly pid: number; readonly holder: number }> {
    const [lease] = await untilAll(this.installation, ["shop/web"], isListening);
    return { port: lease!.port, pid: lease!.listener!.pid!, holder: lease!.holder.pid! };
  }

  async leases() {
    return await liveLeases(`${(await this.installation.daemon()).url}/v1`);
  }

  async assertAllEnded(port: number): Promise<void> {
    assert.deepEqual(commandsOf(this.installation), []);
    assert.equal(await listens(port), false);
    assert.deepEqual(await this.leases(), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    killCommandsOf(this.installation);
    await this.installation[Symbol.asyncDispose]();
  }
}

for (const [signal, code] of Object.entries(CODES) as [keyof typeof CODES, number][]) {
  osTest(
    `${signal} ends a server behind a shell and releases the lease; the next start has the port again`,
    NEEDS,
    async () => {
      await using shop = await Shop.open();
      const { run, port } = await shop.serve(BEHIND_SHELL);
      run.signal(signal);
      assert.equal(await run.code(), code);
      await shop.assertAllEnded(port);
      const again = await shop.serve(["sh", "-c", SERVER]);
      assert.equal(again.port, port);
      again.run.signal(signal);
      await again.run.code();
      await shop.assertAllEnded(port);
    },
  );
}

osTest(
  "a daemon that forks twice is named, left alone and keeps the lease, until portd free ends both",
  NEEDS,
  async () => {
    await using shop = await Shop.open({ "daemon.py": DAEMON });
    const { installation, cwd } = shop;
    const { run, port, pid } = await shop.serve(["python3", "daemon.py"]);
    run.signal("SIGTERM");
    assert.equal(await run.code(), 143);
    const name = `\\(\\S*python3 daemon\\.py\\)`;
    assert.match(
      await run.stderr(),
      new RegExp(`^portd: pid ${pid} ${name} still listens on shop/web \\(${port}/tcp\\); its lease is kept`),
    );
    const second = await installation.portd(["run", "web", "--", "true"], { cwd });
    assert.equal(second.code, 4);
    assert.match(
      second.stderr,
      new RegExp(`shop/web \\(${port}/tcp\\) listens already at http://localhost:${port}, by pid ${pid} `),
    );
    await installation.answer(["free", String(port), "--yes"], { cwd });
    assert.equal(await listens(port), false);
    assert.equal(await installation.answer(["run", "web", "--", "echo", "port {port}"], { cwd }), `port ${port}\n`);
  },
);

osTest(
  "a portd run that is killed leaves the lease to its server, also over a restart of the daemon",
  NEEDS,
  async () => {
    await using shop = await Shop.open();
    const { installation } = shop;
    const { run, port, pid } = await shop.serve(BEHIND_SHELL);
    const assertKept = async () => {
      await untilLookedAt(installation);
      const [kept] = await shop.leases();
      assert.deepEqual([kept?.port, kept?.state, kept?.expiresAt, kept?.listener?.pid], [port, "listening", null, pid]);
    };
    run.signal("SIGKILL");
    await run.code();
    await assertKept();
    await installation.killDaemon();
    await installation.answer(["serve", "--detach"]);
    await assertKept();
    await installation.answer(["free", String(port), "--yes"]);
    await run.stderr(); // all that had it has ended
    await shop.assertAllEnded(port);
    assert.equal((await shop.serve(BEHIND_SHELL)).port, port);
  },
);

osTest("at a terminal the command stays in the group of the job, and Ctrl-C ends it and the server behind a shell", [
  ...NEEDS,
  tools("script"),
], async () => {
  await using shop = await Shop.open({ "serve.sh": `${SERVER}; true` });
  const { installation, cwd } = shop;
  // script(1) makes a terminal; its own stdin is the keyboard.
  const before = ["sh", "-c", 'exec script -qec "$*" /dev/null', "sh"];
  const terminal = installation.command(["run", "web", "--", "sh", "serve.sh"], { before, cwd, stdin: "piped" })
    .spawn();
  const output = new Response(terminal.stdout as ReadableStream<Uint8Array<ArrayBuffer>>).text();
  const { port, pid, holder } = await shop.listener();
  const processes = openLinuxProcesses();
  assert.equal(processes.find(pid)?.processGroup, processes.find(holder)?.processGroup);
  const keyboard = terminal.stdin.getWriter();
  await keyboard.write(new TextEncoder().encode("\x03"));
  const { code } = await terminal.status;
  await keyboard.close();
  assert.equal(code, 130, await output);
  assert.deepEqual(commandsOf(installation), []);
  assert.equal(await listens(port), false);
  await terminal.stderr.cancel();
});
