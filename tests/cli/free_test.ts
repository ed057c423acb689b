/** `portd free` inside this process: real processes that listen, a fake daemon that tells of them. */
import assert from "node:assert/strict";
import type { Lease, PortSocket, Protocol } from "../../src/client.ts";
import { openLibc } from "../../src/ffi/libc.ts";
import { LinuxProcesses } from "../../src/process/linux/processes.ts";
import { Procfs } from "../../src/process/linux/procfs.ts";
import { commandTest, ok, type Setting } from "../support/command_setting.ts";
import { freePort } from "../support/sockets.ts";

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

  static async start({ code = "", port = 0 } = {}): Promise<Server> {
    const script = `const server = Deno.listen({ hostname: "127.0.0.1", port: ${port}, reusePort: true });
      ${code}; console.log(server.addr.port); for await (const client of server) client.close();`;
    const process = new Deno.Command(Deno.execPath(), { args: ["eval", script], stdin: "null", stdout: "piped" })
      .spawn();
    const reader = process.stdout.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    return new Server(process, Number(new TextDecoder().decode(value)));
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

/** What the daemon says of a socket. */
function socketOf(pid: number, part: Partial<PortSocket> = {}): PortSocket {
  const process = new LinuxProcesses(new Procfs(openLibc())).find(pid);
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
    ancestors: [],
    forwarder: null,
    ...part,
  };
}

/** Makes the daemon tell of a port: its live leases, and of sockets only those whose process runs. */
function describe(daemon: Setting["daemon"], port: number, sockets: readonly PortSocket[]): void {
  const processes = new LinuxProcesses(new Procfs(openLibc()));
  daemon.ports.set(port, () => ({
    port,
    leases: [...daemon.leases.values()].filter((lease) => lease.port === port && lease.endedAt === null),
    listeners: sockets.filter(({ pid }) => pid === null || pid === 1 || processes.find(pid) !== undefined),
    connections: [],
  }));
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
  const { code, stdout, stderr } = await run([
    "free",
    String(server.port),
    "--yes",
    "--timeout",
    "50ms",
    "--json",
  ]);
  assert.deepEqual([code, stderr], [0, ""]);
  const ended = [{ pid: server.pid, command: "node server.js", signal: "KILL" }];
  assert.deepEqual(JSON.parse(stdout), { port: server.port, ended, released: [id] });
  assert.equal((await server.status).signal, "SIGKILL");
});

freeTest("portd free asks once about all listeners of the holder, and shows them", async ({ daemon, run }) => {
  await using first = await Server.start();
  await using second = await Server.start({ port: first.port });
  grant(daemon, first.port);
  describe(daemon, first.port, [first, second].map(({ pid }) => socketOf(pid)));
  const { code, stderr } = await run(["free", String(first.port)], { typed: ["y", "\n"] });
  assert.equal(code, 0);
  assert.deepEqual(stderr.split("\n").slice(0, 3), [
    `listens pid ${first.pid} (node server.js, user me, in /home/me/shop)`,
    `listens pid ${second.pid} (node server.js, user me, in /home/me/shop)`,
    `leased  shop/web (${first.port}/tcp), by cli:/home/me/shop`,
  ]);
  assert.match(stderr, /^End them and release "shop\/web"\? \[y\/N\] pid /m);
  assert.deepEqual([(await first.status).signal, (await second.status).signal], ["SIGTERM", "SIGTERM"]);
});

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
    /^portd: Cannot ask "End it and .*": stdin is no terminal; pass --yes if that is what you want\n$/,
  );
  assert.ok(await server.isWell());
  assert.equal(daemon.leases.get(lease.id)?.state, "granted");
});

freeTest("portd free never touches a stranger, with or without a lease", async ({ daemon, run }) => {
  await using server = await Server.start();
  const refusal =
    `portd: Cannot free port ${server.port}: pid ${server.pid} (node server.js, user me, in /home/me/shop)`;
  describe(daemon, server.port, [socketOf(server.pid, { ofHolder: null })]);
  const unleased = await run(["free", String(server.port), "--yes"]);
  assert.equal(unleased.code, 4);
  assert.equal(
    unleased.stderr,
    `${refusal} listens there without a lease, and portd ends nothing but the listeners of leases; ` +
      `to end it: kill ${server.pid}\n`,
  );
  const lease = grant(daemon, server.port);
  describe(daemon, server.port, [socketOf(Deno.pid), socketOf(server.pid, { ofHolder: false })]);
  const leased = await run(["free", String(server.port), "--yes"]);
  assert.equal(leased.code, 4);
  assert.ok(leased.stderr.startsWith(`${refusal} listens there and is not of the holder of shop/web (`), leased.stderr);
  const json = await run(["free", String(server.port), "--yes", "--json"]);
  const { code, port, pid } = JSON.parse(json.stderr).error;
  assert.deepEqual({ code, port, pid }, { code: "port_in_use", port: server.port, pid: server.pid });
  assert.ok(await server.isWell());
  assert.equal(daemon.leases.get(lease.id)?.state, "granted");
});

commandTest("portd free says that a port is free already", async ({ daemon, run }) => {
  const port = freePort();
  daemon.ports.set(port, () => ({ port, leases: [], listeners: [], connections: [] }));
  assert.deepEqual(await run(["free", String(port)]), ok("", `port ${port} is free already\n`));
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
    [{ pid: null, process: null }, /the daemon cannot see which process it is that listens for shop\/web/],
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
  assert.match(stderr, /Cannot verify pid \d+ .*: it has no socket on port \d+, though the daemon at http.* says so/);
  assert.ok(await server.isWell());
  assert.equal(daemon.leases.get(lease.id)?.state, "granted");
});

freeTest("portd free keeps the lease when somebody listens again at once", async ({ daemon, run }) => {
  await using server = await Server.start();
  const lease = grant(daemon, server.port);
  describe(daemon, server.port, [socketOf(server.pid)]);
  const first = daemon.ports.get(server.port)!;
  const again = socketOf(Deno.pid, { ofHolder: false });
  daemon.ports.set(server.port, () => {
    daemon.ports.set(server.port, () => ({ port: server.port, leases: [lease], listeners: [again] }));
    return first();
  });
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

commandTest("portd free takes one port", async ({ daemon, run }) => {
  for (const args of [["free"], ["free", "0"], ["free", "web"], ["free", "1", "2"], ["free", "1", "--timeout", "x"]]) {
    assert.equal((await run(args)).code, 2);
  }
  assert.deepEqual(daemon.requests, []);
});
