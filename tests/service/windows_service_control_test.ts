/** The service control of Windows on a small fake of Windows; tests/os/wine_service_test.ts has Wine's. */
import assert from "node:assert/strict";
import type { ServiceDefinition, Step } from "../../src/service/service.ts";
import { done } from "../support/service.ts";
import { type FakeFile, FakeWindows } from "../support/windows_service.ts";
import { testConformance } from "./conformance.ts";

const USERS = "S-1-5-32-545", PERSON = "S-1-5-21-1-2-3-1001";
const SERVICE_KEY = "SYSTEM\\CurrentControlSet\\Services\\portd";
const EVENT_KEY = "SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\portd";
const STATE_DIR = "C:\\ProgramData\\portd", TOKEN = `${STATE_DIR}\\admin.token`;
const WRITE = 0x1301bf, READ = 0x1200a9, DELETE_CHILD = 0x40;

testConformance({
  name: "Windows service",
  open: () => {
    const windows = new FakeWindows();
    const control = (isAdministrator: boolean) => {
      windows.services.isAdministrator = isAdministrator;
      return windows.control();
    };
    return Promise.resolve({
      control: () => control(true),
      stranger: () => control(false),
      definition: windows.definition,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
});

/** A Windows with these files. */
function windowsWith(files: Readonly<Record<string, FakeFile>>): FakeWindows {
  const windows = new FakeWindows();
  for (const [path, file] of Object.entries(files)) windows.files.all.set(path, file);
  return windows;
}

/** A file or folder for which users have these rights. */
function openToUsers(kind: "file" | "folder", mask: number): FakeFile {
  return { kind, grants: [{ sid: USERS, mask, inheritOnly: false }] };
}

/** A Windows on which portd is installed. */
async function installed(): Promise<FakeWindows> {
  const windows = new FakeWindows();
  await done(install(windows));
  return windows;
}

function install(windows: FakeWindows, changes: Partial<ServiceDefinition> = {}): Promise<readonly Step[]> {
  return windows.control().install({ ...windows.definition, ...changes });
}

const RESERVE = [{ first: 20_000, last: 20_099 }];
const SOURCES = ["deno.exe", "main.ts", "deno.json", "src\\daemon.ts", "routes\\app.ts"];
const SOURCE_FILES = Object.fromEntries(SOURCES.map((name) => [`C:\\portd\\${name}`, { kind: "file" as const }]));
/** What Deno runs from {@linkcode SOURCE_FILES}. */
const FROM_SOURCE = { self: ["C:\\portd\\deno.exe", "run", "--allow-net", "file:///C:/portd/main.ts"] } as const;

Deno.test("an installation says each thing that it does", async () => {
  const windows = new FakeWindows();
  assert.deepEqual(await done(install(windows)), [
    "make the folder C:\\ProgramData\\portd; only SYSTEM and administrators may open it",
    'make the service portd, which Windows starts as LocalSystem with: "C:\\Program Files\\portd\\portd.exe" service ' +
    "run --state-dir C:\\ProgramData\\portd --listen 127.0.0.1:7678",
    "describe the service as: Leases TCP and UDP ports to the services of this machine.",
    "have Windows start the service with the machine, without a delay",
    "have Windows start the service again 1, 5 and 30 seconds after a failure",
    "count an exit code other than 0 as a failure",
    `write HKLM\\${EVENT_KEY}\\EventMessageFile: %SystemRoot%\\System32\\EventCreate.exe`,
    `write HKLM\\${EVENT_KEY}\\TypesSupported: 7`,
  ]);
  assert.deepEqual(windows.services.installed!.settings.recovery, { resetS: 86_400, restartMs: [1000, 5000, 30_000] });
});

Deno.test("only what is otherwise is changed, and a service that ran is stopped before and runs again after", async () => {
  const windows = await installed();
  await done(windows.control().start());
  windows.services.set({ isDelayed: true });
  assert.deepEqual(await done(install(windows)), [
    "stop the service portd",
    "have Windows start the service with the machine, without a delay",
    "start the service portd",
  ]);
  windows.services.installed = { ...windows.services.installed!, startType: 4 };
  const [, change] = await done(install(windows));
  assert.match(change!, /^change the service portd, which Windows starts as LocalSystem with: "C:/);
  assert.equal((await windows.control().status()).startsAtBoot, true);
});

Deno.test("settings that a Windows does not know are left out, and a step says so", async () => {
  const windows = new FakeWindows();
  windows.services.knows.delete("recoversFromExitCode");
  const [step] = (await done(install(windows))).filter((each) => each.startsWith("leave this out"));
  assert.match(step!, /as this Windows does not know the setting: count an exit code other than 0 as a failure$/);
  assert.equal(windows.services.installed!.settings.recoversFromExitCode, undefined);
  assert.deepEqual(await install(windows), []);
});

Deno.test("a program in a folder that users can write is refused, with who and where", async () => {
  await assert.rejects(install(windowsWith({ "C:\\Program Files\\portd": openToUsers("folder", WRITE) })), {
    message: "Cannot install C:\\Program Files\\portd\\portd.exe as a service of the system: SHOP\\S-1-5-32-545 may " +
      "change C:\\Program Files\\portd; take it from others with: " +
      'takeown.exe /A /F "C:\\Program Files\\portd", and: icacls.exe "C:\\Program Files\\portd" /reset',
  });
});

Deno.test("a program of one's own is refused where UAC has split the user's token", async () => {
  const own = { kind: "file", owner: PERSON } as const, self = ["C:\\tools\\portd.exe"] as const;
  const windows = windowsWith({ "C:\\Program Files\\portd\\portd.exe": own, [self[0]]: own });
  await assert.rejects(install(windows), /1001 may change C:\\Program Files\\portd\\portd.exe/);
  const advice = /; copy portd to C:\\Program Files\\portd and install it from there$/;
  await assert.rejects(install(windows, { self }), advice);
  windows.files.unsplit.push(PERSON);
  assert.ok((await install(windows)).length > 0);
});

Deno.test("from source the files that are read count, by every way that leads to them", async () => {
  const installWith = (files: Readonly<Record<string, FakeFile>>) =>
    install(windowsWith({ ...SOURCE_FILES, ...files }), FROM_SOURCE);
  assert.ok((await installWith({})).length > 0);
  const daemon = "C:\\portd\\src\\daemon.ts", elsewhere = "D:\\elsewhere.ts", open = openToUsers("file", WRITE);
  await assert.rejects(installWith({ [daemon]: open }), /may change C:\\portd\\src\\daemon\.ts/);
  const linked = installWith({ [daemon]: { kind: "link", target: elsewhere }, [elsewhere]: open });
  await assert.rejects(linked, /may change D:\\elsewhere\.ts/);
  const modules = installWith({ "C:\\Users\\me\\AppData\\Local\\deno\\npm": { kind: "folder", owner: PERSON } });
  await assert.rejects(modules, /may change C:\\Users\\me\\AppData\\Local\\deno\\npm/);
});

Deno.test("a configuration that users can write is refused", async () => {
  const windows = windowsWith({ "C:\\shop\\config.yaml": openToUsers("file", WRITE) });
  await assert.rejects(
    install(windows, { words: [...windows.definition.words, "--config", "C:\\shop\\config.yaml"] }),
    /with the configuration C:\\shop\\config\.yaml: SHOP\\S-1-5-32-545 may change C:\\shop\\config\.yaml; let only/,
  );
});

Deno.test("a program on another machine is refused", async () => {
  const self = ["\\\\server\\share\\portd.exe"] as const;
  const windows = windowsWith({ [self[0]]: { kind: "file" } });
  await assert.rejects(install(windows, { self }), /portd\.exe is on another machine/);
});

Deno.test("what Deno runs from source has its DENO_DIR in the environment, and portd.exe has none", async () => {
  const windows = windowsWith(SOURCE_FILES), definition = { ...windows.definition, ...FROM_SOURCE };
  await done(windows.control().install(definition));
  const environment = () => windows.keys.texts(SERVICE_KEY, "Environment");
  assert.deepEqual(environment(), ["DENO_DIR=C:\\Users\\me\\AppData\\Local\\deno"]);
  const env = { DENO_DIR: "C:\\deno", NPM_CONFIG_REGISTRY: "http://127.0.0.1:4873" };
  await done(windows.control({ env }).install(definition));
  assert.deepEqual(environment(), ["DENO_DIR=C:\\deno", "NPM_CONFIG_REGISTRY=http://127.0.0.1:4873"]);
  const steps = await done(windows.control({ env }).install(windows.definition));
  assert.ok(steps.includes(`remove HKLM\\${SERVICE_KEY}\\Environment`));
  assert.deepEqual(environment(), []);
});

Deno.test("a state folder that other users can read is taken from them", async () => {
  const windows = windowsWith({ [STATE_DIR]: openToUsers("folder", READ), [TOKEN]: openToUsers("file", READ) });
  const [first] = await done(install(windows));
  assert.match(first!, /^change the access list of C:\\ProgramData\\portd and all in it: only SYSTEM and admin/);
  assert.deepEqual(windows.files.all.get(TOKEN), { kind: "file" });
  assert.deepEqual(await install(windows), []);
});

Deno.test("a file that others can read in a folder that they cannot is taken from them too", async () => {
  const windows = windowsWith({ [STATE_DIR]: { kind: "folder" }, [TOKEN]: openToUsers("file", READ) });
  const [first] = await done(install(windows));
  assert.match(first!, /^change the access list of /);
  assert.deepEqual(windows.files.all.get(TOKEN), { kind: "file" });
});

Deno.test("a folder with what is not portd's is not taken from others", async () => {
  const stateDir = "C:\\Windows", below = `${stateDir}\\System32`;
  const windows = windowsWith({ [stateDir]: openToUsers("folder", READ), [below]: { kind: "folder" } });
  await assert.rejects(install(windows, { stateDir }), {
    message: "Cannot install a service with the state folder C:\\Windows: it holds System32, and others may open it; " +
      "name a folder of its own",
  });
});

Deno.test("what others put into the state folder while it is taken from them is refused", async () => {
  const windows = windowsWith({ [STATE_DIR]: openToUsers("folder", WRITE) });
  const steps = install(windows);
  await steps;
  windows.files.all.set(TOKEN, { kind: "link", target: "C:\\Windows" });
  await assert.rejects(done(steps), /admin\.token is a link; remove it$/);
});

Deno.test("a reservation that Windows refuses leaves a service that runs alone", async () => {
  const windows = await installed();
  await done(windows.control().start());
  windows.netsh.ranges.push("ipv4 tcp 20050 20149");
  const words = [...windows.definition.words, "--pool", "20000-20099"];
  await assert.rejects(done(install(windows, { words, reserve: RESERVE })), /Cannot reserve /);
  assert.equal((await windows.control().status()).state, "running");
});

Deno.test("a state folder that somebody has put there is refused", async () => {
  const files: readonly (readonly [path: string, file: FakeFile])[] = [
    [STATE_DIR, { kind: "folder", owner: PERSON }],
    [TOKEN, { kind: "file", owner: PERSON }],
    [STATE_DIR, { kind: "link", target: "C:\\Windows" }],
    [`${STATE_DIR}\\old\\file`, { kind: "file", owner: PERSON }],
    ["C:\\ProgramData", openToUsers("folder", DELETE_CHILD)],
  ];
  for (const [path, file] of files) {
    await assert.rejects(install(windowsWith({ [path]: file })), ({ message }: Error) => {
      assert.match(message, /^Cannot install a service with the state folder /);
      return message.includes(path);
    });
  }
});

Deno.test("the folders above a state folder count however its path is written", async () => {
  const windows = windowsWith({ "D:\\data": openToUsers("folder", DELETE_CHILD) });
  for (const stateDir of ["D:\\data\\portd", "D:/data/portd/", "D:\\x\\..\\data\\portd"]) {
    await assert.rejects(install(windows, { stateDir }), /1-5-32-545 may change D:\\data; /);
  }
});

Deno.test("a service that ends instead of starting is an error with its exit code and its log", async () => {
  const windows = await installed();
  windows.services.failure = 3;
  const message = `Cannot start the service: it ended with exit code 3; its log ${STATE_DIR}\\daemon.log may say why`;
  await assert.rejects(done(windows.control().start()), { message });
  const { state, exitCode, pid } = await windows.control().status();
  assert.deepEqual([state, exitCode, pid], ["failed", 3, null]);
  assert.deepEqual(await windows.control().stop(), [], "it does not run");
});

Deno.test("a service that makes progress is waited for, however long, and one that makes none is not", async () => {
  const windows = await installed();
  windows.services.checkPoints = 500;
  await done(windows.control().start());
  assert.ok(windows.waitedMs > 60_000, `${windows.waitedMs} ms`);
  const stopping = { state: 3, exitCode: 0, specificExitCode: 0, checkPoint: 1, waitHintMs: 45_000, pid: 1 };
  windows.services.status = () => stopping;
  windows.waitedMs = 0;
  const refused = /^Error: Cannot stop the service: nothing has changed for 45 seconds$/;
  await assert.rejects(done(windows.control().stop()), refused);
  assert.ok(windows.waitedMs < 60_000);
});

Deno.test("an uninstallation takes away what was made, and the state folder stays", async () => {
  const windows = new FakeWindows();
  const before = [...windows.keys.values.keys()];
  await done(install(windows, { reserve: RESERVE }));
  await done(windows.control().start());
  const steps = await done(windows.control().uninstall());
  assert.equal(steps[0], "stop the service portd");
  assert.deepEqual(steps.slice(-2), ["remove the service portd", `remove HKLM\\${EVENT_KEY}`]);
  assert.deepEqual([...windows.keys.values.keys()], before);
  assert.deepEqual(windows.netsh.ranges, []);
  assert.equal(windows.files.kindOf(STATE_DIR), "folder");
});

Deno.test("an uninstallation ends when the service is gone, and names what keeps it", async () => {
  const windows = await installed();
  windows.services.delete = () => {};
  await assert.rejects(done(windows.control().uninstall()), /a program has it open, such as services\.msc/);
});
