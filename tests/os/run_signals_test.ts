/** What becomes of the processes and the lease of `portd run` without a terminal when a signal ends it. */
import assert from "node:assert/strict";
import { openLibc } from "../../src/os/linux/libc.ts";
import { Procfs } from "../../src/os/linux/procfs.ts";
import { LinuxProcesses } from "../../src/process/linux/processes.ts";
import { liveLeases } from "../support/os/api.ts";
import { Installation } from "../support/os/installation.ts";
import { makeProject } from "../support/os/project.ts";
import { linux, osTest, tools } from "../support/os/requirement.ts";
import { commandsOf, isListening, killCommandsOf, listens, Run, untilAll, untilLookedAt } from "../support/os/runs.ts";

const NEEDS = [linux, tools("setsid", "python3")];
/** Not that of other tests, which run at the same time and hold the same names. */
const POOL = "30000-31999";
const CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

const SERVER = "python3 -m http.server $PORT";
/** Node, npm and a shell in front of the server. */
const NPM_PROJECT = { "package.json": JSON.stringify({ name: "shop", scripts: { dev: `${SERVER}; true` } }) };

/** Forks twice, begins a session of its own in between and listens; the command itself goes on, and ends on a signal. */
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
    time.sleep(300)
    os._exit(0)
time.sleep(300)
`;

/** An installation in which leases and holders are looked at often, and a shop in it. */
async function setUp(files: Readonly<Record<string, string>> = {}) {
  const installation = await Installation.create({
    env: { PORTD_WATCH_MS: "50", PORTD_PROCESS_GRACE_MS: "0", PORTD_POOL: POOL },
  });
  const cwd = await makeProject(installation, "shop", files);
  await installation.answer(["serve", "--detach"]);
  return { installation, cwd };
}

interface Server {
  readonly run: Run;
  readonly port: number;
  readonly pid: number;
}

async function withServer(
  { files = {}, ...options }: {
    readonly files?: Readonly<Record<string, string>>;
    readonly command: readonly string[];
    readonly flags?: readonly string[];
  },
  test: (server: Server, setting: { readonly installation: Installation; readonly cwd: string }) => Promise<void>,
): Promise<void> {
  const setting = await setUp(files);
  const { installation, cwd } = setting;
  try {
    const run = Run.start(installation, { cwd, ...options });
    const [lease] = await untilAll(installation, ["shop/web"], isListening);
    const { port, listener } = lease!;
    await test({ run, port, pid: listener!.pid! }, setting);
  } finally {
    killCommandsOf(installation);
    await installation[Symbol.asyncDispose]();
  }
}

async function assertAllEnded({ port }: Server, installation: Installation): Promise<void> {
  assert.deepEqual(commandsOf(installation), []);
  assert.equal(await listens(port), false);
  assert.equal(JSON.parse(await installation.answer(["ls", "--json"])).leases.length, 0);
}

for (const [signal, code] of Object.entries(CODES) as [keyof typeof CODES, number][]) {
  osTest(
    `${signal} ends a server behind a shell, gives the lease back, and the next start has the port again`,
    NEEDS,
    () =>
      withServer({ command: ["sh", "-c", `${SERVER}; true`] }, async (server, { installation, cwd }) => {
        server.run.signal(signal);
        assert.equal(await server.run.code(), code);
        await assertAllEnded(server, installation);
        const again = Run.start(installation, { cwd, command: ["sh", "-c", SERVER] });
        const [lease] = await untilAll(installation, ["shop/web"], isListening);
        assert.equal(lease?.port, server.port);
        again.signal(signal);
        await again.code();
        await assertAllEnded(server, installation);
      }),
  );

  osTest(
    `${signal} ends a server behind npm run dev`,
    [...NEEDS, tools("npm")],
    () =>
      withServer({ files: NPM_PROJECT, command: ["npm", "run", "dev"] }, async (server, { installation }) => {
        server.run.signal(signal);
        await server.run.code();
        await assertAllEnded(server, installation);
      }),
  );
}

osTest(
  "a daemon that forks twice is named, left alone and keeps the lease, until portd free ends both",
  NEEDS,
  () =>
    withServer(
      { files: { "daemon.py": DAEMON }, command: ["python3", "daemon.py"] },
      async ({ run, port, pid }, { installation, cwd }) => {
        run.signal("SIGTERM");
        assert.equal(await run.code(), 143);
        assert.match(
          await run.stderr(),
          new RegExp(
            `^portd: pid ${pid} \\(\\S*python3 daemon\\.py\\) still listens on shop/web \\(${port}/tcp\\); its lease is kept`,
          ),
        );
        const second = await installation.portd(["run", "web", "--", "true"], { cwd });
        assert.equal(second.code, 4);
        assert.match(
          second.stderr,
          new RegExp(`leased on port ${port}; process ${pid} \\(\\S*python3 daemon\\.py\\) uses it`),
        );
        await installation.answer(["free", String(port), "--yes"], { cwd });
        assert.equal(await listens(port), false);
        const [, found = ""] =
          /port (\d+)/.exec(await installation.answer(["run", "web", "--", "echo", "port {port}"], { cwd })) ??
            [];
        assert.equal(Number(found), port);
      },
    ),
);

osTest(
  "a portd run that is killed leaves the lease to its server, and a second start says on which port that runs",
  NEEDS,
  () =>
    withServer({ command: ["sh", "-c", `${SERVER}; true`] }, async ({ run, port, pid }, { installation, cwd }) => {
      run.signal("SIGKILL");
      await run.code();
      await untilLookedAt(installation);
      const [kept] = await liveLeases(`${(await installation.daemon()).url}/v1`);
      assert.deepEqual([kept?.port, kept?.state, kept?.listener?.pid], [port, "listening", pid]);
      const second = await installation.portd(["run", "web", "--", "true"], { cwd });
      assert.equal(second.code, 4);
      assert.match(second.stderr, new RegExp(`leased on port ${port}`));
    }),
);

osTest("at a terminal the command stays in the group of the job, and Ctrl-C ends it and the server behind a shell", [
  ...NEEDS,
  tools("script"),
], async () => {
  const { installation, cwd } = await setUp({ "serve.sh": `${SERVER}; true` });
  try {
    // script(1) makes a terminal; its own stdin is the keyboard.
    const before = ["sh", "-c", 'exec script -qec "$*" /dev/null', "sh"];
    const terminal = installation.command(["run", "web", "--", "sh", "serve.sh"], { before, cwd, stdin: "piped" })
      .spawn();
    const output = new Response(terminal.stdout as ReadableStream<Uint8Array<ArrayBuffer>>).text();
    const [lease] = await untilAll(installation, ["shop/web"], isListening);
    const processes = new LinuxProcesses(new Procfs(openLibc()));
    const [wrapper, server] = [lease?.holder.pid, lease?.listener?.pid].map((pid) => processes.find(pid!));
    assert.equal(server?.processGroup, wrapper?.processGroup);
    const keyboard = terminal.stdin.getWriter();
    await keyboard.write(new TextEncoder().encode("\x03"));
    const { code } = await terminal.status;
    await keyboard.close();
    assert.equal(code, 130, await output);
    assert.deepEqual(commandsOf(installation), []);
    assert.equal(await listens(lease!.port), false);
    await terminal.stderr.cancel();
  } finally {
    killCommandsOf(installation);
    await installation[Symbol.asyncDispose]();
  }
});
