/** `portd free` inside this process: real processes that listen, a fake daemon that tells of them. */
import assert from "node:assert/strict";
import type { Lease, PortSocket, Protocol } from "../../src/client/client.ts";
import { openLibc } from "../../src/os/linux/libc.ts";
import { Procfs } from "../../src/os/linux/procfs.ts";
import { LinuxProcesses } from "../../src/process/linux/processes.ts";
import { openProcessHandle } from "../../src/terminate/open.ts";
import { commandTest, ok, type Setting } from "../support/command_setting.ts";
import { freePort } from "../support/sockets.ts";
import { DESCRIPTION } from "../support/wire.ts";

/** A process that listens; disposing of it ends it. */
class Server implements AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  readonly status: Promise<Deno.CommandStatus>;
  readonly #process: Deno.ChildProcess;

  private constructor(process: Deno.ChildProcess, port: number) {
    this.port = port;
    this.pid = process.pid;
    this.status = process.status;
    this.#process = process;
  }

  /** Starts one; `program` stands for Deno, `words` behind its script. */
  static async start({ code = "", port = 0, program = Deno.execPath(), words = [] as string[] } = {}): Promise<Server> {
    const script = `const server = Deno.listen({ hostname: "127.0.0.1", port: ${port}, reusePort: true });
      ${code}; console.log(server.addr.port); for await (const client of server) client.close();`;
    const file = await Deno.makeTempFile({ suffix: ".js" });
    await Deno.writeTextFile(file, script);
    const args = ["run", "--no-config", "--no-lock", "--unstable-net", "-A", file, ...words];
    const process = new Deno.Command(program, { args, stdin: "null", stdout: "piped" }).spawn();
    const reader = process.stdout.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    await Deno.remove(file);
    return new Server(process, Number(new TextDecoder().decode(value)));
  }

  /** What our own look tells of it, as free shows it. */
  get text(): string {
    const { command, user, cwd } = processes().find(this.pid)!;
    return `pid ${this.pid} (${
      command!.length > 200 ? `${command!.slice(0, 199)}…` : command
    }, user ${user}, in ${cwd})`;
  }

  /** Ends it, and returns when the last of its threads has ended: the first may be gone before. */
  endNow(): void {
    const handle = openProcessHandle(processes().find(this.pid)!)!;
    this.#process.kill("SIGKILL");
    while (!handle.hasEnded());
    handle.close();
  }

  /** Whether it still answers. */
  async isWell(): Promise<boolean> {
    using connection = await Deno.connect({ port: this.port });
    return await connection.read(new Uint8Array(1)) === null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended: the command has ended it
    }
    await this.status;
  }
}

function processes(): LinuxProcesses {
  return new LinuxProcesses(new Procfs(openLibc()));
}

/** What the daemon says of a socket; `describe` fills in the port. */
function socketOf(pid: number, part: Partial<PortSocket> = {}): PortSocket {
  const process = processes().find(pid);
  return {
    protocol: "tcp",
    family: 4,
    localAddress: "127.0.0.1",
    localPort: 0,
    remoteAddress: "0.0.0.0",
    remotePort: 0,
    state: "LISTEN",
    pid,
    process: { command: "node server.js", cwd: "/home/me/shop", user: "me" },
    lease: null,
    ofHolder: true,
    startTime: process?.startTime ?? null,
    startedAt: null,
    bootId: process?.bootId ?? null,
    reason: null,
    ancestors: [],
    forwarder: null,
    ...part,
  };
}

/** Makes the daemon tell of a port: its live leases, and of sockets only those whose process runs. */
function describe(daemon: Setting["daemon"], port: number, sockets: readonly PortSocket[]): void {
  const known = processes();
  const isThere = ({ pid }: PortSocket) => pid === null || pid === 1 || known.find(pid) !== undefined;
  daemon.ports.set(port, () => descriptionOf(daemon, port, sockets.filter(isThere)));
}

function descriptionOf(daemon: Setting["daemon"], port: number, sockets: readonly PortSocket[]) {
  return {
    ...DESCRIPTION,
    port,
    leases: [...daemon.leases.values()].filter((lease) => lease.port === port && lease.endedAt === null),
    listeners: sockets.map((socket) => ({ ...socket, localPort: port })),
    connections: [],
  };
}

/** Makes the daemon's answers about a port differ: `change` is called with the number of the look, from 1 on. */
function atLook(daemon: Setting["daemon"], port: number, change: (look: number) => readonly PortSocket[] | undefined) {
  const before = daemon.ports.get(port)!;
  let looks = 0;
  daemon.ports.set(port, () => {
    const sockets = change(++looks);
    return sockets === undefined ? before() : descriptionOf(daemon, port, sockets);
  });
}

function grant(daemon: Setting["daemon"], port: number, protocols: readonly Protocol[] = ["tcp"], name = "web"): Lease {
  return daemon.grant({ name, project: "shop", port, protocols, holder: { id: "cli:/home/me/shop" } });
}

/** Tests that end processes know them by Linux's evidence. */
function freeTest(name: string, run: (setting: Setting) => Promise<void>): void {
  if (Deno.build.os === "linux") commandTest(name, run);
}

freeTest("portd free ends the listener with TERM and releases the lease", async ({ daemon, run }) => {
  await using server = await Server.start();
  const lease = grant(daemon, server.port);
  // Two sockets of one process are one process to be ended.
  describe(daemon, server.port, [socketOf(server.pid), socketOf(server.pid, { family: 6, localAddress: "::1" })]);
  const { code, stdout, stderr } = await run(["free", String(server.port), "--yes"]);
  const text = `^pid ${server.pid} ended on TERM after \\d\\.\\d s\nreleased shop/web \\(${server.port}/tcp\\)\n$`;
  assert.match(stderr, new RegExp(text));
  assert.deepEqual([code, stdout], [0, ""]);
  assert.equal((await server.status).signal, "SIGTERM");
  assert.equal(daemon.leases.get(lease.id)?.state, "released");
});

freeTest("portd free ends a listener that ignores TERM with KILL when the time is up", async ({ daemon, run }) => {
  await using server = await Server.start({ code: `Deno.addSignalListener("SIGTERM", () => {})` });
  const { id } = grant(daemon, server.port);
  describe(daemon, server.port, [socketOf(server.pid)]);
  const { command } = processes().find(server.pid)!;
  const { code, stdout, stderr } = await run([
    "free",
    String(server.port),
    "--yes",
    "--timeout",
    "50ms",
    "--json",
  ]);
  assert.deepEqual([code, stderr], [0, ""]);
  const ended = [{ pid: server.pid, command, signal: "KILL" }];
  assert.deepEqual(JSON.parse(stdout), { port: server.port, ended, released: [id] });
  assert.equal((await server.status).signal, "SIGKILL");
});

freeTest(
  "portd free asks once about all listeners of the holder, and shows what it sees of them itself",
  async ({ daemon, run }) => {
    await using first = await Server.start();
    await using second = await Server.start({ port: first.port });
    grant(daemon, first.port);
    describe(daemon, first.port, [first, second].map(({ pid }) => socketOf(pid)));
    const shown = [first, second].map(({ text }) => `listens ${text}`);
    const { code, stderr } = await run(["free", String(first.port)], { typed: ["y", "\n"] });
    assert.equal(code, 0);
    assert.deepEqual(stderr.split("\n").slice(0, 3), [
      ...shown,
      `leased  shop/web (${first.port}/tcp), by cli:/home/me/shop`,
    ]);
    assert.match(stderr, /^End them and release "shop\/web"\? \[y\/N\] pid /m);
    assert.deepEqual([(await first.status).signal, (await second.status).signal], ["SIGTERM", "SIGTERM"]);
  },
);

freeTest("portd free does nothing without a yes", async ({ daemon, run }) => {
  await using server = await Server.start();
  const lease = grant(daemon, server.port);
  describe(daemon, server.port, [socketOf(server.pid)]);
  for (const typed of [["\n"], ["n\n"], ["yo", "\n"], []]) {
    const { code, stdout, stderr } = await run(["free", String(server.port)], { typed });
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /End it and release "shop\/web"\? \[y\/N\] nothing was done\n$/);
  }
  const { code, stderr } = await run(["free", String(server.port)]);
  assert.equal(code, 2);
  assert.match(
    stderr,
    /^portd: Cannot ask "End it and .*": stdin is no terminal; pass --yes to answer yes\n$/,
  );
  assert.ok(await server.isWell());
  assert.equal(daemon.leases.get(lease.id)?.state, "granted");
});

freeTest("portd free never touches a stranger, with or without a lease", async ({ daemon, run }) => {
  await using server = await Server.start();
  const refusal = `portd: Cannot free port ${server.port}: pid ${server.pid} ` +
    "(node server.js, user me, in /home/me/shop, as the daemon says)";
  describe(daemon, server.port, [socketOf(server.pid, { ofHolder: null })]);
  const unleased = await run(["free", String(server.port), "--yes"]);
  assert.equal(unleased.code, 4);
  assert.equal(
    unleased.stderr,
    `${refusal} listens there without a lease; portd ends only what listens for a lease; ` +
      `to end it: kill ${server.pid}\n`,
  );
  const lease = grant(daemon, server.port);
  const reason = "pid 4711 runs in /blog, not in /shop";
  describe(daemon, server.port, [socketOf(Deno.pid), socketOf(server.pid, { ofHolder: false, reason })]);
  const leased = await run(["free", String(server.port), "--yes"]);
  assert.equal(leased.code, 4);
  assert.ok(
    leased.stderr.startsWith(`${refusal} listens there on tcp and does not belong to the holder of shop/web (`),
    leased.stderr,
  );
  assert.ok(leased.stderr.includes(` (${reason}); portd ends only what listens for a lease`), leased.stderr);
  const json = await run(["free", String(server.port), "--yes", "--json"]);
  const { code, port, pid } = JSON.parse(json.stderr).error;
  assert.deepEqual({ code, port, pid }, { code: "port_in_use", port: server.port, pid: server.pid });
  assert.ok(await server.isWell());
  assert.equal(daemon.leases.get(lease.id)?.state, "granted");
});

commandTest("portd free says that a port is free already", async ({ daemon, run }) => {
  const port = freePort();
  describe(daemon, port, []);
  assert.deepEqual(await run(["free", String(port)]), ok("", `port ${port} is free already\n`));
  grant(daemon, port, ["udp"]);
  assert.deepEqual(await run(["free", String(port), "--tcp"]), ok("", `port ${port}/tcp is free already\n`));
  daemon.leases.clear();
  const json = await run(["free", String(port), "--json"]);
  assert.deepEqual(JSON.parse(json.stdout), { port, ended: [], released: [] });
});

freeTest("portd free asks only to release where nobody listens", async ({ daemon, run }) => {
  const lease = grant(daemon, freePort());
  const title = `shop/web (${lease.port}/tcp)`;
  describe(daemon, lease.port, []);
  assert.equal((await run(["free", String(lease.port)])).code, 2);
  const question = `nobody listens on port ${lease.port}\nleased  ${title}, by cli:/home/me/shop\n` +
    'Release "shop/web"? [y/N] ';
  const { code, stderr } = await run(["free", String(lease.port)], { typed: ["yes\n"] });
  assert.deepEqual([code, stderr], [0, `${question}released ${title}\n`]);
  assert.equal(daemon.leases.get(lease.id)?.state, "released");
});

freeTest("portd free refuses a listener that it cannot verify, and does not touch it", async ({ daemon, run }) => {
  await using server = await Server.start();
  const lease = grant(daemon, server.port);
  const known = socketOf(server.pid);
  const later = String(Number(known.startTime) + 1);
  const faults: readonly (readonly [Partial<PortSocket>, RegExp])[] = [
    [{ pid: null, process: null }, /the daemon cannot see which process listens for shop\/web/],
    [{ startTime: null }, /the daemon cannot see which process/],
    [{ startTime: "" }, /the daemon cannot see which process/],
    [{ bootId: null }, /the daemon cannot see which process/],
    [{ startTime: later }, /Cannot verify pid \d+ .*: it has ended, or the daemon .* runs on another machine/],
    [{ bootId: "another" }, /Cannot verify pid \d+ .*: it has ended, or the daemon .* runs on another machine/],
    [{ pid: 1 }, /pid 1 listens there for shop\/web .*; stop its socket unit or its container/],
  ];
  for (const [part, message] of faults) {
    describe(daemon, server.port, [{ ...known, ...part }]);
    const { code, stderr } = await run(["free", String(server.port), "--yes"]);
    assert.equal(code, 1);
    assert.match(stderr, message);
  }
  assert.ok(await server.isWell());
  assert.equal(daemon.leases.get(lease.id)?.state, "granted");
});

freeTest("portd free ends no process that a lying daemon names", async ({ daemon, run }) => {
  await using server = await Server.start();
  const lease = grant(daemon, freePort());
  describe(daemon, lease.port, [socketOf(server.pid)]);
  const { code, stderr } = await run(["free", String(lease.port), "--yes"]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /Cannot verify pid \d+ .*: it has no socket on port \d+\/tcp, though the daemon at http.* says so/,
  );
  assert.ok(await server.isWell());
  assert.equal(daemon.leases.get(lease.id)?.state, "granted");
});

freeTest("portd free keeps the lease when somebody listens again at once", async ({ daemon, run }) => {
  await using server = await Server.start();
  const lease = grant(daemon, server.port);
  describe(daemon, server.port, [socketOf(server.pid)]);
  atLook(daemon, server.port, (look) => look < 3 ? undefined : [socketOf(Deno.pid, { ofHolder: false })]);
  const { code, stderr } = await run(["free", String(server.port), "--yes"]);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`pid ${Deno.pid} \\(.*\\) listens there now; .*; the lease is kept\n$`));
  assert.equal((await server.status).signal, "SIGTERM");
  assert.equal(daemon.leases.get(lease.id)?.state, "granted");
});

freeTest("portd free --tcp and --udp choose among the leases of one number", async ({ daemon, run }) => {
  await using server = await Server.start();
  const { port } = server;
  const sockets = [socketOf(server.pid), socketOf(Deno.pid, { protocol: "udp", state: "", ofHolder: false })];
  const [tcp, udp] = [grant(daemon, port), grant(daemon, port, ["udp"], "dns")];
  describe(daemon, port, sockets);
  assert.equal((await run(["free", String(port), "--yes"])).code, 4);
  assert.equal((await run(["free", String(port), "--udp", "--yes"])).code, 4);
  assert.equal((await run(["free", String(port), "--tcp", "--yes"])).code, 0);
  assert.deepEqual([tcp, udp].map(({ id }) => daemon.leases.get(id)?.state), ["released", "granted"]);
});

freeTest("portd free ends all that listens for a lease of both protocols", async ({ daemon, run }) => {
  await using server = await Server.start();
  const lease = grant(daemon, server.port, ["tcp", "udp"]);
  describe(daemon, server.port, [socketOf(server.pid)]);
  const { code } = await run(["free", String(server.port), "--udp", "--yes"]);
  assert.equal(code, 0);
  assert.equal((await server.status).signal, "SIGTERM");
  assert.equal(daemon.leases.get(lease.id)?.state, "released");
});

freeTest("portd free keeps the lease when a supervisor starts the server anew a moment later", async (setting) => {
  const { daemon, run } = setting;
  await using server = await Server.start();
  const lease = grant(daemon, server.port);
  describe(daemon, server.port, [socketOf(server.pid)]);
  atLook(daemon, server.port, (look) => look < 4 ? undefined : [socketOf(Deno.pid)]);
  const { code, stderr } = await run(["free", String(server.port), "--yes"]);
  assert.equal(code, 1);
  assert.match(stderr, /listens there now; if a supervisor starts it again, stop that first; the lease is kept\n$/);
  assert.equal(daemon.leases.get(lease.id)?.state, "granted");
});

freeTest("portd free ends nobody on a port that it was not told", async ({ daemon, run }) => {
  await using server = await Server.start();
  const lease = grant(daemon, server.port);
  const port = freePort();
  const lies = [
    descriptionOf(daemon, server.port, [socketOf(server.pid)]),
    { ...descriptionOf(daemon, server.port, [socketOf(server.pid)]), port },
    {
      ...descriptionOf(daemon, port, []),
      leases: [{ ...lease, port }],
      listeners: [socketOf(server.pid, { localPort: server.port })],
    },
  ];
  for (const lie of lies) {
    daemon.ports.set(port, () => lie);
    const { code, stderr } = await run(["free", String(port), "--yes"]);
    assert.equal(code, 1);
    assert.match(stderr, /Cannot use the answer of portd at .*: \S*ort is \d+, expected \d+\n$/);
  }
  assert.ok(await server.isWell());
  assert.equal(daemon.leases.get(lease.id)?.state, "granted");
});

freeTest("portd free takes no answer that is not portd's, and says what is wrong with it", async ({ daemon, run }) => {
  await using server = await Server.start();
  const lease = grant(daemon, server.port);
  const { port } = server;
  const socket = { ...socketOf(server.pid), localPort: port };
  const whole = { ...descriptionOf(daemon, port, []), leases: [lease], listeners: [socket] };
  const withSocket = (part: object) => ({ ...whole, listeners: [{ ...socket, ...part }] });
  const withLease = (part: object) => ({ ...whole, leases: [{ ...lease, ...part }] });
  const lies: readonly (readonly [object, string])[] = [
    [
      withSocket({ protocol: "../self/environ" }),
      'listeners[0].protocol is "../self/environ", expected "tcp" or "udp"',
    ],
    [
      withSocket({ pid: `1; rm\x1b[2J` }),
      'listeners[0].pid is "1; rm\\u001b[2J", expected a process id from 1 to 4294967295, or null',
    ],
    [withSocket({ pid: -1 }), "listeners[0].pid is -1"],
    [withSocket({ pid: 0 }), "listeners[0].pid is 0"],
    [withSocket({ startTime: 1 }), "listeners[0].startTime is 1"],
    [withSocket({ bootId: {} }), "listeners[0].bootId is an object"],
    [withSocket({ ofHolder: "true" }), 'listeners[0].ofHolder is "true", expected true or false, or null'],
    [
      withSocket({ process: { command: [], cwd: null, user: null } }),
      "listeners[0].process.command is an array of 0",
    ],
    [withSocket({ localAddress: "x".repeat(9000) }), 'listeners[0].localAddress is "xxx'],
    [{ ...whole, listeners: {} }, "listeners is an object, expected a list of 0 to"],
    [{ ...whole, listeners: Array(20_000).fill(socket) }, "listeners is an array of 20000"],
    [withLease({ id: "../../stop" }), 'leases[0].id is "../../stop", expected the id of a lease'],
    [withLease({ protocols: [] }), "leases[0].protocols is an array of 0"],
    [withLease({ protocols: ["sctp"] }), 'leases[0].protocols[0] is "sctp"'],
    [withLease({ holder: null }), "leases[0].holder is null, expected an object"],
    [{ ...whole, leases: [lease, lease, lease] }, "leases is an array of 3"],
  ];
  for (const [lie, reason] of lies) {
    daemon.ports.set(port, () => lie);
    const { code, stderr } = await run(["free", String(port), "--yes"]);
    assert.equal(code, 1, stderr);
    assert.ok(stderr.includes(`Cannot use the answer of portd at ${daemon.url}: ${reason}`), stderr);
  }
  assert.ok(await server.isWell());
  assert.equal(daemon.leases.get(lease.id)?.state, "granted");
});

freeTest("portd free tells what a daemon says as the daemon's words, without control characters", async (setting) => {
  const { daemon, run } = setting;
  const process = { command: "vi\n\x1b[2Jlisten", cwd: null, user: null };
  const port = freePort();
  describe(daemon, port, [socketOf(Deno.pid, { process, ofHolder: null })]);
  const { code, stderr } = await run(["free", String(port), "--yes"]);
  assert.equal(code, 4);
  assert.ok(stderr.includes(`pid ${Deno.pid} (vi\\x0a\\x1b[2Jlisten, as the daemon says) listens there`), stderr);
});

freeTest("portd free ends nobody when the lease has another holder by the time of the answer", async (setting) => {
  const { daemon, run } = setting;
  await using server = await Server.start();
  const lease = grant(daemon, server.port);
  describe(daemon, server.port, [socketOf(server.pid)]);
  atLook(daemon, server.port, (look) => look === 1 ? undefined : [socketOf(server.pid, { ofHolder: false })]);
  const moved = await run(["free", String(server.port)], { typed: ["y\n"] });
  assert.equal(moved.code, 4);
  assert.match(moved.stderr, /listens there on tcp and does not belong to the holder of shop\/web/);

  describe(daemon, server.port, [socketOf(server.pid)]);
  atLook(daemon, server.port, (look) => {
    if (look !== 2) return undefined;
    daemon.leases.clear();
    grant(daemon, server.port, ["tcp"], "api");
  });
  const leased = await run(["free", String(server.port)], { typed: ["y\n"] });
  assert.equal(leased.code, 4);
  assert.match(
    leased.stderr,
    /meanwhile it was leased to shop\/api \(\d+\/tcp\); nothing was ended\n$/,
  );
  assert.ok(await server.isWell());
  assert.equal(daemon.leases.get(lease.id), undefined);
});

freeTest("portd free ends nobody when the lease has ended by the time of the answer", async ({ daemon, run }) => {
  await using server = await Server.start();
  const release = () => daemon.leases.clear();
  grant(daemon, server.port);
  describe(daemon, server.port, [socketOf(server.pid)]);
  atLook(daemon, server.port, (look) => {
    if (look === 1) return undefined;
    release();
    return [socketOf(server.pid, { ofHolder: null })];
  });
  const { code, stderr } = await run(["free", String(server.port)], { typed: ["y\n"] });
  assert.equal(code, 4);
  assert.match(stderr, /listens there without a lease; portd ends only what listens for a lease/);
  assert.ok(await server.isWell());

  const idle = grant(daemon, freePort());
  describe(daemon, idle.port, []);
  atLook(daemon, idle.port, (look) => look === 1 ? undefined : (release(), []));
  const late = await run(["free", String(idle.port), "--yes"]);
  assert.deepEqual(late, ok("", `port ${idle.port} is free already\n`));
});

freeTest("portd free ends nobody who has begun to listen since it asked", async ({ daemon, run }) => {
  await using server = await Server.start();
  await using late = await Server.start({ port: server.port });
  const lease = grant(daemon, server.port);
  describe(daemon, server.port, [socketOf(server.pid)]);
  atLook(daemon, server.port, (look) => look === 1 ? undefined : [server, late].map(({ pid }) => socketOf(pid)));
  const { code, stderr } = await run(["free", String(server.port)], { typed: ["y\n"] });
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`meanwhile pid ${late.pid} \\(.* has started to listen there; nothing was ended\n$`));
  assert.ok(await server.isWell());
  assert.equal(daemon.leases.get(lease.id)?.state, "granted");
});

freeTest("portd free does not claim to have ended what has ended by itself", async ({ daemon, run }) => {
  for (const json of [false, true]) {
    await using server = await Server.start();
    const lease = grant(daemon, server.port);
    describe(daemon, server.port, [socketOf(server.pid)]);
    atLook(daemon, server.port, (look) => {
      if (look === 2) server.endNow();
      return undefined;
    });
    const { code, stdout, stderr } = await run(["free", String(server.port), "--yes", ...(json ? ["--json"] : [])]);
    assert.equal(code, 0);
    if (json) assert.deepEqual(JSON.parse(stdout), { port: server.port, ended: [], released: [lease.id] });
    else {
      const title = `shop/web (${server.port}/tcp)`;
      assert.equal(stderr, `pid ${server.pid} has ended by itself\nreleased ${title}\n`);
    }
  }
});

freeTest("portd free leaves a process alone that listens there no more", async ({ daemon, run }) => {
  await using server = await Server.start();
  const lease = grant(daemon, server.port);
  describe(daemon, server.port, [socketOf(server.pid)]);
  atLook(daemon, server.port, (look) => look === 1 ? undefined : []);
  const { code, stderr } = await run(["free", String(server.port), "--yes"]);
  assert.equal(code, 0);
  assert.match(stderr, new RegExp(`^pid ${server.pid} does not listen there any more\nreleased `));
  assert.ok(await server.isWell());
  assert.equal(daemon.leases.get(lease.id)?.state, "released");
});

freeTest("portd free looks again at a process that somebody else ends meanwhile", async ({ daemon, run }) => {
  await using server = await Server.start();
  const lease = grant(daemon, server.port);
  const socket = socketOf(server.pid);
  server.endNow();
  describe(daemon, server.port, []);
  atLook(daemon, server.port, (look) => look === 1 ? [socket] : undefined);
  assert.deepEqual(
    await run(["free", String(server.port), "--yes"]),
    ok("", `released shop/web (${server.port}/tcp)\n`),
  );
  assert.equal(daemon.leases.get(lease.id)?.state, "released");
});

freeTest("portd free looks again at a socket whose process was just ending", async ({ daemon, run }) => {
  await using server = await Server.start();
  const lease = grant(daemon, server.port);
  describe(daemon, server.port, [socketOf(server.pid)]);
  const leaving = socketOf(server.pid, { pid: null, process: null, startTime: null, bootId: null, ofHolder: false });
  atLook(daemon, server.port, (look) => look === 2 || look === 3 ? [leaving] : undefined);
  const { code, stderr } = await run(["free", String(server.port), "--yes"]);
  assert.equal(code, 0, stderr);
  assert.equal((await server.status).signal, "SIGTERM");
  assert.equal(daemon.leases.get(lease.id)?.state, "released");
});

freeTest("portd free names a stranger of the other protocol, and how to leave it out", async ({ daemon, run }) => {
  await using server = await Server.start();
  const { port } = server;
  const lease = grant(daemon, port, ["udp"], "dns");
  describe(daemon, port, [socketOf(server.pid, { ofHolder: null })]);
  const { code, stderr } = await run(["free", String(port), "--yes"]);
  assert.equal(code, 4);
  const hint = `to free shop/dns \\(${port}/udp\\) alone: portd free ${port} --udp`;
  assert.match(
    stderr,
    new RegExp(`pid ${server.pid} .* listens there on tcp and does not belong to the holder .*; ${hint}\n$`),
  );
  assert.equal(daemon.leases.get(lease.id)?.state, "granted");
  assert.equal((await run(["free", String(port), "--udp", "--yes"])).code, 0);
  assert.equal(daemon.leases.get(lease.id)?.state, "released");
  assert.ok(await server.isWell());
});

freeTest("portd free takes the holder's process as his with a protocol that he has not leased", async (setting) => {
  const { daemon, run } = setting;
  const code = `const udp = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: server.addr.port });`;
  await using server = await Server.start({ code });
  grant(daemon, server.port);
  describe(daemon, server.port, [
    socketOf(server.pid),
    socketOf(server.pid, { protocol: "udp", state: "", ofHolder: null }),
  ]);
  assert.equal((await run(["free", String(server.port), "--yes"])).code, 0);
  assert.equal((await server.status).signal, "SIGTERM");
});

freeTest("portd free says that a listener stands in for a container", async ({ daemon, cwd, run }) => {
  const port = freePort();
  const program = `${cwd}/docker-proxy`;
  await Deno.symlink(Deno.execPath(), program);
  const words = `-proto tcp -host-ip 127.0.0.1 -host-port ${port} -container-ip 172.17.0.2 -container-port 80`.split(
    " ",
  );
  await using proxy = await Server.start({ port, program, words });
  grant(daemon, port);
  describe(daemon, port, [socketOf(proxy.pid)]);
  const { code, stderr } = await run(["free", String(port)], { typed: ["n\n"] });
  assert.equal(code, 1);
  const note = "note    docker-proxy listens for a container (172.17.0.2:80), which keeps running";
  assert.equal(stderr.split("\n")[1], note);
});

freeTest("portd free takes a name, and frees the lease of that name alone", async ({ daemon, run }) => {
  await using server = await Server.start();
  const lease = grant(daemon, server.port);
  const other = grant(daemon, server.port, ["udp"], "dns");
  describe(daemon, server.port, [
    socketOf(server.pid),
    socketOf(Deno.pid, { protocol: "udp", state: "", ofHolder: false }),
  ]);
  assert.equal((await run(["free", "web", "--yes"])).code, 0);
  assert.equal((await server.status).signal, "SIGTERM");
  assert.deepEqual([lease, other].map(({ id }) => daemon.leases.get(id)?.state), ["released", "granted"]);
});

commandTest("portd free touches no lease but the one that was named", async ({ daemon, run }) => {
  const lease = grant(daemon, freePort());
  describe(daemon, lease.port, []);
  atLook(daemon, lease.port, () => {
    daemon.move(lease.id, "released");
    grant(daemon, lease.port, ["tcp"], "api");
    return [];
  });
  assert.deepEqual(await run(["free", "shop/web", "--yes"]), ok("", "shop/web has ended already\n"));
  assert.deepEqual(await run(["free", lease.id, "--yes"]), ok("", `${lease.id} has ended already\n`));
  const json = await run(["free", lease.id, "--yes", "--json"]);
  assert.deepEqual(JSON.parse(json.stdout), { port: null, ended: [], released: [] });
  assert.equal((await run(["free", "shop/nobody", "--yes"])).code, 1);
  assert.deepEqual([...daemon.leases.values()].map(({ state }) => state), ["released", "granted"]);
});

commandTest("portd free takes one port or name", async ({ daemon, run }) => {
  const faults = ["free", "free 0", "free 65536", "free 1 2", "free 1 --timeout x", "free web --tcp", "free web --udp"];
  for (const fault of faults) assert.equal((await run(fault.split(" "))).code, 2, fault);
  assert.deepEqual(daemon.requests, []);
});
