/** systemd's service control against a systemctl that keeps its unit in a folder. */
import assert from "node:assert/strict";
import type { refuseUnsafe } from "../../src/service/inspect.ts";
import { runSteps, type Step } from "../../src/service/service.ts";
import { parseShow } from "../../src/service/linux/systemctl.ts";
import { SystemdControl, type SystemdOptions } from "../../src/service/linux/systemd.ts";
import { VERSION } from "../../src/version.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type ConformanceHost, testConformance } from "./conformance.ts";

const PROGRAM = new URL("../support/systemctl.ts", import.meta.url).pathname;
const OF_USER = { isUser: true, uid: 1000 } as const;

interface Machine extends ConformanceHost {
  /** The folder that is `/`. */
  readonly root: string;
  control(options?: Partial<SystemdOptions>): SystemdControl;
}

async function openMachine(options: Partial<SystemdOptions> = {}): Promise<Machine> {
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
    root,
    control,
    stranger: () => control({ uid: 1001 }),
    definition: { self: ["/usr/bin/env"], words: ["--state-dir", stateDir], stateDir, reserve: [] },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const register = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, ignore: Deno.build.os === "windows", fn });

testConformance({ name: "systemd", open: openMachine, register });
testConformance({ name: "systemd of a user", open: () => openMachine(OF_USER), register });

function machineTest(name: string, fn: (machine: Machine) => Promise<void>): void {
  register(name, async () => {
    await using machine = await openMachine();
    await fn(machine);
  });
}

const run = async (steps: Promise<readonly Step[]>) => await runSteps(await steps, () => {});
const textsOf = async (steps: Promise<readonly Step[]>) => (await steps).map(({ does }) => does);

machineTest("an upgrade stops what runs, replaces the unit, and starts it", async (machine) => {
  await run(machine.control().install(machine.definition));
  await run(machine.control().start());
  const path = `${machine.root}/etc/systemd/system/portd.service`;
  const older = (await Deno.readTextFile(path)).replace(VERSION, "0.0.1");
  await Deno.writeTextFile(path, older);
  const steps = await machine.control().install(machine.definition);
  assert.deepEqual(steps.map(({ does }) => does), [
    "systemctl stop portd.service",
    `write ${path}`,
    "systemctl daemon-reload",
    "systemctl start portd.service",
  ]);
  await runSteps(steps, () => {});
  assert.equal(await Deno.readTextFile(path), steps[1]!.text);
});

machineTest("the unit is for all to read, no draft is left, and the state folder is root's alone", async (machine) => {
  await run(machine.control().install(machine.definition));
  const folder = `${machine.root}/etc/systemd/system`;
  assert.equal((await Deno.stat(`${folder}/portd.service`)).mode! & 0o777, 0o644);
  assert.equal((await Array.fromAsync(Deno.readDir(folder))).length, 1);
  assert.equal((await Deno.stat(machine.definition.stateDir)).mode! & 0o777, 0o700);
});

machineTest("a unit that portd has not written is left alone", async (machine) => {
  const path = `${machine.root}/etc/systemd/system/portd.service`;
  await Deno.mkdir(`${machine.root}/etc/systemd/system`, { recursive: true });
  await Deno.writeTextFile(path, "[Service]\nExecStart=/opt/portd serve\n");
  await assert.rejects(machine.control().install(machine.definition), /portd has not written it; move it away/);
  await assert.rejects(machine.control().uninstall(), /portd has not written it/);
  const { state, command, definition } = await machine.control().status();
  assert.deepEqual([state, command], ["stopped", ["/opt/portd", "serve"]]);
  assert.ok(definition);
});

machineTest("a service that was disabled by hand is enabled by install, and nothing else is done", async (machine) => {
  await run(machine.control().install(machine.definition));
  await Deno.writeTextFile(
    `${machine.root}/unit.json`,
    (await Deno.readTextFile(`${machine.root}/unit.json`)).replace('"enabled":true', '"enabled":false'),
  );
  assert.equal((await machine.control().status()).startsAtBoot, false);
  const expected = ["systemctl daemon-reload", "systemctl enable portd.service"];
  assert.deepEqual(await textsOf(machine.control().install(machine.definition)), expected);
});

machineTest("a failed start has the words of systemctl and the journal; the next one forgets it", async (machine) => {
  await run(machine.control().install(machine.definition));
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
  await run(machine.control().install(machine.definition));
  await Deno.writeTextFile(`${machine.root}/fault`, "no");
  await assert.rejects(run(machine.control().start()));
  assert.deepEqual(await textsOf(machine.control().uninstall()), [
    "systemctl disable portd.service",
    `remove ${machine.root}/etc/systemd/system/portd.service`,
    "systemctl daemon-reload",
  ]);
  await run(machine.control().uninstall());
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
  assert.match(await refusal({ ...OF_USER, uid: 1001 }) ?? "", /no systemd of user 1001 .*enable-linger/);
  assert.equal(await refusal(OF_USER), undefined);
  assert.equal(
    await refusal({ root: "/nonexistent" }),
    "systemd does not run on this machine; portd serve --detach runs portd without it",
  );
});

machineTest("where no systemd runs only the file counts, and it can be written", async (machine) => {
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
  assert.deepEqual(inspected.map(([definition, { denoDir }]) => [definition, denoDir]), [
    [machine.definition, "/root/.cache/deno"],
  ]);
});

Deno.test("every state of a unit is one of a service", () => {
  const state = (active: string, load = "loaded") => parseShow(`LoadState=${load}\nActiveState=${active}\n`).state;
  const states = ["active", "reloading", "inactive", "failed", "activating", "deactivating", "new in 2030"];
  assert.deepEqual(states.map((active) => state(active)), [
    "running",
    "running",
    "stopped",
    "failed",
    "starting",
    "stopping",
    "stopped",
  ]);
  assert.equal(state("inactive", "not-found"), "absent");
  const { pid, exitCode } = parseShow("MainPID=812\nExecMainCode=1\nExecMainStatus=3\n");
  assert.deepEqual([pid, exitCode], [812, 3]);
});
