/** systemd's service control against a systemctl that keeps its unit in a folder. */
import assert from "node:assert/strict";
import { runSteps, type ServiceDefinition, type Step } from "../../src/service/service.ts";
import { refuseUnsafe, whoMayChange } from "../../src/service/program_files.ts";
import { parseShow } from "../../src/service/linux/systemctl.ts";
import { SystemdControl, type SystemdOptions } from "../../src/service/linux/systemd.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type ConformanceHost, testConformance } from "./conformance.ts";

const PROGRAM = new URL("../support/systemctl.ts", import.meta.url).pathname;
const PORTS = [{ first: 32000, last: 32999 }];

const OF_USER = { isUser: true, uid: 1000 } as const;

interface Machine extends ConformanceHost {
  /** The folder that is `/`. */
  readonly root: string;
  control(options?: Partial<SystemdOptions>): SystemdControl;
  /** What is reserved in the kernel. */
  reserved(): string;
}

async function openMachine(options: Partial<SystemdOptions> = {}): Promise<Machine> {
  const folder = await temporaryFolder();
  const root = folder.path;
  for (const path of ["run/systemd/system", "run/user/1000/systemd"]) {
    await Deno.mkdir(`${root}/${path}`, { recursive: true });
  }
  let reserved = "40000";
  const kernel = {
    read: (path: string) => path.endsWith("ip_local_port_range") ? "32768 60999" : reserved,
    write: (_path: string, text: string) => void (reserved = text.trim()),
  };
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
      kernel: () => kernel,
      inspect: () => {},
      ...options,
      ...more,
    });
  const stateDir = `${root}/state & co`;
  return {
    root,
    control,
    reserved: () => reserved,
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
const told = async (steps: Promise<readonly Step[]>) => (await steps).map(({ does }) => does);

machineTest("an upgrade stops what runs, replaces the unit, and starts it", async (machine) => {
  await run(machine.control().install(machine.definition));
  await run(machine.control().start());
  const path = `${machine.root}/etc/systemd/system/portd.service`;
  const older = (await Deno.readTextFile(path)).replace(/^# Written by portd \S+,/, "# Written by portd 0.0.1,");
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

machineTest(
  "the unit is for all to read, no draft is left, and the state folder is made for root alone",
  async (machine) => {
    await run(machine.control().install(machine.definition));
    const folder = `${machine.root}/etc/systemd/system`;
    assert.equal((await Deno.stat(`${folder}/portd.service`)).mode! & 0o777, 0o644);
    assert.equal((await Array.fromAsync(Deno.readDir(folder))).length, 1);
    assert.equal((await Deno.stat(machine.definition.stateDir)).mode! & 0o777, 0o700);
  },
);

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
  assert.deepEqual(await told(machine.control().install(machine.definition)), expected);
});

machineTest(
  "a start that fails tells what systemctl and the journal say; the next one forgets it first",
  async (machine) => {
    await run(machine.control().install(machine.definition));
    await Deno.writeTextFile(`${machine.root}/fault`, "Job for portd.service failed.");
    await assert.rejects(run(machine.control().start()), {
      message: "Cannot start portd.service: Job for portd.service failed.\nIts last lines:\n" +
        "  the journal by --unit=portd.service --no-pager --output=cat --lines=5",
    });
    const { state, exitCode } = await machine.control().status();
    assert.deepEqual([state, exitCode], ["failed", 128 + 9]);
    assert.deepEqual(await told(machine.control().stop()), []);
    const expected = ["systemctl reset-failed portd.service", "systemctl start portd.service"];
    assert.deepEqual(await told(machine.control().start()), expected);
  },
);

machineTest("uninstall forgets a failure, and gives reserved ports back", async (machine) => {
  const definition: ServiceDefinition = { ...machine.definition, reserve: PORTS };
  await run(machine.control().install(definition));
  assert.equal(machine.reserved(), "40000");
  await machine.control({ env: { SERVICE_RESERVED_PORTS: "32000-32999" } }).run(() => Promise.resolve());
  assert.equal(machine.reserved(), "32768-32999,40000");
  await Deno.writeTextFile(`${machine.root}/fault`, "no");
  await assert.rejects(run(machine.control().start()));
  assert.deepEqual(await told(machine.control().uninstall()), [
    "systemctl disable portd.service",
    "take 32768-32999 out of net.ipv4.ip_local_reserved_ports",
    `remove ${machine.root}/etc/systemd/system/portd.service`,
    "systemctl daemon-reload",
  ]);
  await run(machine.control().uninstall());
  assert.equal(machine.reserved(), "40000");
  assert.equal((await machine.control().status()).state, "absent");
});

machineTest("ports that are not to be reserved any more are given back by the next install", async (machine) => {
  await run(machine.control().install({ ...machine.definition, reserve: PORTS }));
  await machine.control({ env: { SERVICE_RESERVED_PORTS: "32000-32999" } }).run(() => Promise.resolve());
  await run(machine.control().install(machine.definition));
  assert.equal(machine.reserved(), "40000");
});

machineTest("what cannot be is refused before anything is done", async (machine) => {
  const { definition } = machine;
  const user = machine.control(OF_USER);
  await assert.rejects(user.install({ ...definition, reserve: PORTS }), /Cannot reserve ports .*only root may/);
  const odd = { ...definition, stateDir: "/var/lib/a\nb" };
  await assert.rejects(machine.control().install(odd), /Cannot install .*"\/var\/lib\/a\\nb"/);
  await assert.rejects(machine.control({ ...OF_USER, env: {} }).install(definition), /HOME is not set/);
});

machineTest("who may not change the service is told who may", async (machine) => {
  const refusal = (options: Partial<SystemdOptions>) => machine.control(options).refusal();
  assert.match(await refusal({ uid: 1000 }) ?? "", /only root .*sudo, or --user/);
  assert.match(await refusal({ ...OF_USER, uid: 1001 }) ?? "", /no systemd of user 1001 .*enable-linger/);
  assert.equal(await refusal(OF_USER), undefined);
  assert.equal(
    await refusal({ root: "/nonexistent" }),
    "systemd does not run on this machine; portd serve --detach runs portd without it",
  );
});

machineTest("where no systemd runs only the file tells, and the unit can be written all the same", async (machine) => {
  await Deno.remove(`${machine.root}/run/systemd`, { recursive: true });
  assert.equal((await machine.control().status()).state, "absent");
  const steps = await machine.control().install(machine.definition);
  await steps.find(({ text }) => text !== undefined)!.run();
  const { state, definition, command } = await machine.control().status();
  assert.deepEqual([state, definition], ["stopped", "/etc/systemd/system/portd.service"]);
  assert.deepEqual(command?.slice(0, 3), ["/usr/bin/env", "service", "run"]);
});

machineTest("root does not run what another user can replace; a user may run what he likes", async (machine) => {
  const program = `${machine.root}/main.ts`;
  await Deno.writeTextFile(program, "");
  await Deno.chmod(program, 0o777);
  const { inspect: _none, ...options } = { inspect: undefined, uid: 0 };
  const definition = { ...machine.definition, self: ["/usr/bin/env", "run", `file://${program}`] as const };
  const control = new SystemdControl({
    ...options,
    isUser: false,
    env: {},
    unsetEnv: () => {},
    onSignal: () => () => {},
  });
  const changeable =
    /Cannot install \S+main\.ts .*(?:everybody|user \d+) may change .*\/usr\/local\/bin, or use --user/;
  await assert.rejects(control.install(definition), changeable);
  assert.ok((await machine.control(OF_USER).install(definition)).length > 0);
});

Deno.test("root does not write where another user decides what is there", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(`${folder.path}/open`);
  await Deno.chmod(`${folder.path}/open`, 0o777);
  const refused =
    /Cannot install a service with the state folder \S+portd: (?:everybody|user \d+) may change \S+, and so/;
  assert.throws(() => refuseUnsafe(["/usr/bin/env"], `${folder.path}/open/portd`), refused);
  refuseUnsafe(["/usr/bin/env"], "/var/lib/portd-that-is-not-there");
  assert.throws(() => refuseUnsafe(["/usr/bin/env"], "/etc"), /with the state folder \/etc: it holds \S+, and other/);
});

Deno.test("root loads no modules, and reads no configuration, that another user can replace", async () => {
  await using folder = await temporaryFolder();
  const main = `${folder.path}/main.ts`, part = `${folder.path}/src/cli/part.ts`, config = `${folder.path}/config.yaml`;
  await Deno.mkdir(`${folder.path}/src/cli`, { recursive: true });
  for (const path of [main, part, config]) await Deno.writeTextFile(path, "");
  for (const path of [part, config]) await Deno.chmod(path, 0o666);
  const inspect = (self: string[], file?: string) => () => refuseUnsafe(self, "/var/lib/portd-not-there", file);
  const [who, any] = ["(?:everybody|user \\d+)", "\\S+"];
  assert.throws(inspect([`file://${main}`]), new RegExp(`Cannot install ${any}main\\.ts as .*: ${who} may change`));
  assert.throws(inspect([`${folder.path}/src`]), new RegExp(`${who} may change`));
  assert.throws(inspect([], config), new RegExp(`with the configuration ${any}: ${who} may change`));
});

Deno.test("root's file in a folder that others write is safe where the folder is sticky", () => {
  assert.equal(whoMayChange({ uid: 0, mode: 0o755 }), undefined);
  assert.equal(whoMayChange({ uid: 0, mode: 0o2775 }), undefined);
  assert.equal(whoMayChange({ uid: 0, mode: 0o1777 }), undefined);
  assert.equal(whoMayChange({ uid: 0, mode: 0o777 }), "everybody");
  assert.equal(whoMayChange({ uid: 1000, mode: 0o700 }), "user 1000");
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
