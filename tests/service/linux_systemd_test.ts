/** systemd's service control against a systemctl that keeps its unit in a folder. */
import assert from "node:assert/strict";
import type { refuseUnsafe } from "../../src/service/inspect.ts";
import { parseShow } from "../../src/service/linux/systemctl.ts";
import { SystemdControl, type SystemdOptions } from "../../src/service/linux/systemd.ts";
import { VERSION } from "../../src/version.ts";
import { temporaryFolder } from "../support/folder.ts";
import { done as run, textsOf } from "../support/service.ts";
import { testConformance } from "./conformance.ts";

const PROGRAM = new URL("../support/systemctl.ts", import.meta.url).pathname;
const SELF = ["/usr/bin/env"] as const;
const OF_USER = { isUser: true, uid: 1000 } as const;

async function openMachine(options: Partial<SystemdOptions> = {}) {
  const folder = await temporaryFolder();
  const root = folder.path;
  for (const path of ["run/systemd/system", "run/user/1000/systemd"]) {
    await Deno.mkdir(`${root}/${path}`, { recursive: true });
  }
  const control = (more: Partial<SystemdOptions> = {}) =>
    new SystemdControl({
      isUser: false,
      uid: 0,
      env: { XDG_CONFIG_HOME: "/config" },
      unsetEnv: () => {},
      onSignal: () => () => {},
      root,
      systemctl: [Deno.execPath(), "run", "--allow-read", "--allow-write", PROGRAM, root],
      journalctl: ["/bin/echo", "the journal by"],
      inspect: () => {},
      ...options,
      ...more,
    });
  const stateDir = `${root}/state & co`;
  return {
    /** The folder that is `/`. */
    root,
    /** The path of the unit. */
    unit: `${root}/etc/systemd/system/portd.service`,
    control,
    stranger: () => control({ uid: 1001 }),
    definition: { self: SELF, words: ["--state-dir", stateDir], stateDir, reserve: [] },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const register = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, ignore: Deno.build.os === "windows", fn });

testConformance({ name: "systemd", open: openMachine, register });
testConformance({ name: "systemd of a user", open: () => openMachine(OF_USER), register });

/** Registers a test on a machine on which portd is installed. */
function machineTest(name: string, fn: (machine: Awaited<ReturnType<typeof openMachine>>) => Promise<void>): void {
  register(name, async () => {
    await using machine = await openMachine();
    await run(machine.control().install(machine.definition));
    await fn(machine);
  });
}

machineTest("an upgrade stops what runs, replaces the unit, and starts it", async (machine) => {
  await run(machine.control().start());
  const newer = await Deno.readTextFile(machine.unit);
  await Deno.writeTextFile(machine.unit, newer.replace(VERSION, "0.0.1"));
  const steps = machine.control().install(machine.definition);
  assert.deepEqual(await run(steps), [
    "systemctl stop portd.service",
    `write ${machine.unit}`,
    "systemctl daemon-reload",
    "systemctl start portd.service",
  ]);
  assert.deepEqual([(await steps)[1]!.text, await Deno.readTextFile(machine.unit)], [newer, newer]);
});

machineTest("the unit is for all to read, no draft is left, and the state folder is root's alone", async (machine) => {
  assert.equal((await Deno.stat(machine.unit)).mode! & 0o777, 0o644);
  assert.equal((await Array.fromAsync(Deno.readDir(`${machine.root}/etc/systemd/system`))).length, 1);
  assert.equal((await Deno.stat(machine.definition.stateDir)).mode! & 0o777, 0o700);
});

register("a unit that portd has not written is left alone", async () => {
  await using machine = await openMachine();
  await Deno.mkdir(`${machine.root}/etc/systemd/system`, { recursive: true });
  await Deno.writeTextFile(machine.unit, "[Service]\nExecStart=/opt/portd serve\n");
  await assert.rejects(machine.control().install(machine.definition), /portd has not written it; move it away/);
  await assert.rejects(machine.control().uninstall(), /portd has not written it/);
  const { state, command, definition } = await machine.control().status();
  assert.deepEqual([state, command], ["stopped", ["/opt/portd", "serve"]]);
  assert.ok(definition);
});

machineTest("a service that was disabled by hand is enabled by install, and nothing else is done", async (machine) => {
  const path = `${machine.root}/unit.json`, unit = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, unit.replace('"enabled":true', '"enabled":false'));
  assert.equal((await machine.control().status()).startsAtBoot, false);
  const expected = ["systemctl daemon-reload", "systemctl enable portd.service"];
  assert.deepEqual(await textsOf(machine.control().install(machine.definition)), expected);
});

machineTest("a failed start has the words of systemctl and the journal; the next one forgets it", async (machine) => {
  await Deno.writeTextFile(`${machine.root}/fault`, "Job for portd.service failed.");
  await assert.rejects(run(machine.control().start()), {
    message: "Cannot start portd.service: Job for portd.service failed.\nIts last lines:\n" +
      "  the journal by --unit=portd.service --no-pager --output=cat --lines=5",
  });
  const { state, exitCode } = await machine.control().status();
  assert.deepEqual([state, exitCode], ["failed", 128 + 9]);
  assert.deepEqual(await textsOf(machine.control().stop()), []);
  const expected = ["systemctl reset-failed portd.service", "systemctl start portd.service"];
  assert.deepEqual(await textsOf(machine.control().start()), expected);
});

machineTest("uninstall removes a service that has failed", async (machine) => {
  await Deno.writeTextFile(`${machine.root}/fault`, "no");
  await assert.rejects(run(machine.control().start()));
  assert.deepEqual(await run(machine.control().uninstall()), [
    "systemctl disable portd.service",
    `remove ${machine.unit}`,
    "systemctl daemon-reload",
  ]);
  assert.equal((await machine.control().status()).state, "absent");
});

machineTest("what cannot be is refused before anything is done", async (machine) => {
  const { definition } = machine;
  const odd = { ...definition, stateDir: "/var/lib/a\nb" };
  await assert.rejects(machine.control().install(odd), /Cannot install .*"\/var\/lib\/a\\nb"/);
  await assert.rejects(machine.control({ ...OF_USER, env: {} }).install(definition), /HOME is not set/);
});

machineTest("who may not change the service is refused with who may", async (machine) => {
  const refusal = (options: Partial<SystemdOptions>) => machine.control(options).refusal();
  assert.match(await refusal({ uid: 1000 }) ?? "", /only root .*sudo, or --user/);
  assert.match(await refusal({ ...OF_USER, uid: 1001 }) ?? "", /user 1001 has no systemd .*enable-linger/);
  assert.equal(await refusal(OF_USER), undefined);
  await assert.rejects(refusal({ root: "/nonexistent" }), {
    name: "Error", // more rights would not help
    message:
      "Cannot change the service: systemd does not run on this machine; portd serve --detach runs portd without it",
  });
});

register("where no systemd runs only the file counts, and it can be written", async () => {
  await using machine = await openMachine();
  await Deno.remove(`${machine.root}/run/systemd`, { recursive: true });
  assert.equal((await machine.control().status()).state, "absent");
  const steps = await machine.control().install(machine.definition);
  await steps.find(({ text }) => text !== undefined)!.run();
  const { state, definition, command } = await machine.control().status();
  assert.deepEqual([state, definition], ["stopped", "/etc/systemd/system/portd.service"]);
  assert.deepEqual(command?.slice(0, 3), ["/usr/bin/env", "service", "run"]);
});

machineTest("only the service of the system is inspected, with its words and Deno's modules", async (machine) => {
  const inspected: Parameters<typeof refuseUnsafe>[] = [];
  const options: Partial<SystemdOptions> = { inspect: (...call) => void inspected.push(call) };
  const env = { HOME: "/root", XDG_CONFIG_HOME: "/config" };
  await machine.control({ ...options, env }).install(machine.definition);
  await machine.control({ ...options, ...OF_USER, env }).install(machine.definition);
  const seen = inspected.map(([definition, { denoDir }]) => [definition, denoDir]);
  assert.deepEqual(seen, [[machine.definition, "/root/.cache/deno"]]);
});

Deno.test("every state of a unit is one of a service", () => {
  const state = (active: string, load = "loaded") => parseShow(`LoadState=${load}\nActiveState=${active}\n`).state;
  const states = {
    active: "running",
    reloading: "running",
    inactive: "stopped",
    failed: "failed",
    activating: "starting",
    deactivating: "stopping",
    "new in 2030": "stopped",
  };
  for (const [active, expected] of Object.entries(states)) assert.equal(state(active), expected, active);
  assert.equal(state("inactive", "not-found"), "absent");
  const { pid, exitCode } = parseShow("MainPID=812\nExecMainCode=1\nExecMainStatus=3\n");
  assert.deepEqual([pid, exitCode], [812, 3]);
});
