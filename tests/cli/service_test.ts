/** `portd service`, inside this process, with a service that is kept in memory. */
import assert from "node:assert/strict";
import type { RunDaemon } from "../../src/cli/context.ts";
import type { Config } from "../../src/config.ts";
import { PortdError } from "../../src/errors.ts";
import { VERSION } from "../../src/version.ts";
import { rule } from "../firewall/conformance.ts";
import { type CliOptions, type CliOutcome, FakeSignals, portd } from "../support/cli.ts";
import { checkFailure, ok } from "../support/command_setting.ts";
import { FakeDaemon } from "../support/fake_daemon.ts";
import { FakeFirewall } from "../support/firewall.ts";
import { temporaryFolder } from "../support/folder.ts";
import { FakeServiceControl } from "../support/service.ts";
import { freePort } from "../support/sockets.ts";

interface Setting {
  readonly control: FakeServiceControl;
  /** Of the service; not there yet. */
  readonly stateDir: string;
  /** `portd service WORDS --state-dir …`. */
  readonly run: (words: readonly string[], options?: CliOptions) => Promise<CliOutcome>;
}

function serviceTest(name: string, fn: (setting: Setting) => Promise<void>): void {
  Deno.test(name, async () => {
    await using folder = await temporaryFolder();
    const control = new FakeServiceControl();
    const stateDir = `${folder.path}/state`;
    const run = (words: readonly string[], options: CliOptions = {}) =>
      portd(["service", ...words, "--state-dir", stateDir], { service: control, ...options });
    await fn({ control, stateDir, run });
  });
}

/** Words of an install whose address nobody has. */
const installWords = () => ["install", "--listen", `127.0.0.1:${freePort()}`];

async function write(stateDir: string, files: Readonly<Record<string, string>>): Promise<void> {
  await Deno.mkdir(stateDir, { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${stateDir}/${name}`, text);
}

const daemonJson = (url: string, pid = Deno.pid, version = VERSION) =>
  JSON.stringify({ url, pid, startTime: "1", version });

serviceTest("install prints where the service is, and how to start it", async ({ control, stateDir, run }) => {
  const words = installWords();
  const { code, stdout, stderr } = await run(words);
  assert.deepEqual([code, stdout], [0, "/fake/portd\n"]);
  assert.equal(stderr, "write /fake/portd\nstart it with: portd service start\n");
  const { self, words: installed, reserve } = control.definition!;
  assert.deepEqual(self, ["/nowhere/portd"]);
  assert.deepEqual(installed, ["--state-dir", stateDir, "--listen", words[2]]);
  assert.deepEqual([control.definition!.stateDir, reserve], [stateDir, []]);
  assert.deepEqual(await run(words), ok("/fake/portd\n", "already installed\nstart it with: portd service start\n"));
  assert.deepEqual(control.done, ["write /fake/portd"]);
});

serviceTest("install over a service that runs puts the new one in its place, and it runs", async ({ control, run }) => {
  await run(installWords());
  await run(["start"]);
  const { code, stdout } = await run([...installWords(), "--json"]);
  const steps = ["stop portd", "write /fake/portd", "start portd"];
  assert.deepEqual([code, JSON.parse(stdout)], [0, { definition: "/fake/portd", state: "running", steps }]);
  assert.equal((await control.status()).state, "running");
});

serviceTest("install restarts a service that runs another version", async ({ control, stateDir, run }) => {
  const words = installWords();
  await run(words);
  await run(["start"]);
  await write(stateDir, { "daemon.json": daemonJson("http://127.0.0.1:1", control.pid!, "0.0.1") });
  assert.equal((await run([...words, "--dry-run"])).stdout, "stop portd\nstart the service again\n");
  assert.equal((await run(words)).code, 0);
  assert.deepEqual(control.done.slice(-2), ["stop portd", "start portd"]);
  await write(stateDir, { "daemon.json": daemonJson("http://127.0.0.1:1", control.pid!) });
  assert.equal((await run(words)).stderr, "already installed\n");
});

serviceTest("--dry-run prints every step, needs no rights and does nothing", async ({ control, stateDir, run }) => {
  control.refused = "the fake is root's";
  const words = [...installWords(), "--dry-run"];
  const { code, stdout, stderr } = await run(words);
  const text = ["/nowhere/portd", "service", "run", "--state-dir", stateDir, "--listen", words[2]!];
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout, ["write /fake/portd", ...text.map((line) => `    ${line}`), ""].join("\n"));
  const step = { does: "write /fake/portd", text: text.join("\n") };
  assert.deepEqual(JSON.parse((await run([...words, "--json"])).stdout), [step]);
  assert.deepEqual([control.done, control.definition], [[], undefined]);
  assert.deepEqual(await run(["uninstall", "--dry-run", "--json"]), ok("[]\n", "not installed\n"));
});

serviceTest("without the rights nothing is done, and the exit code is 6", async ({ control, run }) => {
  control.refused = "the fake is root's";
  for (const words of [installWords(), ["uninstall"], ["uninstall", "--purge"], ["start"], ["stop"], ["restart"]]) {
    const refusal = "portd: Cannot change the service: the fake is root's\n";
    assert.deepEqual(await run(words), { code: 6, stdout: "", stderr: refusal });
  }
  assert.deepEqual(control.done, []);
  assert.deepEqual([(await run(["status"])).stdout], ["state      not installed\n"]);
});

serviceTest("install refuses a configuration that does not work", async ({ control, stateDir, run }) => {
  await checkFailure(run(["install", "--pool", "9-1"]), 2, /Cannot use "pool" \(flag\)/);
  await write(stateDir, { "config.yaml": "cooldown: 1\n" });
  const unknown = /Cannot use "cooldown" \(.*config\.yaml:1:1\).*did you mean "cooldownMs"/;
  assert.match((await run(["install"])).stderr, unknown);
  assert.deepEqual(control.done, []);
});

serviceTest("install warns of what is set in our environment alone", async ({ control, stateDir, run }) => {
  const settings = { PORTD_POOL: "rubbish", PORTD_STATE_DIR: "/elsewhere", PORTD_CONFIG: "/none" };
  const env = { ...settings, PORTD_URL: "http://127.0.0.1:1" };
  const { code, stderr } = await run(installWords(), { env });
  assert.equal(code, 0);
  const named = stderr.match(/(?<=^warning: )\w+(?= is set here, and the service will not see it)/gm);
  assert.deepEqual(named, ["PORTD_STATE_DIR", "PORTD_POOL", "PORTD_CONFIG"]);
  assert.equal(control.definition?.stateDir, stateDir);
});

Deno.test("the state folder is the service's own on each system, and the user's with --user", async () => {
  // This machine may have such a folder, with a config.yaml that only root may read.
  await using folder = await temporaryFolder();
  const config = `${folder.path}/config.yaml`;
  await Deno.writeTextFile(config, "");
  const dirOf = async (os: typeof Deno.build.os, ...words: string[]) => {
    const service = new FakeServiceControl();
    const env = { HOME: "/home/ada", XDG_STATE_HOME: "/s", ProgramData: "C:\\P" };
    const cwd = os === "windows" ? "C:\\shop" : "/shop";
    const { code, stderr } = await portd(["service", ...installWords(), "--config", config, ...words], {
      service,
      os,
      env,
      cwd,
    });
    assert.equal(code, 0, stderr);
    return service.definition?.words.slice(0, 2);
  };
  assert.deepEqual(await dirOf("linux"), ["--state-dir", "/var/lib/portd"]);
  assert.deepEqual(await dirOf("linux", "--user"), ["--state-dir", "/s/portd"]);
  assert.deepEqual(await dirOf("darwin"), ["--state-dir", "/Library/Application Support/portd"]);
  assert.deepEqual(await dirOf("windows"), ["--state-dir", "C:\\P\\portd"]);
  assert.deepEqual(await dirOf("linux", "--set", "stateDir=/data"), ["--state-dir", "/data"]);
});

serviceTest("--user is refused on Windows, with the reason", async ({ control, run }) => {
  const { code, stderr } = await run(["install", "--user"], { os: "windows" });
  assert.deepEqual([code, control.done], [2, []]);
  assert.match(stderr, /Cannot use --user: Windows has no services of a user/);
});

Deno.test("--reserve-pool reserves the ranges of the configured pool, on Windows", async () => {
  const install = async (os: typeof Deno.build.os) => {
    const service = new FakeServiceControl();
    const words = ["service", ...installWords(), "--pool", "21000-21999,23000", "--reserve-pool"];
    const options = os === "windows" ? { cwd: "C:\\shop", env: { ProgramData: "C:\\P" } } : {};
    return { service, ...await portd(words, { service, os, ...options }) };
  };
  for (const os of ["linux", "darwin"] as const) {
    const { code, stderr, service } = await install(os);
    assert.deepEqual([code, service.definition], [2, undefined]);
    assert.match(stderr, /Cannot use --reserve-pool: only Windows can keep ports for a service/);
  }
  const { service } = await install("windows");
  assert.deepEqual(service.definition?.reserve, [{ first: 21000, last: 21999 }, { first: 23000, last: 23000 }]);
});

serviceTest("install warns of another portd with the address or the file", async ({ control, stateDir, run }) => {
  await using daemon = await FakeDaemon.open();
  const listen = ["--listen", new URL(daemon.url).host];
  const warning = new RegExp(
    `^warning: portd ${VERSION} \\(pid ${Deno.pid}\\) serves ${daemon.url}: .*stop it with: portd stop$`,
    "m",
  );
  assert.match((await run(["install", ...listen])).stderr, warning);
  await write(stateDir, { "daemon.json": daemonJson(daemon.url) });
  assert.match((await run(installWords())).stderr, warning);
  assert.match((await run(["install", "--listen", "127.0.0.1:0"])).stderr, warning);
  control.pid = Deno.pid; // it is the service itself
  assert.doesNotMatch((await run(["install", ...listen])).stderr, /warning/);
});

serviceTest("start, stop and restart do what is to do, and say when nothing is", async ({ control, run }) => {
  await run(installWords());
  assert.deepEqual(await run(["stop"]), ok("", "already stopped\n"));
  assert.deepEqual(await run(["start"]), ok("", "start portd\n"));
  assert.deepEqual(await run(["start"]), ok("", "already running\n"));
  const { stdout } = await run(["restart", "--json"]);
  assert.deepEqual(JSON.parse(stdout), { state: "running", steps: ["stop portd", "start the service again"] });
  assert.equal((await run(["stop"])).code, 0);
  assert.equal((await run(["restart"])).stderr, "start portd\n");
  assert.deepEqual(control.done.slice(1), ["start portd", "stop portd", "start portd", "stop portd", "start portd"]);
});

serviceTest("what is not installed is not started, and the error of a step is printed", async ({ control, run }) => {
  for (const word of ["start", "stop", "restart"]) {
    await checkFailure(run([word]), 1, /^portd: Cannot \w+ the service: it is not installed\n$/);
  }
  await run(installWords());
  control.failure = new Error("Cannot start portd: the fake says no");
  const { code, stderr } = await run(["start"]);
  assert.deepEqual([code, stderr], [1, "start portd\nportd: Cannot start portd: the fake says no\n"]);
});

serviceTest("uninstall keeps the state folder and says where it is", async ({ control, stateDir, run }) => {
  await run(installWords());
  await write(stateDir, { "leases.db": "", "admin.token": "" });
  const { code, stdout, stderr } = await run(["uninstall"]);
  assert.deepEqual([code, stdout], [0, ""]);
  assert.equal(stderr, `remove /fake/portd\nkept in ${stateDir}: admin.token, leases.db\n`);
  assert.equal((await control.status()).state, "absent");
  assert.match((await run(["uninstall"])).stderr, /^not installed\n/);
});

const OWN = ["leases.db", "leases.db-wal", "leases.db.damaged-2026", "admin.token", "daemon.json", "daemon.log.1"];

serviceTest("uninstall takes the rules away that portd has set in the firewall", async ({ control, run }) => {
  const firewall = new FakeFirewall();
  await run(installWords());
  for (const owner of ["00000000", "ffffffff"]) firewall.set(owner, rule(80), rule(81));
  const does = "remove from the firewall (nftables): portd-in-tcp-80, portd-in-tcp-81";
  const planned = await run(["uninstall", "--dry-run"], { firewall });
  assert.deepEqual([planned.stdout.split("\n")[1], firewall.rules.length], [does, 4]);
  assert.ok((await run(["uninstall"], { firewall })).stderr.split("\n").includes(does));
  assert.deepEqual(firewall.rules.map(({ owner }) => owner), ["ffffffff", "ffffffff"]);
  assert.equal(control.definition, undefined);
});

serviceTest("uninstall goes on where the firewall cannot be read, and says so", async ({ control, run }) => {
  const firewall = new FakeFirewall();
  firewall.failure = new PortdError("firewall_unavailable", "Cannot read the firewall: nft is gone");
  await run(installWords());
  const { code, stderr } = await run(["uninstall"], { firewall });
  assert.equal(code, 0);
  assert.match(stderr, /^warning: rules of portd may be left in the firewall: Cannot read the firewall: nft /m);
  assert.equal(control.definition, undefined);
});

serviceTest("uninstall takes a service away whose configuration has a fault", async ({ control, stateDir, run }) => {
  await run(installWords());
  await write(stateDir, { "config.yaml": "listne: 1\n" });
  const { code, stderr } = await run(["uninstall"]);
  assert.equal(code, 0);
  assert.match(stderr, /^warning: rules of portd may be left in the firewall: Cannot use "listne" /m);
  assert.equal(control.definition, undefined);
});

serviceTest("uninstall looks only into the firewall that the service uses", async ({ run }) => {
  const firewall = new FakeFirewall();
  firewall.set("00000000", rule(80));
  await run([...installWords(), "--set", "firewall.backend=none"]);
  assert.doesNotMatch((await run(["uninstall"], { firewall })).stderr, /firewall/);
});

serviceTest("uninstall --purge removes what portd has written, and the folder", async ({ control, stateDir, run }) => {
  await run(installWords());
  await write(stateDir, Object.fromEntries(OWN.map((name) => [name, ""])));
  assert.equal((await run(["uninstall", "--purge", "--dry-run"])).stdout.split("\n").length, OWN.length + 2);
  assert.equal((await run(["uninstall", "--purge"], { typed: ["n\n"] })).code, 1);
  assert.ok(control.definition);
  const { code, stderr } = await run(["uninstall", "--purge"], { typed: ["y\n"] });
  assert.equal(code, 0);
  const question = "Uninstall the service and remove its state?";
  assert.ok(stderr.includes(`its leases too\n${question} [y/N] remove /fake/portd\n`), stderr);
  await assert.rejects(Deno.stat(stateDir), Deno.errors.NotFound);
  assert.equal((await run(["uninstall", "--purge", "--yes"])).code, 0);
});

serviceTest("uninstall --purge leaves alone what is not portd's own, also in a folder that was named wrongly", async ({
  stateDir,
  run,
}) => {
  const others = { "config.yaml": "", "leases.dbx": "", "my.admin.token": "", "daemon.log.old": "" };
  await write(stateDir, { ...others, "leases.db": "" });
  await write(`${stateDir}/daemon.log`, { "leases.db": "" });
  await Deno.symlink(`${stateDir}/config.yaml`, `${stateDir}/daemon.json`);
  const { code, stdout } = await run(["uninstall", "--purge", "--yes", "--json"]);
  const kept = [...Object.keys(others), "daemon.json", "daemon.log"].sort();
  assert.deepEqual([code, JSON.parse(stdout)], [0, { steps: [], stateDir, removed: [`${stateDir}/leases.db`], kept }]);
  assert.ok((await Deno.stat(`${stateDir}/daemon.log/leases.db`)).isFile);
});

serviceTest("uninstall --purge does nothing without an answer, or while another daemon works there", async ({
  control,
  stateDir,
  run,
}) => {
  await run(installWords());
  await write(stateDir, { "leases.db": "" });
  await checkFailure(run(["uninstall", "--purge"]), 2, /stdin is no terminal; pass --yes/);
  await using daemon = await FakeDaemon.open();
  await write(stateDir, { "daemon.json": daemonJson(daemon.url) });
  const refused = await run(["uninstall", "--purge", "--yes"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Cannot remove .*: portd \(pid \d+\) uses it; stop it with: portd stop/);
  assert.deepEqual([control.done, (await Deno.stat(`${stateDir}/leases.db`)).isFile], [["write /fake/portd"], true]);
});

serviceTest("status prints what the system says, and who answers", async ({ control, stateDir, run }) => {
  await using daemon = await FakeDaemon.open();
  await run(installWords());
  control.pid = Deno.pid;
  await write(stateDir, { "daemon.json": daemonJson(daemon.url) });
  const { code, stdout } = await run(["status"]);
  assert.equal(code, 0);
  assert.deepEqual(stdout.replaceAll(/ +/g, " ").split("\n").filter((line) => !line.startsWith("command ")), [
    `state running (pid ${Deno.pid})`,
    "at boot starts",
    "definition /fake/portd",
    `state dir ${stateDir}`,
    `log ${stateDir}/daemon.log`,
    `api ${daemon.url}, portd ${VERSION}`,
    "",
  ]);
  const { api, ...rest } = JSON.parse((await run(["status", "--json"])).stdout);
  assert.deepEqual(api, { url: daemon.url, isReady: true, version: VERSION, pid: Deno.pid });
  const log = { kind: "file", path: `${stateDir}/daemon.log` };
  assert.deepEqual(rest, { ...await control.status(), stateDir, log });
});

serviceTest("status finds a service by --listen if its folder cannot be read", async ({ control, run }) => {
  await using daemon = await FakeDaemon.open();
  await run(["install", "--listen", new URL(daemon.url).host]);
  control.pid = Deno.pid;
  assert.equal((await run(["status"])).code, 0);
  control.pid = Deno.pid + 1; // who answers there is not the service
  const { code, stdout } = await run(["status"]);
  assert.equal(code, 1);
  assert.match(stdout, /^api +does not answer$/m);
});

serviceTest("the exit code of status is 1 unless the service runs and answers", async ({ control, run }) => {
  assert.deepEqual(await run(["status"]), { ...ok("state      not installed\n"), code: 1 });
  await run(installWords());
  assert.equal((await run(["status"])).code, 1);
  control.exitCode = 3;
  assert.match((await run(["status"])).stdout, /^state +failed\nexit code +3$/m);
  await run(["start"]);
  assert.deepEqual([(await run(["status"])).code, JSON.parse((await run(["status", "--json"])).stdout).api], [1, null]);
});

serviceTest("logs prints the last lines, also from files that were rotated", async ({ stateDir, run }) => {
  const { code, stderr } = await run(["logs"]);
  assert.deepEqual([code, stderr], [1, `portd: Cannot read ${stateDir}/daemon.log: there is no such file yet\n`]);
  await write(stateDir, { "daemon.log": "e\nf\x1b[2J\n", "daemon.log.1": "c\nd\n", "daemon.log.2": "a\nb\n" });
  assert.equal((await run(["logs"])).stdout, "a\nb\nc\nd\ne\nf\\x1b[2J\n");
  assert.equal((await run(["logs", "--lines", "3"])).stdout, "d\ne\nf\\x1b[2J\n");
  assert.equal((await run(["logs", "--lines", "1", "--json"])).stdout, '{"line":"f\\u001b[2J"}\n');
});

serviceTest("logs --follow prints new lines, through a rotation, until Ctrl-C", async ({ stateDir, run }) => {
  const path = `${stateDir}/daemon.log`;
  await write(stateDir, { "daemon.log": "a\nb\n" });
  const signals = new FakeSignals();
  const lines = new Lines();
  const following = run(["logs", "--follow", "--lines", "1"], { signals, onStdout: lines.take });
  await lines.until("b");
  await Deno.writeTextFile(path, "c\nd", { append: true });
  await lines.until("c");
  await Deno.writeTextFile(path, "d\ne\n", { append: true });
  await Deno.rename(path, `${path}.1`);
  await lines.until("e");
  await Deno.writeTextFile(path, "f\n");
  await lines.until("f");
  signals.send("SIGINT");
  assert.deepEqual(await following, ok("b\nc\ndd\ne\nf\n"));
  assert.equal(signals.listeners, 0);
});

serviceTest("logs passes on what the journal says", async ({ control, run }) => {
  control.journal = { kind: "journal", command: ["/bin/echo", "--unit=portd.service"] };
  assert.equal((await run(["logs"])).stdout, "--unit=portd.service --no-pager --lines=50\n");
  const { stdout } = await run(["logs", "--follow", "--lines", "7"]);
  assert.equal(stdout, "--unit=portd.service --no-pager --lines=7 --follow\n");
  control.journal = { kind: "journal", command: ["/bin/false"] };
  assert.equal((await run(["logs"])).code, 1);
});

/** A daemon that does nothing but run. It keeps its configurations. */
class IdleDaemon {
  readonly configs: Config[] = [];
  failure: Error | undefined;

  readonly run: RunDaemon = async (config, { signal, onReady }) => {
    this.configs.push(config);
    if (this.failure !== undefined) throw this.failure;
    onReady("http://127.0.0.1:1");
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  };
}

serviceTest("run serves with its configuration until the system stops it", async ({ control, stateDir, run }) => {
  const daemon = new IdleDaemon();
  const ready = Promise.withResolvers<void>();
  control.onReady = ready.resolve;
  await write(stateDir, { "config.yaml": "cooldownMs: 1\n" });
  const running = run(["run", "--pool", "21000-21999"], { daemon: daemon.run });
  await ready.promise;
  control.running!.stop();
  assert.deepEqual(await running, ok(""));
  assert.deepEqual(daemon.configs.map(({ cooldownMs, pool }) => [cooldownMs, pool[0]?.first]), [[1, 21000]]);
});

serviceTest("run ends with the daemon; the log and the exit code have the failure", async ({ stateDir, run }) => {
  const daemon = new IdleDaemon();
  daemon.failure = new Error("Cannot start: the disk is on fire");
  const { code, stderr } = await run(["run"], { daemon: daemon.run });
  assert.deepEqual([code, stderr], [1, ""]); // the log has written it to the real one
  assert.match(await Deno.readTextFile(`${stateDir}/daemon.log`), /Cannot start: the disk is on fire\n$/);
  const ended: RunDaemon = () => Promise.resolve(); // as after portd stop
  assert.equal((await run(["run"], { daemon: ended })).code, 0);
  const bad = await run(["run", "--pool", "x"], { daemon: daemon.run });
  assert.equal(bad.code, 2);
  assert.match(await Deno.readTextFile(`${stateDir}/daemon.log`), /Cannot use "pool" \(flag\)/);
});

serviceTest("the overview does not offer what only the system calls", async () => {
  const { stdout } = await portd(["service", "--help"]);
  for (const word of ["install", "uninstall", "start", "stop", "restart", "status", "logs"]) {
    assert.match(stdout, new RegExp(`^ {2}${word} `, "m"));
  }
  assert.doesNotMatch(stdout, /^ {2}run /m);
});

/** Lines as they are written. */
class Lines {
  #text = "";
  #wake = () => {};

  readonly take = (text: string): void => {
    this.#text += text;
    this.#wake();
  };

  async until(line: string): Promise<void> {
    while (!this.#text.split("\n").includes(line)) await new Promise<void>((resolve) => this.#wake = resolve);
  }
}
