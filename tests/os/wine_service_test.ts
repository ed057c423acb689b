/** portd as a service of Windows, by Wine's Service Control Manager; Wine's own sc.exe and reg.exe are the witnesses. */
import assert from "node:assert/strict";
import type { ServiceStatus } from "../../src/service/service.ts";
import { temporaryFolder } from "../support/folder.ts";
import { osTest } from "../support/os/requirement.ts";
import { Wine } from "../support/os/wine.ts";
import { WINE } from "../support/os/wine_root.ts";
import type { Witness } from "../support/os/wine_service_witness.ts";
import { freePort } from "../support/sockets.ts";

const FLAGS = ["--no-prompt", "-A", "--no-check", "--cached-only"];
const STATE_DIR = "C:\\ProgramData\\portd";
const PROCESS_ABORTED = 1067;

type Status = ServiceStatus & { readonly api: { readonly isReady: boolean } | null };

/** A Windows on which an administrator looks after the service. */
class Machine implements AsyncDisposable {
  readonly wine: Wine;
  readonly listen = `127.0.0.1:${freePort()}`;

  private constructor(wine: Wine) {
    this.wine = wine;
  }

  static async start(): Promise<Machine> {
    const wine = await Wine.start();
    // Wine does not give services the variables of their `Environment`: .npmrc names the registry instead.
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(`${folder.path}/.npmrc`, `registry=${wine.env.NPM_CONFIG_REGISTRY}\n`);
    await wine.lay(`${folder.path}/.npmrc`);
    return new Machine(wine);
  }

  /** Runs `portd service ARGS` as an administrator. @returns what it wrote to stdout. */
  async service(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#run("wine_administrator.ts", "service", ...args);
    assert.equal(code, 0, `portd service ${args.join(" ")}: ${stdout}${stderr}`);
    return stdout;
  }

  /** What `portd service status` says. */
  async status(): Promise<Status> {
    const { code, stdout, stderr } = await this.#run("wine_administrator.ts", "service", "status", "--json");
    const status: Status = JSON.parse(stdout || assert.fail(stderr));
    assert.equal(code, status.state === "running" && status.api?.isReady ? 0 : 1, stdout);
    return status;
  }

  /** Asks until the service answers, ten times at most. */
  async answering(): Promise<void> {
    for (let i = 0; i < 10; i++) if ((await this.status()).api?.isReady) return;
    assert.fail("it runs and does not answer");
  }

  async look(): Promise<Witness> {
    const { stdout, stderr } = await this.#run("wine_service_witness.ts", "look", STATE_DIR);
    return JSON.parse(stdout || assert.fail(stderr));
  }

  /** Runs `portd service ARGS`, which is to fail. @returns what it wrote to stderr. */
  async failing(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#run("wine_administrator.ts", "service", ...args);
    assert.notEqual(code, 0, stdout);
    return stderr;
  }

  async act(...words: readonly string[]): Promise<void> {
    const { code, stderr } = await this.#run("wine_service_witness.ts", ...words);
    assert.equal(code, 0, stderr);
  }

  /** Asks the service's API. */
  async ask(path: string, body?: unknown): Promise<Record<string, unknown>> {
    const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(`http://${this.listen}/v1${path}`, body === undefined ? {} : post);
    const answer = await response.json();
    assert.ok(response.ok, `${path}: ${JSON.stringify(answer)}`);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.wine[Symbol.asyncDispose]();
  }

  async #run(script: string, ...args: readonly string[]) {
    return await this.wine.deno(["run", ...FLAGS, this.wine.path(`tests/support/os/${script}`), ...args]);
  }
}

/** Checks that portd and sc.exe say the same. */
async function expect(
  machine: Machine,
  state: ServiceStatus["state"],
  { query, exitCode = null }: { readonly query: string; readonly exitCode?: number | null },
): Promise<ServiceStatus> {
  const [status, { query: said }] = [await machine.status(), await machine.look()];
  assert.equal(said.STATE, query);
  assert.deepEqual([status.state, status.exitCode], [state, exitCode]);
  assert.equal(typeof status.pid, state === "running" ? "number" : "object");
  if (exitCode !== null) assert.match(said.WIN32_EXIT_CODE!, new RegExp(`^${exitCode} `));
  return status;
}

async function testInstallation(machine: Machine): Promise<void> {
  assert.equal((await machine.status()).state, "absent");
  const plan = await machine.service("install", "--listen", machine.listen, "--dry-run");
  assert.match(plan, /^make the service portd, which Windows starts as LocalSystem with: "Z:\\box\\deno\.exe" run /m);
  assert.equal((await machine.status()).state, "absent");
  const place = await machine.service("install", "--listen", machine.listen);
  assert.equal(place, "HKLM\\SYSTEM\\CurrentControlSet\\Services\\portd\n");
  const { command, startsAtBoot } = await expect(machine, "stopped", { query: "1 STOPPED" });
  assert.equal(startsAtBoot, true);
  assert.deepEqual(command!.slice(-6), ["service", "run", "--state-dir", STATE_DIR, "--listen", machine.listen]);
  const { service, eventSource } = await machine.look();
  const values = service!.join("\n");
  assert.match(
    values,
    /^ImagePath REG_(?:EXPAND_)?SZ "Z:\\box\\deno\.exe" run .* service run --state-dir C:\\ProgramData\\portd /m,
  );
  assert.match(values, /^DelayedAutostart REG_DWORD 0x1$/mi);
  assert.match(values, /^ObjectName REG_SZ LocalSystem$/m);
  assert.match(values, /^Environment REG_MULTI_SZ DENO_DIR=.*deno\\0NPM_CONFIG_REGISTRY=http/m);
  assert.match(
    eventSource!.join("\n"),
    /^EventMessageFile REG_EXPAND_SZ .*EventCreate\.exe\nTypesSupported REG_DWORD 0x7$/,
  );
  assert.equal(
    await machine.service("install", "--listen", machine.listen, "--dry-run"),
    "",
    "exactly this is installed",
  );
}

/** Starts the service; that it is stopped, though it does not run, is no error. */
async function start(machine: Machine): Promise<void> {
  await machine.service("stop");
  await machine.service("start");
}

async function testLife(machine: Machine): Promise<void> {
  await start(machine);
  const { pid } = await expect(machine, "running", { query: "4 RUNNING" });
  assert.equal((await machine.ask("/status")).pid, pid);
  const lease = await machine.ask("/leases", { project: "shop", name: "web", lifetime: { kind: "pinned" } });
  await machine.service("stop");
  await expect(machine, "stopped", { query: "1 STOPPED", exitCode: 0 });
  await assert.rejects(machine.ask("/status"), TypeError);
  await start(machine);
  const { id, port, name } = await machine.ask("/leases/by-name/shop/web");
  assert.deepEqual({ id, port, name }, { id: lease.id, port: lease.port, name: "shop/web" });
}

/** A changed configuration counts after a restart, and the leases outlive it. */
async function testConfiguration(machine: Machine): Promise<void> {
  const lease = await machine.ask("/leases/by-name/shop/web");
  await machine.act("write", `${STATE_DIR}\\config.yaml`, "pool: 23000-23009\n");
  await machine.service("restart");
  await machine.answering();
  const status = await machine.ask("/status");
  assert.ok((status.pool as { size: number }).size <= 10, JSON.stringify(status));
  assert.equal((await machine.ask("/leases/by-name/shop/web")).id, lease.id);
}

async function testDeath(machine: Machine): Promise<void> {
  const { pid } = await machine.status();
  await machine.act("kill", String(pid));
  await expect(machine, "failed", { query: "1 STOPPED", exitCode: PROCESS_ABORTED });
  await machine.service("start");
  await expect(machine, "running", { query: "4 RUNNING" });
}

/** A failure that the daemon reports itself, by its exit code. */
async function testFailure(machine: Machine): Promise<void> {
  await machine.service("stop");
  await machine.act("write", `${STATE_DIR}\\config.yaml`, "pool: nowhere\n");
  const said = await machine.failing("start");
  assert.match(
    said,
    /Cannot start the service: it ended with exit code 1; its log C:\\ProgramData\\portd\\daemon\.log may/,
  );
  const { state, exitCode } = await machine.status();
  assert.deepEqual([state, exitCode], ["failed", 1]);
  const { query } = await machine.look();
  assert.deepEqual([query.WIN32_EXIT_CODE, query.SERVICE_EXIT_CODE], ["1066 (0x42a)", "1 (0x1)"]);
  await machine.act("write", `${STATE_DIR}\\config.yaml`, "pool: 23000-23009\n");
  await machine.service("start");
}

async function testRemoval(machine: Machine): Promise<void> {
  await machine.service("uninstall");
  await assert.rejects(machine.ask("/status"), TypeError);
  assert.equal((await machine.status()).state, "absent");
  const { query, service, parameters, eventSource, files } = await machine.look();
  assert.deepEqual([query, service, parameters, eventSource], [{}, undefined, undefined, undefined]);
  assert.ok(files.includes("leases.db") && !files.includes("daemon.json"), files.join(" "));
}

osTest("on Windows portd is a service from its installation to its removal", WINE, async () => {
  await using machine = await Machine.start();
  const refused = await machine.wine.portd(["service", "install"]);
  assert.match(
    refused.stderr,
    /^portd: Cannot install Z:\\box\\portd\\main\.ts as a service of the system: VM\\root may change Z:\\box/i,
  );
  assert.notEqual(refused.code, 0);
  await testInstallation(machine);
  await testLife(machine);
  await testConfiguration(machine);
  await testDeath(machine);
  await testFailure(machine);
  await testRemoval(machine);
});

osTest(
  "on Windows its service control passes the conformance suite, and knows who may change a program",
  WINE,
  async () => {
    await using machine = await Machine.start();
    const { wine } = machine;
    const script = wine.path("tests/support/os/wine_administrator.ts");
    const { code, stdout, stderr } = await wine.deno([
      "run",
      ...FLAGS,
      script,
      "--tests",
      "tests/support/os/wine_service.ts",
    ]);
    const [, passed] = /^ok \| (\d+) passed \| 0 failed \(/m.exec(stdout) ?? assert.fail(stdout + stderr);
    assert.ok(Number(passed) > 15, stdout); // of which most are the conformance suite
    assert.equal(code, 0);
  },
);
