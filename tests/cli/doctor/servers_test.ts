/** What doctor finds out about servers, against the whole daemon over a machine in memory. */
import assert from "node:assert/strict";
import type { Lease } from "../../../src/client/client.ts";
import type { Finding } from "../../../src/cli/doctor/diagnosis.ts";
import { portsToLookAt } from "../../../src/cli/doctor/servers.ts";
import { openLibc } from "../../../src/os/linux/libc.ts";
import { Procfs } from "../../../src/os/linux/procfs.ts";
import { openProcesses } from "../../../src/process/open.ts";
import { commandTest, type Setting, setUp } from "../../support/command_setting.ts";
import { SOCKET, UNCLAIMED } from "../../support/wire.ts";

const RUN = { command: "portd run web -- npm run dev" } as const;
const PROCESS = { kind: "process" } as const;

/** The lease of a `portd run` that runs, with pid 4711. */
async function leaseOfRun({ daemon, cwd }: Setting): Promise<Lease> {
  daemon.machine.start(4711, { ...RUN, cwd });
  const holder = { id: `cli:${cwd}`, ...RUN, cwd };
  return await daemon.grant({ name: "web", project: "shop", holder, pid: 4711, lifetime: PROCESS });
}

/** What doctor says about servers. */
async function serversOf({ run }: Setting): Promise<readonly (readonly [level: string, message: string])[]> {
  const { findings } = JSON.parse((await run(["doctor", "--json"])).stdout) as {
    readonly findings: readonly Finding[];
  };
  return findings.filter(({ check }) => check === "servers").map(({ level, message }) => [level, message]);
}

commandTest("doctor finds the server of a portd run that listens on another port than its lease", async (setting) => {
  const { daemon: { machine }, daemon, cwd, run } = setting;
  const lease = await leaseOfRun(setting);
  machine.start(4713, { command: "sh -c vite", cwd, parentPid: 4711 });
  machine.start(4715, { command: `node ${cwd}/node_modules/.bin/vite`, cwd, parentPid: 4713 });
  machine.listen({ protocol: "tcp", port: 5173 }, { pid: 4715 });
  const hint = "add what sets its port to the command, like: -- --port {port}";
  const message = `shop/web listens on 5173, not on ${lease.port}: pid 4715 (vite); ${hint}`;
  assert.deepEqual(await serversOf(setting), [["problem", message]]);
  assert.equal((await run(["doctor"])).code, 1);
  const shown = (await run(["doctor"], { isTerminal: true, columns: 60 })).stdout;
  for (const line of shown.split("\n")) assert.ok(line.length <= 60 || !line.trim().includes(" "), line);
  machine.listen({ protocol: "tcp", port: lease.port }, { pid: 4715 });
  await daemon.look();
  assert.deepEqual((await serversOf(setting)).map(([level]) => level), ["ok"]);
});

commandTest("doctor suspects a server in the folder of a lease that waits for one", async (setting) => {
  const { daemon: { machine }, daemon, cwd } = setting;
  const lease = await daemon.grant({ name: "web", project: "shop", holder: { id: `cli:${cwd}`, cwd } });
  machine.start(98, { command: "vite", cwd: "/home/me/blog" });
  machine.listen({ protocol: "tcp", port: 3000 }, { pid: 98 });
  assert.deepEqual((await serversOf(setting)).map(([level]) => level), ["ok"]);
  machine.start(99, { command: "vite", cwd: `${cwd}/web` });
  machine.listen({ protocol: "tcp", port: 5173 }, { pid: 99 });
  const ifIt = "if it is that server, start it with the port of its lease";
  const nobody = `nobody listens on ${lease.port} (shop/web), and pid 99 (vite)`;
  const below = `${nobody} in ${cwd}/web, below ${cwd}, listens on 5173: ${ifIt}`;
  assert.deepEqual(await serversOf(setting), [["warning", below]]);
  machine.start(99, { command: "vite", cwd });
  const same = `${nobody} in the same folder listens on 5173: ${ifIt}`;
  assert.deepEqual(await serversOf(setting), [["warning", same]]);
});

commandTest("doctor finds a server that listens although its portd run and its lease have ended", async (setting) => {
  const { daemon: { machine }, daemon } = setting;
  const lease = await leaseOfRun(setting);
  const startedAt = new Date(daemon.clock.now()).toISOString();
  const { pid } = await daemon.serve(lease, { command: "vite", parentPid: 4711, startedAt });
  machine.end(4711);
  await daemon.end(lease.id, "released");
  const what = `pid ${pid} (vite) still listens on ${lease.port}, and its lease shop/web has ended with its portd run`;
  assert.deepEqual(await serversOf(setting), [["warning", `${what}; end process ${pid} yourself`]]);
});

commandTest("doctor calls nobody the former server of a lease who was a stranger on its port", async (setting) => {
  const { daemon: { machine }, daemon } = setting;
  const lease = await leaseOfRun(setting);
  const startedAt = new Date(daemon.clock.now()).toISOString();
  machine.start(99, { command: "node web.mjs", cwd: "/home/me/stranger", startedAt });
  machine.listen({ protocol: "tcp", port: lease.port }, { pid: 99 });
  await daemon.look();
  assert.equal(daemon.leases[0]?.state, "conflict");
  await daemon.end(lease.id, "released");
  assert.deepEqual((await serversOf(setting)).map(([level]) => level), ["ok"]);
});

Deno.test("doctor finds a server whose portd run has ended, while its lease stays", {
  ignore: Deno.build.os !== "linux",
  sanitizeResources: false, // libc stays open
}, async () => {
  await using setting = await setUp();
  const { daemon: { machine }, daemon, cwd } = setting;
  const lease = await leaseOfRun(setting);
  // This very process is the server: doctor looks for itself whether it runs.
  const { startTime } = openProcesses(new Procfs(openLibc())).find(Deno.pid)!;
  machine.start(Deno.pid, { command: "vite", startTime, parentPid: 4711, cwd });
  machine.listen({ protocol: "tcp", port: lease.port }, { pid: Deno.pid });
  await daemon.look();
  const what = `pid ${Deno.pid} (vite) still listens on shop/web (${lease.port}/tcp)`;
  assert.deepEqual(await serversOf(setting), [
    ["warning", `${what}, and its portd run (pid 4711) has ended; portd free ${lease.port} ends it`],
  ]);
});

Deno.test("doctor looks at no port of the system, of a process that has a leased port, or of the daemon", () => {
  const web = { ...SOCKET, pid: 10 }, free = { ...SOCKET, lease: null, ofHolder: null };
  const sockets = [
    web,
    { ...free, pid: 10, localPort: 9229 },
    { ...free, localPort: 40_000 },
    { ...free, pid: 6053, localPort: 7678 },
    { ...free, localPort: 5173 },
  ];
  const leases = [{ ...UNCLAIMED, holder: { ...UNCLAIMED.holder, cwd: "/shop" } }];
  const status = { ephemeral: { first: 32_768, last: 60_999 }, pid: 6053 };
  assert.deepEqual(portsToLookAt(sockets, { leases, ended: [], status }), [5173]);
  assert.deepEqual(portsToLookAt(sockets, { leases: [], ended: [], status }), []);
});

commandTest("inspect and wait name the other port on which the server of a lease listens", async (setting) => {
  const { daemon: { machine }, daemon, cwd, run } = setting;
  const command = "portd run web -- node stubborn.mjs";
  machine.start(4711, { command: "deno run -A main.ts run web -- node stubborn.mjs", cwd });
  const holder = { id: `cli:${cwd}`, command, cwd };
  const lease = await daemon.grant({ name: "web", project: "shop", holder, pid: 4711, lifetime: PROCESS });
  machine.start(4715, { command: "node stubborn.mjs", cwd, parentPid: 4711 });
  machine.listen({ protocol: "tcp", port: 4173 }, { pid: 4715 });
  const hint = "add what sets its port to the command, like: --port {port}";
  const what = `shop/web listens on 4173, not on ${lease.port}: pid 4715 (node stubborn.mjs); ${hint}`;
  for (const words of ["web", String(lease.port), "4173"]) {
    const { stdout } = await run(["inspect", words]);
    assert.deepEqual([...stdout.matchAll(/^ {2}advice +(.*)$/gm)].map(([, text]) => text), [what], words);
  }
  assert.match((await run(["inspect", "4173"])).stdout, /^ {2}started by +portd run web -- \S+.* \(4711\)$/m);
  const wait = async (limitMs: number): Promise<string> => {
    const { code, stderr } = await run(["wait", "web", "--timeout", `${limitMs}ms`]);
    assert.equal(code, 7);
    return stderr.includes("has not answered yet") ? wait(2 * limitMs) : stderr; // this machine is slow
  };
  const stderr = await wait(200);
  assert.ok(stderr.endsWith(` nothing listens on shop/web (${lease.port}/tcp) yet; ${what}\n`), stderr);
});
