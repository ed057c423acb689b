/** `portd free` inside this process: real processes that listen, and a fake daemon on whose machine they run too. */
import assert from "node:assert/strict";
import type { Lease, PortDescription, PortSocket, Protocol } from "../../src/client/client.ts";
import { openLibc } from "../../src/os/linux/libc.ts";
import { Procfs } from "../../src/os/linux/procfs.ts";
import { LinuxProcesses } from "../../src/process/linux/processes.ts";
import type { Process } from "../../src/process/process.ts";
import { openProcessHandle } from "../../src/terminate/open.ts";
import { checkFailure, commandTest, ok, type Setting } from "../support/command_setting.ts";
import { Child, type ChildOptions } from "../support/processes.ts";
import { freePort } from "../support/sockets.ts";

/** A process that listens; disposing of it ends it. */
interface Server extends AsyncDisposable, Pick<Child, "pid" | "status"> {
  readonly port: number;
  /** What our own look finds of it, as free shows it. */
  readonly text: string;
  /** Ends it, and returns when the last of its threads has ended: the first may be gone before. */
  endNow(): void;
  /** Whether it still answers. */
  isWell(): Promise<boolean>;
}

/** Starts one, which also runs `code`. */
async function startServer({ code = "", port: wished = 0, ...options }: ServerOptions = {}): Promise<Server> {
  const script = `const server = Deno.listen({ hostname: "127.0.0.1", port: ${wished}, reusePort: true });
    ${code}; console.log(server.addr.port); for await (const client of server) client.close();`;
  const child = await Child.run(script, options);
  const { pid, status } = child, port = Number(child.line);
  const { command, user, cwd } = processes().find(pid)!;
  const shown = command!.length > 200 ? `${command!.slice(0, 199)}…` : command;
  return {
    pid,
    status,
    port,
    text: `pid ${pid} (${shown}, user ${user}, in ${cwd})`,
    endNow() {
      const handle = openProcessHandle(processes().find(pid)!)!;
      child.kill();
      while (!handle.hasEnded());
      handle.close();
    },
    async isWell() {
      using connection = await Deno.connect({ port });
      return await connection.read(new Uint8Array(1)) === null;
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

interface ServerOptions extends ChildOptions {
  readonly code?: string;
  readonly port?: number;
}

function processes(): LinuxProcesses {
  return new LinuxProcesses(new Procfs(openLibc()));
}

type Daemon = Setting["daemon"];

const HOLDER = { id: "cli:/home/me/shop", cwd: "/home/me/shop" };
/** What the daemon sees of a stranger; their folder is not the holder's. */
const STRANGER = { cwd: "/blog", user: "a stranger" };

/** How a real process listens on the daemon's machine, and what the daemon sees else of it than there is. */
interface Seen extends Partial<Process> {
  readonly protocol?: Protocol;
  readonly address?: string;
}

/** A real process runs on the daemon's machine and listens there: the holder's, unless `seen` says otherwise. */
function see({ machine }: Daemon, port: number, pid: number, seen: Seen = {}): void {
  const { protocol = "tcp", address = "127.0.0.1", ...part } = seen;
  const known = { command: "node server.js", cwd: HOLDER.cwd, user: "me", parentPid: null };
  machine.start(pid, { ...processes().find(pid), ...known, ...part });
  machine.listen({ protocol, port }, { pid, address, isShared: true });
}

/** What has ended in truth ends on the daemon's machine. */
function endTogether({ machine }: Daemon): void {
  const known = processes();
  for (const pid of machine.processes.keys()) if (pid !== 1 && known.find(pid) === undefined) machine.end(pid);
}

/** What the daemon says falsely of each listener. */
type Lie = Partial<PortSocket>;

/** Calls `change` before each of the daemon's looks at a port, with the number of the look, from 1 on. */
function atLook(daemon: Daemon, change: (look: number) => Lie | undefined | void | Promise<void>): void {
  let looks = 0;
  daemon.fault = async ({ path }, honestly) => {
    endTogether(daemon);
    const lie = path.startsWith("/v1/ports/") ? await change(++looks) : undefined;
    const answer = await honestly();
    if (!lie) return answer;
    const whole: PortDescription = await answer.json();
    return Response.json({ ...whole, listeners: whole.listeners.map((socket) => ({ ...socket, ...lie })) });
  };
}

/** What the daemon says of a port. */
async function describe({ url }: Daemon, port: number): Promise<PortDescription> {
  return await (await fetch(`${url}/v1/ports/${port}`)).json();
}

function grant(daemon: Daemon, port: number, protocols: readonly Protocol[] = ["tcp"], name = "web"): Promise<Lease> {
  return daemon.grant({ name, project: "shop", port, protocols, holder: HOLDER });
}

/** The states of the leases, in the order of their grants. */
const states = ({ leases }: Daemon) => leases.map(({ state }) => state);

/** @throws when the server does not answer any more, or its lease has ended. */
async function checkUntouched(server: Server, daemon: Daemon): Promise<void> {
  assert.ok(await server.isWell());
  assert.deepEqual(states(daemon), ["granted"]);
}

/** @throws when the server was not ended by TERM, or its lease has not been released. */
async function checkFreed(server: Server, daemon: Daemon): Promise<void> {
  assert.equal((await server.status).signal, "SIGTERM");
  assert.deepEqual(states(daemon), ["released"]);
}

/** Tests that end processes know them by Linux's evidence. */
function freeTest(name: string, run: (setting: Setting) => Promise<void>): void {
  if (Deno.build.os !== "linux") return;
  commandTest(name, async (setting) => {
    atLook(setting.daemon, () => {});
    await run(setting);
  });
}

/** The same with a lease of the port on which a holder's process listens. */
function listenerTest(
  name: string,
  run: (setting: Setting & { readonly server: Server; readonly lease: Lease; readonly port: number }) => Promise<void>,
): void {
  freeTest(name, async (setting) => {
    await using server = await startServer();
    const lease = await grant(setting.daemon, server.port);
    see(setting.daemon, server.port, server.pid);
    await run({ ...setting, server, lease, port: server.port });
  });
}

listenerTest("portd free ends the listener with TERM and releases the lease", async (setting) => {
  const { daemon, run, server, port } = setting;
  see(daemon, port, server.pid, { address: "::1" }); // two sockets of one process are one process to be ended
  const { code, stdout, stderr } = await run(["free", String(port), "--yes"]);
  const text = `^pid ${server.pid} ended on TERM after \\d\\.\\d s\nreleased shop/web \\(${port}/tcp\\)\n$`;
  assert.match(stderr, new RegExp(text));
  assert.deepEqual([code, stdout], [0, ""]);
  await checkFreed(server, daemon);
});

freeTest("portd free ends a listener that ignores TERM with KILL when the time is up", async ({ daemon, run }) => {
  await using server = await startServer({ code: `Deno.addSignalListener("SIGTERM", () => {})` });
  const { id, port } = await grant(daemon, server.port);
  see(daemon, port, server.pid);
  const { command } = processes().find(server.pid)!;
  const { code, stdout, stderr } = await run(["free", String(port), "--yes", "--timeout", "50ms", "--json"]);
  assert.deepEqual([code, stderr], [0, ""]);
  const ended = [{ pid: server.pid, command, signal: "KILL" }];
  assert.deepEqual(JSON.parse(stdout), { port, ended, released: [id] });
  assert.equal((await server.status).signal, "SIGKILL");
});

listenerTest("portd free asks once, and shows what it sees itself", async ({ daemon, run, server, port }) => {
  await using second = await startServer({ port });
  see(daemon, port, second.pid);
  const shown = [server, second].map(({ text }) => `listens ${text}`);
  const { code, stderr } = await run(["free", String(port)], { typed: ["y", "\n"] });
  assert.equal(code, 0);
  const lines = [...shown, `leased  shop/web (${port}/tcp), by cli:/home/me/shop`];
  assert.deepEqual(stderr.split("\n").slice(0, 3), lines);
  assert.match(stderr, /^End them and release "shop\/web"\? \[y\/N\] pid /m);
  assert.deepEqual([(await server.status).signal, (await second.status).signal], ["SIGTERM", "SIGTERM"]);
});

listenerTest("portd free does nothing without a yes", async ({ daemon, run, server, port }) => {
  for (const typed of [["\n"], ["n\n"], ["yo", "\n"], []]) {
    await checkFailure(
      run(["free", String(port)], { typed }),
      1,
      /End it and release "shop\/web"\? \[y\/N\] nothing was done\n$/,
    );
  }
  await checkFailure(
    run(["free", String(port)]),
    2,
    /^portd: Cannot ask "End it and .*": stdin is no terminal; pass --yes to answer yes\n$/,
  );
  await checkUntouched(server, daemon);
});

freeTest("portd free never touches a stranger, with or without a lease", async ({ daemon, run }) => {
  await using server = await startServer();
  const { port, pid } = server;
  const refusal =
    `portd: Cannot free port ${port}: pid ${pid} (node server.js, user a stranger, in /blog, as the daemon says)`;
  see(daemon, port, pid, STRANGER);
  const unleased = await run(["free", String(port), "--yes"]);
  assert.equal(unleased.code, 4);
  assert.equal(
    unleased.stderr,
    `${refusal} listens there without a lease; portd ends only what listens for a lease, unless --force is given; ` +
      `to end it: sudo kill ${pid}\n`,
  );
  daemon.machine.stopListening(port);
  await grant(daemon, port);
  see(daemon, port, Deno.pid);
  see(daemon, port, pid, STRANGER);
  const leased = await run(["free", String(port), "--yes"]);
  assert.equal(leased.code, 4);
  assert.ok(
    leased.stderr.startsWith(`${refusal} listens there on tcp and does not belong to the holder of shop/web (`),
    leased.stderr,
  );
  const reason = `pid ${pid} (node server.js) runs in /blog, not in /home/me/shop`;
  assert.ok(leased.stderr.includes(` (${reason}); portd ends only what listens for a lease`), leased.stderr);
  const json = await run(["free", String(port), "--yes", "--json"]);
  const { error } = JSON.parse(json.stderr);
  assert.deepEqual([error.code, error.port, error.pid], ["port_in_use", port, pid]);
  await checkUntouched(server, daemon);
});

commandTest("portd free says that a port has no lease and no listener", async ({ daemon, run }) => {
  const port = freePort();
  assert.deepEqual(await run(["free", String(port)]), ok("", `port ${port} has no lease, and nothing listens on it\n`));
  const { id } = await grant(daemon, port, ["udp"]);
  assert.deepEqual(
    await run(["free", String(port), "--tcp"]),
    ok("", `port ${port}/tcp has no lease, and nothing listens on it\n`),
  );
  await daemon.end(id, "released");
  const json = await run(["free", String(port), "--json"]);
  assert.deepEqual(JSON.parse(json.stdout), { port, ended: [], released: [] });
});

freeTest("portd free asks only to release where nobody listens", async ({ daemon, run }) => {
  const { port } = await grant(daemon, freePort());
  const title = `shop/web (${port}/tcp)`;
  assert.equal((await run(["free", String(port)])).code, 2);
  const question = `nobody listens on port ${port}\nleased  ${title}, by cli:/home/me/shop\n` +
    'Release "shop/web"? [y/N] ';
  const { code, stderr } = await run(["free", String(port)], { typed: ["yes\n"] });
  assert.deepEqual([code, stderr], [0, `${question}released ${title}\n`]);
  assert.deepEqual(states(daemon), ["released"]);
});

listenerTest("portd free refuses a listener that it cannot verify, and does not touch it", async (setting) => {
  const { daemon, run, server, port } = setting;
  const later = String(Number(processes().find(server.pid)!.startTime) + 1);
  const lies: readonly (readonly [Lie, RegExp])[] = [
    [{ pid: null, process: null }, /the daemon cannot see which process listens for shop\/web/],
    [{ startTime: null }, /the daemon cannot see which process/],
    [{ startTime: "" }, /the daemon cannot see which process/],
    [{ bootId: null }, /the daemon cannot see which process/],
    [{ startTime: later }, /Cannot verify pid \d+ .*: it has ended, or the daemon .* runs on another machine/],
    [{ bootId: "another" }, /Cannot verify pid \d+ .*: it has ended, or the daemon .* runs on another machine/],
    [{ pid: 1 }, /pid 1 listens there for shop\/web .*; stop its socket unit or its container/],
  ];
  for (const [lie, message] of lies) {
    atLook(daemon, () => lie);
    await checkFailure(run(["free", String(port), "--yes"]), 1, message);
  }
  await checkUntouched(server, daemon);
});

freeTest("portd free ends no process that a lying daemon names", async ({ daemon, run }) => {
  await using server = await startServer();
  const { port } = await grant(daemon, freePort());
  see(daemon, port, server.pid);
  await checkFailure(
    run(["free", String(port), "--yes"]),
    1,
    /Cannot verify pid \d+ .*: it has no socket on port \d+\/tcp, though the daemon at http.* says so/,
  );
  await checkUntouched(server, daemon);
});

const AGAIN = {
  "when somebody listens again at once": { look: 3, seen: STRANGER },
  "when a supervisor starts the server again a moment later": { look: 4, seen: {} },
};

for (const [when, { look, seen }] of Object.entries(AGAIN)) {
  listenerTest(`portd free keeps the lease ${when}`, async ({ daemon, run, server, port }) => {
    atLook(daemon, (number) => {
      if (number === look) see(daemon, port, Deno.pid, seen);
    });
    const { code, stderr } = await run(["free", String(port), "--yes"]);
    assert.equal(code, 1);
    const hint = "if a supervisor starts the server again, stop the supervisor first";
    assert.match(stderr, new RegExp(`pid ${Deno.pid} \\(.*\\) listens there now, so the lease is kept; ${hint}\n$`));
    assert.equal((await server.status).signal, "SIGTERM");
    assert.deepEqual(states(daemon), ["granted"]);
  });
}

listenerTest("portd free --tcp and --udp choose among the leases of one number", async ({ daemon, run, port }) => {
  await grant(daemon, port, ["udp"], "dns");
  see(daemon, port, Deno.pid, { protocol: "udp", ...STRANGER });
  assert.equal((await run(["free", String(port), "--yes"])).code, 4);
  assert.equal((await run(["free", String(port), "--udp", "--yes"])).code, 4);
  assert.equal((await run(["free", String(port), "--tcp", "--yes"])).code, 0);
  assert.deepEqual(states(daemon), ["released", "granted"]);
});

freeTest("portd free ends all that listens for a lease of both protocols", async ({ daemon, run }) => {
  await using server = await startServer();
  const { port } = await grant(daemon, server.port, ["tcp", "udp"]);
  see(daemon, port, server.pid);
  assert.equal((await run(["free", String(port), "--udp", "--yes"])).code, 0);
  await checkFreed(server, daemon);
});

listenerTest("portd free ends nobody on a port that it was not given", async ({ daemon, run, server, port, lease }) => {
  const [other, about, nobody] = [freePort(), await describe(daemon, port), await describe(daemon, 1)];
  const lies = [
    about,
    { ...about, port: other },
    { ...nobody, port: other, leases: [{ ...lease, port: other }], listeners: about.listeners },
  ];
  for (const lie of lies) {
    daemon.fault = () => Response.json(lie);
    await checkFailure(
      run(["free", String(other), "--yes"]),
      1,
      /Cannot use the answer of portd at .*: \S*ort is \d+, expected \d+\n$/,
    );
  }
  await checkUntouched(server, daemon);
});

listenerTest("portd free takes no answer that is not portd's, and says what is wrong with it", async (setting) => {
  const { daemon, run, server, port } = setting;
  const whole = await describe(daemon, port);
  const { leases: [lease], listeners: [socket] } = whole;
  const withSocket = (part: object) => ({ ...whole, listeners: [{ ...socket, ...part }] });
  const withLease = (part: object) => ({ ...whole, leases: [{ ...lease, ...part }] });
  const PID = "a process id from 1 to 4294967295, or null";
  const lies: readonly (readonly [object, string])[] = [
    [withSocket({ protocol: "../x" }), 'listeners[0].protocol is "../x", expected "tcp" or "udp"'],
    [withSocket({ pid: `1; rm\x1b[2J` }), `listeners[0].pid is "1; rm\\u001b[2J", expected ${PID}`],
    [withSocket({ pid: -1 }), "listeners[0].pid is -1"],
    [withSocket({ pid: 0 }), "listeners[0].pid is 0"],
    [withSocket({ startTime: 1 }), "listeners[0].startTime is 1"],
    [withSocket({ bootId: {} }), "listeners[0].bootId is an object"],
    [withSocket({ ofHolder: "true" }), 'listeners[0].ofHolder is "true", expected true or false, or null'],
    [withSocket({ process: { ...socket!.process, command: [] } }), "listeners[0].process.command is an array of 0"],
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
    daemon.fault = () => Response.json(lie);
    const { code, stderr } = await run(["free", String(port), "--yes"]);
    assert.equal(code, 1, stderr);
    assert.ok(stderr.includes(`Cannot use the answer of portd at ${daemon.url}: ${reason}`), stderr);
  }
  await checkUntouched(server, daemon);
});

freeTest("portd free repeats what a daemon says as the daemon's words, without control characters", async (setting) => {
  const { daemon, run } = setting;
  const port = freePort();
  see(daemon, port, Deno.pid, { command: "vi\n\x1b[2Jlisten", cwd: null, user: null });
  const { code, stderr } = await run(["free", String(port), "--yes"]);
  assert.equal(code, 4);
  assert.ok(stderr.includes(`pid ${Deno.pid} (vi\\x0a\\x1b[2Jlisten, as the daemon says) listens there`), stderr);
});

listenerTest("portd free ends nobody when the lease has another holder by the time of the answer", async (setting) => {
  const { daemon, run, server, lease, port } = setting;
  atLook(daemon, (look) => {
    if (look === 2) daemon.machine.start(server.pid, { ...processes().find(server.pid), ...STRANGER });
  });
  const moved = await run(["free", String(port)], { typed: ["y\n"] });
  assert.equal(moved.code, 4);
  assert.match(moved.stderr, /listens there on tcp and does not belong to the holder of shop\/web/);

  daemon.machine.stopListening(port);
  see(daemon, port, server.pid);
  atLook(daemon, async (look) => {
    if (look !== 2) return;
    await daemon.end(lease.id, "released");
    daemon.machine.stopListening(port);
    await grant(daemon, port, ["tcp"], "api");
    see(daemon, port, server.pid);
  });
  const leased = await run(["free", String(port)], { typed: ["y\n"] });
  assert.equal(leased.code, 4);
  assert.match(leased.stderr, /meanwhile it was leased to shop\/api \(\d+\/tcp\); nothing was ended\n$/);
  assert.ok(await server.isWell());
  assert.deepEqual(states(daemon), ["released", "granted"]);
});

listenerTest("portd free ends nobody when the lease has ended by the time of the answer", async (setting) => {
  const { daemon, run, server, lease, port } = setting;
  const endAtSecondLook = ({ id }: Lease) =>
    atLook(daemon, async (look) => {
      if (look === 2) await daemon.end(id, "released");
    });
  endAtSecondLook(lease);
  await checkFailure(
    run(["free", String(port)], { typed: ["y\n"] }),
    4,
    /listens there without a lease; portd ends only what listens for a lease/,
  );
  assert.ok(await server.isWell());

  const idle = await grant(daemon, freePort());
  endAtSecondLook(idle);
  const late = await run(["free", String(idle.port), "--yes"]);
  assert.deepEqual(late, ok("", `port ${idle.port} has no lease, and nothing listens on it\n`));
});

listenerTest("portd free ends nobody who has begun to listen since it asked", async (setting) => {
  const { daemon, run, server, port } = setting;
  await using late = await startServer({ port });
  atLook(daemon, (look) => {
    if (look === 2) see(daemon, port, late.pid);
  });
  await checkFailure(
    run(["free", String(port)], { typed: ["y\n"] }),
    1,
    new RegExp(`meanwhile pid ${late.pid} \\(.* has started to listen there; nothing was ended\n$`),
  );
  await checkUntouched(server, daemon);
});

for (const flags of [[], ["--json"]]) {
  const how = flags.length === 0 ? "" : " with --json";
  listenerTest(`portd free${how} does not claim to have ended what has ended by itself`, async (setting) => {
    const { daemon, run, server, lease, port } = setting;
    atLook(daemon, (look) => {
      if (look !== 2) return;
      server.endNow();
      daemon.machine.end(server.pid);
    });
    const { code, stdout, stderr } = await run(["free", String(port), "--yes", ...flags]);
    assert.equal(code, 0);
    if (stdout !== "") assert.deepEqual(JSON.parse(stdout), { port, ended: [], released: [lease.id] });
    const words = `pid ${server.pid} has ended by itself\nreleased shop/web (${port}/tcp)\n`;
    assert.equal(stderr, stdout === "" ? words : "");
    assert.equal(stdout === "", flags.length === 0);
  });
}

listenerTest("portd free leaves a process alone that listens there no more", async (setting) => {
  const { daemon, run, server, port } = setting;
  atLook(daemon, (look) => {
    if (look === 2) daemon.machine.stopListening(port);
  });
  const { code, stderr } = await run(["free", String(port), "--yes"]);
  assert.equal(code, 0);
  assert.match(stderr, new RegExp(`^pid ${server.pid} does not listen there any more\nreleased `));
  assert.ok(await server.isWell());
  assert.deepEqual(states(daemon), ["released"]);
});

freeTest("portd free looks again at a process that somebody else ends meanwhile", async ({ daemon, run }) => {
  await using server = await startServer();
  const { port } = await grant(daemon, server.port);
  const known = processes().find(server.pid)!;
  server.endNow();
  atLook(daemon, (look) => {
    if (look === 1) see(daemon, port, server.pid, { ...known, cwd: HOLDER.cwd });
  });
  assert.deepEqual(await run(["free", String(port), "--yes"]), ok("", `released shop/web (${port}/tcp)\n`));
  assert.deepEqual(states(daemon), ["released"]);
});

listenerTest("portd free looks again at a socket whose process was just ending", async (setting) => {
  const { daemon, run, server, port } = setting;
  const leaving = { pid: null, process: null, startTime: null, bootId: null, ofHolder: false };
  atLook(daemon, (look) => look === 2 || look === 3 ? leaving : undefined);
  const { code, stderr } = await run(["free", String(port), "--yes"]);
  assert.equal(code, 0, stderr);
  await checkFreed(server, daemon);
});

freeTest("portd free names a stranger of the other protocol, and how to leave it out", async ({ daemon, run }) => {
  await using server = await startServer();
  const { port } = await grant(daemon, server.port, ["udp"], "dns");
  see(daemon, port, server.pid, STRANGER);
  const { code, stderr } = await run(["free", String(port), "--yes"]);
  assert.equal(code, 4);
  const hint = `to free shop/dns \\(${port}/udp\\) alone: portd free ${port} --udp`;
  assert.match(
    stderr,
    new RegExp(`pid ${server.pid} .* listens there on tcp and does not belong to the holder .*; ${hint}\n$`),
  );
  assert.deepEqual(states(daemon), ["granted"]);
  assert.equal((await run(["free", String(port), "--udp", "--yes"])).code, 0);
  assert.deepEqual(states(daemon), ["released"]);
  assert.ok(await server.isWell());
});

freeTest("portd free ends the holder's process that also listens with a protocol without a lease", async (setting) => {
  const { daemon, run } = setting;
  const code = `const udp = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: server.addr.port });`;
  await using server = await startServer({ code });
  const { port } = await grant(daemon, server.port);
  see(daemon, port, server.pid);
  see(daemon, port, server.pid, { protocol: "udp" });
  assert.equal((await run(["free", String(port), "--yes"])).code, 0);
  assert.equal((await server.status).signal, "SIGTERM");
});

freeTest("portd free says that a listener stands in for a container", async ({ daemon, cwd, run }) => {
  const { port } = await grant(daemon, freePort());
  const program = `${cwd}/docker-proxy`;
  await Deno.symlink(Deno.execPath(), program);
  const words = `-proto tcp -host-ip 127.0.0.1 -host-port ${port} -container-ip 172.17.0.2 -container-port 80`.split(
    " ",
  );
  await using proxy = await startServer({ port, program, words });
  see(daemon, port, proxy.pid);
  const { code, stderr } = await run(["free", String(port)], { typed: ["n\n"] });
  assert.equal(code, 1);
  const note = "note    docker-proxy listens for a container (172.17.0.2:80), which keeps running";
  assert.equal(stderr.split("\n")[1], note);
});

listenerTest("portd free takes a name, and frees the lease of that name alone", async (setting) => {
  const { daemon, run, server, port, lease } = setting;
  const other = await grant(daemon, port, ["udp"], "dns");
  assert.equal((await run(["free", "web", "--yes"])).code, 0);
  assert.equal((await server.status).signal, "SIGTERM");
  assert.deepEqual([lease.name, other.name, states(daemon)], ["shop/web", "shop/dns", ["released", "granted"]]);
});

commandTest("portd free touches no lease but the one that was named", async ({ daemon, run }) => {
  const lease = await grant(daemon, freePort());
  atLook(daemon, async (look) => {
    if (look !== 1) return;
    await daemon.end(lease.id, "released");
    await grant(daemon, lease.port, ["tcp"], "api");
  });
  assert.deepEqual(await run(["free", "shop/web", "--yes"]), ok("", "shop/web has ended already\n"));
  assert.deepEqual(await run(["free", lease.id, "--yes"]), ok("", `${lease.id} has ended already\n`));
  const json = await run(["free", lease.id, "--yes", "--json"]);
  assert.deepEqual(JSON.parse(json.stdout), { port: null, ended: [], released: [] });
  assert.equal((await run(["free", "shop/nobody", "--yes"])).code, 1);
  assert.deepEqual(states(daemon), ["released", "granted"]);
});

commandTest("portd free takes one port or name", async ({ daemon, run }) => {
  const faults = ["free", "free 0", "free 65536", "free 1 2", "free 1 --timeout x", "free web --tcp", "free web --udp"];
  for (const fault of faults) assert.equal((await run(fault.split(" "))).code, 2, fault);
  assert.deepEqual(daemon.requests, []);
});

freeTest("portd free does not end the daemon, also where it is the holder's process", async ({ daemon, run }) => {
  const port = Number(new URL(daemon.url).port), refusal = /^portd: Cannot free port \d+: portd itself listens there; /;
  await daemon.grant({ port, holder: { id: "cli:/" } });
  see(daemon, port, Deno.pid);
  await daemon.look();
  assert.deepEqual(states(daemon), ["listening"]);
  await checkFailure(run(["free", `${port}`, "--yes"]), 1, refusal);
  assert.deepEqual(states(daemon), ["listening"]);
  await daemon.end(daemon.leases[0]!.id, "released");
  await checkFailure(run(["free", `${port}`, "--yes"]), 1, refusal);
});
