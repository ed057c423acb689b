/** `portd run` with real children, against a fake daemon. */
import assert from "node:assert/strict";
import { RUN_FLAGS } from "../../src/cli/context.ts";
import { ifThere } from "../../src/errors.ts";
import { openLibc } from "../../src/os/linux/libc.ts";
import { Procfs } from "../../src/os/linux/procfs.ts";
import { LinuxProcesses } from "../../src/process/linux/processes.ts";
import { retryUntil } from "../../src/wait.ts";
import { FakeSignals, portd } from "../support/cli.ts";
import { commandTest, type Setting } from "../support/command_setting.ts";
import { TOKEN } from "../support/fake_daemon.ts";
import { listen } from "../support/sockets.ts";

const MAIN = new URL("../../main.ts", import.meta.url).href;

/** The words of a command that runs this source; it writes into the file `out` of the folder. */
async function child({ cwd }: Setting, source: string): Promise<readonly string[]> {
  const path = `${cwd}/child.ts`;
  await Deno.writeTextFile(
    path,
    `const write = (text: string) => Deno.writeTextFileSync("${cwd}/out", text);\n${source}`,
  );
  return [Deno.execPath(), "run", "--no-config", "--no-lock", "--no-prompt", "-A", path];
}

const out = ({ cwd }: Setting) => Deno.readTextFile(`${cwd}/out`);
const states = ({ daemon }: Setting) => daemon.leases.map(({ state }) => state);

commandTest("a command has its ports in the environment and in its words, and releases them", async (setting) => {
  const source = `const { PORT, WEB_PORT, MY_API_PORT } = Deno.env.toObject();
write(JSON.stringify({ PORT, WEB_PORT, MY_API_PORT, args: Deno.args }));`;
  const words = [...await child(setting, source), "{port}", "--api={port:my-api}"];
  assert.deepEqual(await setting.run(["run", "web", "my-api", "--", ...words]), { code: 0, stdout: "", stderr: "" });
  const [web, api] = setting.daemon.leases.map(({ port }) => String(port));
  const expected = { PORT: web, WEB_PORT: web, MY_API_PORT: api, args: [web, `--api=${api}`] };
  assert.deepEqual(JSON.parse(await out(setting)), expected);
  assert.deepEqual(states(setting), ["released", "released"]);
  const { holder, ...body } = setting.daemon.asked("POST", "/v1/leases")[0]?.body as Record<string, unknown>;
  assert.deepEqual(body, {
    project: "shop",
    services: [{ name: "web" }, { name: "my-api" }],
    pid: Deno.pid,
    lifetime: { kind: "process" },
  });
  const { id, command } = holder as Record<string, string>;
  assert.equal(id, `cli:${setting.cwd}`);
  assert.match(command!, /^portd run web my-api -- /);
});

commandTest("--port may name the variable that has it, as a shell would", async (setting) => {
  const words = await child(setting, 'write(Deno.env.get("PORT")!);');
  const portOf = async (text: string, env: Record<string, string>) => {
    const { code, stderr } = await setting.run(["run", "web", "--port", text, "--", ...words], { env });
    return code === 0 ? await out(setting) : stderr;
  };
  const { id, port } = await setting.daemon.grant({}), one = String(port);
  await setting.daemon.end(id, "released");
  assert.equal(await portOf("$P", { P: one }), one);
  assert.equal(await portOf("${P:-4}", { P: one }), one);
  assert.equal(await portOf(`\${P:-${one}}`, {}), one);
  assert.equal(await portOf("$P", {}), "portd: Cannot use --port: it must be a port, and P is not set\n");
  assert.equal(await portOf("${P}", { P: "x" }), 'portd: Cannot use --port: it must be a port, and P is "x"\n');
});

commandTest("without a name a command has any port, one name asks for one lease", async (setting) => {
  const words = await child(setting, 'write(Deno.env.get("PORT")!);');
  await setting.run(["run", "--", ...words]);
  const [lease] = setting.daemon.leases;
  assert.equal(await out(setting), String(lease?.port));
  assert.equal(lease?.name, null);
  await setting.run(["run", "web", "--prefer", "5173", "--hold", "none", "--label", "job=1", "--", ...words]);
  const { name, prefer, hold, labels } = setting.daemon.asked("POST", "/v1/leases")[1]?.body as Record<string, unknown>;
  assert.deepEqual([name, prefer, hold, labels], ["web", [5173], "none", { job: "1" }]);
});

commandTest("a name that is near to a service of portd.yaml is leased with a note", async ({ cwd, run }) => {
  await Deno.writeTextFile(`${cwd}/portd.yaml`, "services: { web: {}, api: {} }\n");
  const note = "note: portd.yaml has no service wbe; did you mean web?\n";
  assert.deepEqual(await run(["run", "wbe", "--", "true"]), { code: 0, stdout: "", stderr: note });
  assert.equal((await run(["lease", "wbe"])).stderr, note);
  for (const name of ["web", "other/wbe", "storybook"]) {
    assert.equal((await run(["run", name, "--", "true"])).stderr, "", name);
  }
});

commandTest(
  "without a name a command has all services of portd.yaml, with the variables of the file",
  async (setting) => {
    const { cwd, daemon, run } = setting;
    await Deno.writeTextFile(
      `${cwd}/portd.yaml`,
      "services: { api: { env: API }, web: { env: PORT, prefer: 5173 }, dns: { protocols: [udp] } }\n",
    );
    const variables = "PORT API API_PORT WEB_PORT DNS_PORT";
    const script = `for name in ${variables}; do eval echo $name=\\$$name; done >"$0/out"; echo "$1" >>"$0/out"`;
    assert.equal((await run(["run", "--", ...shell(script, cwd, "{port:dns}")])).code, 0);
    const [api, web, dns] = daemon.leases.map(({ port }) => port);
    assert.equal(web, 5173);
    assert.equal(
      await out(setting),
      `PORT=${web}\nAPI=${api}\nAPI_PORT=${api}\nWEB_PORT=${web}\nDNS_PORT=${dns}\n${dns}\n`,
    );
    assert.deepEqual(daemon.leases.map(({ name }) => name), ["shop/api", "shop/web", "shop/dns"]);
    const { stderr } = await run(["run", "--port", "8080", "--", "true"]);
    assert.match(stderr, /for all services of portd\.yaml: name the one that they are for \(api, web, dns\)\n$/);
  },
);

commandTest("a named command has what portd.yaml says of its service", async (setting) => {
  const { cwd, daemon, run } = setting;
  await Deno.writeTextFile(`${cwd}/portd.yaml`, "services: { api: { env: API, prefer: 5173, hold: none } }\n");
  assert.equal((await run(["run", "api", "web", "--", ...shell('printf "$API" >"$0/out"', cwd)])).code, 0);
  assert.equal(await out(setting), "5173");
  const { services } = daemon.asked("POST", "/v1/leases")[0]?.body as { services: unknown };
  assert.deepEqual(services, [{ name: "api", prefer: [5173], hold: "none" }, { name: "web" }]);
});

commandTest("a full name is given by --name, also one of digits", async (setting) => {
  assert.equal((await setting.run(["run", "--name", "blog/3000", "--", "true"])).code, 0);
  const [lease] = setting.daemon.leases;
  assert.deepEqual([lease?.name, lease?.holder.command], ["blog/3000", "portd run --name blog/3000 -- true"]);
});

commandTest("the exit code is the command's", async (setting) => {
  assert.equal((await setting.run(["run", "web", "--", ...await child(setting, "Deno.exit(42);")])).code, 42);
  const killed = await child(setting, 'Deno.kill(Deno.pid, "SIGTERM"); setTimeout(() => {}, 300_000);');
  assert.equal((await setting.run(["run", "web", "--", ...killed])).code, 128 + 15);
  assert.deepEqual(states(setting), ["released", "released"]);
});

commandTest("a command that is not there is 127, one that cannot be run 126; both release", async (setting) => {
  const missing = await setting.run(["run", "web", "--", "no-such-command-anywhere"]);
  assert.equal(missing.code, 127);
  assert.match(missing.stderr, /^portd: Cannot run no-such-command-anywhere: /);
  const asJson = await setting.run(["run", "web", "--json", "--", "no-such-command-anywhere"]);
  assert.match(JSON.parse(asJson.stderr).error.message, /^Cannot run no-such-command-anywhere: /);
  await Deno.writeTextFile(`${setting.cwd}/plain`, "", { mode: 0o600 });
  assert.equal((await setting.run(["run", "web", "--", `${setting.cwd}/plain`])).code, 126);
  assert.deepEqual(states(setting), ["released", "released", "released"]);
});

commandTest("a command that cannot be started is named with the reason and what would work", async (setting) => {
  const { cwd, run } = setting;
  const file = (name: string, text: string, mode: number) => Deno.writeTextFile(`${cwd}/${name}`, text, { mode });
  await file("plain", "", 0o600);
  await file("orphan", "#!/no/such/interpreter\n", 0o700);
  const cases = [
    ["nosuch", 127, "there is no such program in PATH; check the spelling, or write its path"],
    ["plain", 127, "there is no such program in PATH; this folder has it: write ./plain"],
    [`${cwd}/nosuch`, 127, "there is no such file"],
    [`${cwd}/orphan`, 127, "the interpreter in its first line is not there"],
    [
      `${cwd}/plain`,
      126,
      `this user may not execute it; chmod +x ${cwd}/plain allows that, or start it with its interpreter`,
    ],
    [cwd, 126, "it is a folder and not a program"],
    [`${cwd}/plain/x`, 126, "a part of the path is a file and not a folder"],
  ] as const;
  for (const [program, code, reason] of cases) {
    const stderr = `portd: Cannot run ${program}: ${reason}\n`;
    assert.deepEqual(await run(["run", "web", "--", program]), { code, stdout: "", stderr });
  }
  assert.ok(states(setting).every((state) => state === "released"));
});

/** A shell, which starts at once: what fails late is not started again. */
const shell = (script: string, ...words: readonly string[]) => ["sh", "-c", script, ...words];

commandTest("a command that meets a stranger on its port is started again with another", async (setting) => {
  const { daemon, cwd, run } = setting;
  using stranger = listen();
  const endpoint = { protocol: "tcp", port: stranger.port } as const;
  // The daemon sees the stranger only when it has granted the port.
  const granted = daemon.whenAsked("/v1/leases").then(() => daemon.machine.listen(endpoint, { pid: 99 }));
  const words = shell('test "$PORT" != "$0" && printf "$PORT" >"$1/out"', String(stranger.port), cwd);
  const { code, stderr } = await run(["run", "web", "--prefer", String(stranger.port), "--", ...words]);
  await granted;
  assert.equal(code, 0);
  const [first, second] = daemon.leases;
  assert.equal(await out(setting), String(second?.port));
  assert.deepEqual([first?.port, second?.port === first?.port], [stranger.port, false]);
  assert.equal(
    stderr,
    `portd: something else listens on the port of ${first?.name} (${stranger.port}/tcp); starting again with another port\n`,
  );
  assert.deepEqual(states(setting), ["released", "released"]);
});

commandTest("a command that meets strangers is started again three times and no more", async (setting) => {
  using stranger = listen(); // the daemon does not see it
  const words = ["--prefer", String(stranger.port), "--", ...shell("exit 3")];
  assert.equal((await setting.run(["run", "web", ...words])).code, 3);
  assert.deepEqual(setting.daemon.leases.map(({ port }) => port), Array(4).fill(stranger.port));
  assert.deepEqual(states(setting), Array(4).fill("released"));
});

commandTest("a command that fails although its port is free is not started again", async (setting) => {
  assert.equal((await setting.run(["run", "web", "--", ...shell("exit 3")])).code, 3);
  assert.equal(setting.daemon.asked("POST", "/v1/leases").length, 1);
});

commandTest("a signal that comes before the command starts ends it all", async (setting) => {
  const signals = new FakeSignals();
  const granting = setting.daemon.whenAsked("/v1/leases");
  const running = setting.run(["run", "web", "--", ...await child(setting, 'write("ran");')], { signals });
  await granting;
  signals.send("SIGTERM");
  assert.equal((await running).code, 128 + 15);
  await assert.rejects(out(setting), Deno.errors.NotFound);
  assert.deepEqual(states(setting), ["released"]);
  assert.equal(signals.listeners, 0);
});

commandTest("a window of Windows that is closed ends the command and releases its leases", async (setting) => {
  const signals = new FakeSignals();
  const words = await child(setting, `write("it runs"); ${SERVER}`);
  const running = setting.run(["run", "web", "--kill-after", "0", "--", ...words], { signals, os: "windows" });
  await retryUntil(() => ifThere(() => Deno.readTextFileSync(`${setting.cwd}/out`)), { pauseMs: 5 });
  signals.send("SIGHUP");
  assert.equal((await running).code, 128 + 9);
  assert.deepEqual(states(setting), ["released"]);
});

commandTest("leases that cannot be released are reported, and the exit code stays", async (setting) => {
  const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
  const request = JSON.stringify({ method: "POST", headers });
  const words = await child(setting, `await fetch("${setting.daemon.url}/v1/stop", ${request});`);
  const { code, stderr } = await setting.run(["run", "web", "--", ...words]);
  assert.equal(code, 0);
  assert.match(stderr, /^portd: Cannot release shop\/web \(\d+\/tcp\): Cannot reach portd at /);
});

/** Whatever process a request names runs on the daemon's machine too. */
function admitProcesses({ daemon: { machine }, daemon }: Setting): void {
  daemon.fault = ({ body }) => {
    const { pid } = (body ?? {}) as { readonly pid?: number };
    if (pid !== undefined && !machine.processes.has(pid)) machine.start(pid);
    return undefined;
  };
}

/** Starts `portd run web WORDS` as a process of its own, without a terminal, and reads what it prints first. */
async function startRun(setting: Setting, words: readonly string[]) {
  admitProcesses(setting);
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", ...RUN_FLAGS, MAIN, "run", "web", ...words],
    cwd: setting.cwd,
    env: setting.env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = process.stdout.getReader();
  const line = new TextDecoder().decode((await reader.read()).value);
  const end = async () => {
    const { code } = await process.status;
    await reader.cancel();
    return { code, stderr: await new Response(process.stderr).text() };
  };
  return { process, line, end };
}

/**
 * Starts `portd run FLAGS -- sh -c SCRIPT`; `"$@"` in the script is a program that runs this source, and prints its pid
 * when it is ready. What the command has left at the end of portd is then ended.
 */
async function startWrapper(
  setting: Setting,
  { flags = [], script, source }: {
    readonly flags?: readonly string[];
    readonly script: string;
    readonly source: string;
  },
) {
  const words = await child(setting, source);
  const { process, line, end } = await startRun(setting, [...flags, "--", "sh", "-c", script, "sh", ...words]);
  const pid = Number(line);
  const endAll = async () => {
    await process.status;
    const isLeft = find(pid) !== undefined;
    if (isLeft) Deno.kill(pid, "SIGKILL");
    return { ...await end(), isLeft };
  };
  return { process, pid, end: endAll };
}

/** Runs until it is ended, or until nobody can wait for that any more. */
const SERVER = `console.log(Deno.pid);
setTimeout(() => { write("nobody has ended it"); Deno.exit(); }, 300_000);`;
/** The same on the leased port, deaf to signals. */
const DEAF_SERVER =
  `for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) Deno.addSignalListener(name, () => {});
Deno.listen({ port: Number(Deno.env.get("PORT")) }); ${SERVER}`;

const linuxTest = Deno.build.os === "linux"
  ? commandTest
  : (name: string) => Deno.test({ name, ignore: true, fn() {} });
const find = (pid: number) => new LinuxProcesses(new Procfs(openLibc())).find(pid);

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  linuxTest(`${signal} to portd without a terminal ends the server behind a shell as well`, async (setting) => {
    const { process, end } = await startWrapper(setting, { script: '"$@"; exit 1', source: SERVER });
    process.kill(signal);
    const code = 128 + { SIGTERM: 15, SIGINT: 2, SIGHUP: 1 }[signal];
    assert.deepEqual(await end(), { code, stderr: "", isLeft: false });
    await assert.rejects(out(setting), Deno.errors.NotFound);
    assert.deepEqual(states(setting), ["released"]);
  });
}

linuxTest("a server in the background of a shell, deaf to SIGINT, is ended after --kill-after", async (setting) => {
  const flags = ["--kill-after", "50ms"];
  const { process, end } = await startWrapper(setting, { flags, script: '"$@" & wait', source: DEAF_SERVER });
  process.kill("SIGINT");
  const { stderr, isLeft } = await end();
  assert.deepEqual([stderr, isLeft], ["", false]);
  assert.deepEqual(states(setting), ["released"]);
});

linuxTest("a command that does not end on SIGTERM gets SIGKILL, and the exit code says so", async (setting) => {
  const flags = ["--kill-after", "0"];
  const { process, end } = await startWrapper(setting, { flags, script: 'exec "$@"', source: DEAF_SERVER });
  process.kill("SIGTERM");
  assert.deepEqual(await end(), { code: 128 + 9, stderr: "", isLeft: false });
});

linuxTest("a daemon that has left the session and listens is named and keeps the lease", async (setting) => {
  const script = 'setsid sh -c \'"$@" & exit\' sh "$@" 2>/dev/null & wait; sleep 300';
  const { process, pid, end } = await startWrapper(setting, { script, source: DEAF_SERVER });
  process.kill("SIGTERM");
  const { code, stderr } = await end();
  const [lease] = setting.daemon.leases;
  Deno.kill(pid, "SIGKILL");
  assert.equal(code, 128 + 15);
  assert.match(
    stderr,
    new RegExp(`^portd: pid ${pid} \\(\\S*deno run .*child\\.ts\\) still listens on ${lease?.name} `),
  );
  assert.ok(stderr.endsWith(`(${lease?.port}/tcp); its lease is kept, and portd free ${lease?.port} ends both\n`));
  assert.equal(lease?.state, "granted");
  assert.deepEqual(setting.daemon.asked("PATCH", "/v1/leases/").map(({ body }) => body), [{ pid }]);
});

linuxTest("a daemon that does not listen is named after a signal, and the lease is released", async (setting) => {
  const { process, pid, end } = await startWrapper(setting, {
    script: 'setsid "$@" 2>/dev/null & wait',
    source: SERVER,
  });
  process.kill("SIGTERM");
  const { stderr, isLeft } = await end();
  assert.ok(isLeft);
  assert.match(stderr, new RegExp(`^portd: pid ${pid} \\(.*\\) still runs: it has left the command's session\n$`));
  assert.deepEqual(states(setting), ["released"]);
});

linuxTest("a command that ends by itself ends nobody; who still listens keeps the lease", async (setting) => {
  const script = 'mkfifo said; "$@" >said 2>/dev/null & read pid <said; echo $pid; exit 3';
  const { pid, end } = await startWrapper(setting, { script, source: DEAF_SERVER });
  const { code, stderr, isLeft } = await end();
  assert.deepEqual([code, isLeft], [3, true]);
  assert.match(stderr, new RegExp(`^portd: pid ${pid} \\(.*\\) still listens on shop/web .*; its lease is kept`));
  assert.deepEqual(states(setting), ["granted"]);
});

linuxTest("without a terminal the command is the first of a session of its own", async (setting) => {
  const { process, pid, end } = await startWrapper(setting, { script: '"$@"; exit 1', source: SERVER });
  const { session, processGroup, parentPid } = find(pid)!;
  assert.deepEqual([session, processGroup], [parentPid, parentPid]);
  assert.equal(find(parentPid!)?.parentPid, process.pid);
  process.kill("SIGTERM");
  await end();
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) {
  commandTest(`${signal} to portd reaches the command, whose exit code is passed on`, async (setting) => {
    const source = `Deno.addSignalListener("${signal}", () => { write("got ${signal}"); Deno.exit(5); });
setTimeout(() => {}, 300_000);
console.log("ready");`;
    const { process, line, end } = await startRun(setting, ["--", ...await child(setting, source)]);
    assert.equal(line, "ready\n");
    process.kill(signal);
    assert.equal((await end()).code, 5);
    assert.equal(await out(setting), `got ${signal}`);
    assert.deepEqual(states(setting), ["released"]);
  });
}

Deno.test("portd run without a daemon that can be had runs nothing", async () => {
  const { code } = await portd(["run", "--no-start", "--url", "http://127.0.0.1:9", "--", "no-such-command-anywhere"]);
  assert.equal(code, 3);
});
