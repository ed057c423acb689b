/** `portd run` with real children, against a fake daemon. */
import assert from "node:assert/strict";
import { PERMISSIONS } from "../../src/cli/context.ts";
import { FakeSignals, portd } from "../support/cli.ts";
import { commandTest, type Setting } from "../support/command_setting.ts";
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
const states = ({ daemon }: Setting) => [...daemon.leases.values()].map(({ state }) => state);

commandTest("a command has its ports in the environment and in its words, and releases them", async (setting) => {
  const source = `const { PORT, WEB_PORT, MY_API_PORT } = Deno.env.toObject();
write(JSON.stringify({ PORT, WEB_PORT, MY_API_PORT, args: Deno.args }));`;
  const words = [...await child(setting, source), "{port}", "--api={port:my-api}"];
  assert.deepEqual(await setting.run(["run", "web", "my-api", "--", ...words]), { code: 0, stdout: "", stderr: "" });
  const [web, api] = [...setting.daemon.leases.values()].map(({ port }) => String(port));
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

commandTest("without a name a command has any port, one name asks for one lease", async (setting) => {
  const words = await child(setting, 'write(Deno.env.get("PORT")!);');
  await setting.run(["run", "--", ...words]);
  const [lease] = setting.daemon.leases.values();
  assert.equal(await out(setting), String(lease?.port));
  assert.equal(lease?.name, null);
  await setting.run(["run", "web", "--prefer", "5173", "--hold", "none", "--label", "job=1", "--", ...words]);
  const { name, prefer, hold, labels } = setting.daemon.asked("POST", "/v1/leases")[1]?.body as Record<string, unknown>;
  assert.deepEqual([name, prefer, hold, labels], ["web", [5173], "none", { job: "1" }]);
});

commandTest("the exit code is the command's", async (setting) => {
  assert.equal((await setting.run(["run", "web", "--", ...await child(setting, "Deno.exit(42);")])).code, 42);
  const killed = await child(setting, 'Deno.kill(Deno.pid, "SIGTERM"); setTimeout(() => {}, 60_000);');
  assert.equal((await setting.run(["run", "web", "--", ...killed])).code, 128 + 15);
  assert.deepEqual(states(setting), ["released", "released"]);
});

commandTest("a command that is not there is 127, one that cannot be run 126; both release", async (setting) => {
  const missing = await setting.run(["run", "web", "--", "no-such-command-anywhere"]);
  assert.equal(missing.code, 127);
  assert.match(missing.stderr, /^portd: Cannot run no-such-command-anywhere: /);
  await Deno.writeTextFile(`${setting.cwd}/plain`, "", { mode: 0o600 });
  assert.equal((await setting.run(["run", "web", "--", `${setting.cwd}/plain`])).code, 126);
  assert.deepEqual(states(setting), ["released", "released"]);
});

commandTest("a command that meets a stranger on its port is started again with another", async (setting) => {
  using stranger = listen();
  setting.daemon.nextPorts = [stranger.port];
  const words = await child(
    setting,
    'const port = Number(Deno.env.get("PORT")); try { Deno.listen({ port }).close(); write(`${port}`); } catch { Deno.exit(1); }',
  );
  const { code, stderr } = await setting.run(["run", "web", "--", ...words]);
  assert.equal(code, 0);
  const [first, second] = setting.daemon.leases.values();
  assert.equal(await out(setting), String(second?.port));
  assert.notEqual(second?.port, stranger.port);
  assert.equal(
    stderr,
    `portd: somebody else listens on the port of ${first?.name} (${stranger.port}/tcp); starting again with another\n`,
  );
  assert.deepEqual(states(setting), ["released", "released"]);
});

commandTest("a command that meets strangers is started again three times and no more", async (setting) => {
  using stranger = listen();
  setting.daemon.nextPorts = Array(9).fill(stranger.port);
  const { code } = await setting.run(["run", "web", "--", ...await child(setting, "Deno.exit(3);")]);
  assert.equal(code, 3);
  assert.deepEqual(states(setting), Array(4).fill("released"));
});

commandTest("a command that fails although its port is free is not started again", async (setting) => {
  assert.equal((await setting.run(["run", "web", "--", ...await child(setting, "Deno.exit(3);")])).code, 3);
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

commandTest("leases that cannot be released are told, and the exit code stays", async (setting) => {
  const words = await child(
    setting,
    'await fetch(Deno.args[0] + "/v1/stop", { method: "POST", headers: { authorization: Deno.args[1]! } });',
  );
  const { PORTD_TOKEN: token } = setting.env;
  const { code, stderr } = await setting.run(["run", "web", "--", ...words, setting.daemon.url, `Bearer ${token}`]);
  assert.equal(code, 0);
  assert.match(stderr, /^portd: Cannot release shop\/web \(\d+\/tcp\): Cannot reach portd at /);
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) {
  commandTest(`${signal} to portd reaches the command, whose exit code is passed on`, async (setting) => {
    const words = await child(
      setting,
      `
Deno.addSignalListener("${signal}", () => { write("got ${signal}"); Deno.exit(5); });
setTimeout(() => {}, 60_000);
console.log("ready");`,
    );
    const portd = new Deno.Command(Deno.execPath(), {
      args: ["run", ...PERMISSIONS, MAIN, "run", "web", "--", ...words],
      cwd: setting.cwd,
      env: setting.env,
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const reader = portd.stdout.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "ready\n");
    portd.kill(signal);
    assert.equal((await portd.status).code, 5);
    await reader.cancel();
    assert.equal(await out(setting), `got ${signal}`);
    assert.deepEqual(states(setting), ["released"]);
  });
}

Deno.test("portd run without a daemon that can be had runs nothing", async () => {
  const { code } = await portd(["run", "--no-start", "--url", "http://127.0.0.1:9", "--", "no-such-command-anywhere"]);
  assert.equal(code, 3);
});
