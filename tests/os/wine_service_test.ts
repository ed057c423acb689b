/** portd as a service of Windows, by Wine's Service Control Manager; Wine's own sc.exe and reg.exe are asked too. */
import assert from "node:assert/strict";
import type { ServiceStatus } from "../../src/service/service.ts";
import { osTest } from "../support/os/requirement.ts";
import { FLAGS } from "../support/os/wine.ts";
import { Machine, STATE_DIR } from "../support/os/wine_machine.ts";
import { WINE } from "../support/os/wine_root.ts";

const CONFIG = `${STATE_DIR}\\config.yaml`;
const PROCESS_ABORTED = 1067;

/** Checks that portd and sc.exe say the same. */
async function expect(
  machine: Machine,
  state: ServiceStatus["state"],
  { query, exitCode = null }: { readonly query: string; readonly exitCode?: number | null },
): Promise<ServiceStatus> {
  const [status, { query: shown }] = [await machine.status(), await machine.look()];
  assert.equal(shown.STATE, query);
  assert.deepEqual([status.state, status.exitCode], [state, exitCode]);
  assert.equal(typeof status.pid, state === "running" ? "number" : "object");
  if (exitCode !== null) assert.match(shown.WIN32_EXIT_CODE!, new RegExp(`^${exitCode} `));
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
  assert.ok(command!.includes("--cached-only"), command!.join(" "));
  const { service, eventSource } = await machine.look();
  const values = service!.join("\n");
  assert.match(
    values,
    /^ImagePath REG_(?:EXPAND_)?SZ "Z:\\box\\deno\.exe" run .* service run --state-dir C:\\ProgramData\\portd /m,
  );
  assert.doesNotMatch(values, /^DelayedAutostart REG_DWORD 0x1$/mi);
  assert.match(values, /^Start REG_DWORD 0x2$/m);
  assert.match(values, /^ObjectName REG_SZ LocalSystem$/m);
  assert.match(values, /^Environment REG_MULTI_SZ DENO_DIR=.*deno\\0NPM_CONFIG_REGISTRY=http/m);
  assert.match(
    eventSource!.join("\n"),
    /^EventMessageFile REG_EXPAND_SZ .*EventCreate\.exe\nTypesSupported REG_DWORD 0x7$/,
  );
  assert.equal(
    await machine.service("install", "--listen", machine.listen, "--dry-run"),
    "",
    "it is installed exactly so",
  );
}

/** Starts the service. Before that it is stopped, which is no error where it does not run. */
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
  await machine.order("write", { path: CONFIG, text: "pool: 23000-23009\n" });
  await machine.service("restart");
  const status = await machine.ask("/status");
  assert.ok((status.pool as { size: number }).size <= 10, JSON.stringify(status));
  assert.equal((await machine.ask("/leases/by-name/shop/web")).id, lease.id);
}

async function testDeath(machine: Machine): Promise<void> {
  const { pid } = await machine.status();
  await machine.order("kill", pid!);
  await expect(machine, "failed", { query: "1 STOPPED", exitCode: PROCESS_ABORTED });
  await machine.service("start");
  await expect(machine, "running", { query: "4 RUNNING" });
}

/** A failure that the daemon reports by its exit code. */
async function testFailure(machine: Machine): Promise<void> {
  await machine.service("stop");
  await machine.order("write", { path: CONFIG, text: "pool: nowhere\n" });
  assert.match(
    await machine.failing("start"),
    /Cannot start the service: it ended with exit code 1; its log C:\\ProgramData\\portd\\daemon\.log may/,
  );
  const { state, exitCode } = await machine.status();
  assert.deepEqual([state, exitCode], ["failed", 1]);
  const { query } = await machine.look();
  assert.deepEqual([query.WIN32_EXIT_CODE, query.SERVICE_EXIT_CODE], ["1066 (0x42a)", "1 (0x1)"]);
  await machine.order("write", { path: CONFIG, text: "pool: 23000-23009\n" });
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

osTest("on Windows portd is a service from its installation to its removal", WINE, async (t) => {
  await using machine = await Machine.start();
  await t.step("its service control passes the conformance suite, and knows who may change a program", async () => {
    const args = ["test", ...FLAGS, "tests/support/os/wine_service.ts"];
    const { code, stdout, stderr } = await machine.order("deno", args);
    const [, passed] = /^ok \| (\d+) passed \| 0 failed \(/m.exec(stdout) ?? assert.fail(stdout + stderr);
    assert.ok(Number(passed) > 15, stdout); // most of them are the conformance suite
    assert.equal(code, 0);
  });
  await t.step("a program that others can change is refused", async () => {
    const { code, stderr } = await machine.wine.portd(["service", "install"]);
    assert.match(
      stderr,
      /^portd: Cannot install Z:\\box\\portd\\main\.ts as a service of the system: \S+\\root may change Z:\\box/i,
    );
    assert.notEqual(code, 0);
  });
  await t.step("it is installed", () => testInstallation(machine));
  await t.step("it is started and stopped, and knows its leases", () => testLife(machine));
  await t.step("a changed configuration counts after a restart", () => testConfiguration(machine));
  await t.step("it fails when it is killed", () => testDeath(machine));
  await t.step("it fails when its configuration is wrong", () => testFailure(machine));
  await t.step("it is removed, and its leases stay", () => testRemoval(machine));
});
