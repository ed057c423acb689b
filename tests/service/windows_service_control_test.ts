/** The service control of Windows on a small fake of Windows; tests/os/wine_service_test.ts has Wine's. */
import assert from "node:assert/strict";
import { runSteps, type ServiceDefinition, type Step } from "../../src/service/service.ts";
import { FakeWindows } from "../support/windows_service.ts";
import { testConformance } from "./conformance.ts";

const USERS = "S-1-5-32-545", PERSON = "S-1-5-21-1-2-3-1001";
const SERVICE_KEY = "SYSTEM\\CurrentControlSet\\Services\\portd";
const EVENT_KEY = "SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\portd";
const STATE_DIR = "C:\\ProgramData\\portd";
const WRITE = { mask: 0x1301bf, inheritOnly: false };

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

/** Runs the steps. @returns what they do. */
async function done(steps: Promise<readonly Step[]>): Promise<string[]> {
  const texts: string[] = [];
  await runSteps(await steps, ({ does }) => void texts.push(does));
  return texts;
}

function fromSource(windows: FakeWindows): ServiceDefinition {
  for (const name of ["deno.exe", "main.ts", "deno.json", "src\\daemon.ts", "routes\\app.ts"]) {
    windows.files.all.set(`C:\\portd\\${name}`, { kind: "file" });
  }
  const self = ["C:\\portd\\deno.exe", "run", "--allow-net", "file:///C:/portd/main.ts"] as const;
  return { ...windows.definition, self };
}

Deno.test("an installation says each thing that it does", async () => {
  const windows = new FakeWindows();
  assert.deepEqual(await done(windows.control().install(windows.definition)), [
    "make the folder C:\\ProgramData\\portd; only SYSTEM and administrators may open it",
    'make the service portd, which Windows starts as LocalSystem with: "C:\\Program Files\\portd\\portd.exe" service ' +
    "run --state-dir C:\\ProgramData\\portd --listen 127.0.0.1:7678",
    "describe the service as: Leases TCP and UDP ports to the services of this machine.",
    "have Windows start the service a little after the machine",
    "have Windows start the service again 1, 5 and 30 seconds after a failure",
    "count an exit code other than 0 as a failure",
    `write HKLM\\${EVENT_KEY}\\EventMessageFile: %SystemRoot%\\System32\\EventCreate.exe`,
    `write HKLM\\${EVENT_KEY}\\TypesSupported: 7`,
  ]);
  assert.deepEqual(windows.services.installed!.settings.recovery, { resetS: 86_400, restartMs: [1000, 5000, 30_000] });
});

Deno.test("only what is otherwise is changed, and a service that ran is stopped before and runs again after", async () => {
  const windows = new FakeWindows();
  await done(windows.control().install(windows.definition));
  await done(windows.control().start());
  windows.services.set({ isDelayed: false });
  assert.deepEqual(await done(windows.control().install(windows.definition)), [
    "stop the service portd",
    "have Windows start the service a little after the machine",
    "start the service portd",
  ]);
  windows.services.installed = { ...windows.services.installed!, startType: 4 };
  const [, change] = await done(windows.control().install(windows.definition));
  assert.match(change!, /^change the service portd, which Windows starts as LocalSystem with: "C:/);
  assert.equal((await windows.control().status()).startsAtBoot, true);
});

Deno.test("settings that a Windows does not know are left out, and a step says so", async () => {
  const windows = new FakeWindows();
  windows.services.knows.delete("recoversFromExitCode");
  const steps = await done(windows.control().install(windows.definition));
  const [step] = steps.filter((each) => each.startsWith("leave this out"));
  assert.match(step!, /as this Windows does not know the setting: count an exit code other than 0 as a failure$/);
  assert.equal(windows.services.installed!.settings.recoversFromExitCode, undefined);
  assert.deepEqual(await windows.control().install(windows.definition), []);
});

Deno.test("a program in a folder that users can write is refused, with who and where", async () => {
  const windows = new FakeWindows();
  windows.files.all.set("C:\\Program Files\\portd", { kind: "folder", grants: [{ sid: USERS, ...WRITE }] });
  await assert.rejects(windows.control().install(windows.definition), {
    message: "Cannot install C:\\Program Files\\portd\\portd.exe as a service of the system: SHOP\\S-1-5-32-545 may " +
      "change C:\\Program Files\\portd; take it from others with: " +
      'takeown.exe /A /F "C:\\Program Files\\portd", and: icacls.exe "C:\\Program Files\\portd" /reset',
  });
});

Deno.test("a program of one's own is refused where UAC has split the user's token", async () => {
  const windows = new FakeWindows();
  windows.files.all.set(windows.definition.self[0], { kind: "file", owner: PERSON });
  await assert.rejects(
    windows.control().install(windows.definition),
    /1001 may change C:\\Program Files\\portd\\portd.exe/,
  );
  const self = ["C:\\tools\\portd.exe"] as const;
  windows.files.all.set(self[0], { kind: "file", owner: PERSON });
  await assert.rejects(
    windows.control().install({ ...windows.definition, self }),
    /; copy portd to C:\\Program Files\\portd and install it from there$/,
  );
  windows.files.unsplit.push(PERSON);
  assert.ok((await windows.control().install(windows.definition)).length > 0);
});

Deno.test("from source the files that are read count, by every way that leads to them", async () => {
  const windows = new FakeWindows();
  const definition = fromSource(windows);
  assert.ok((await windows.control().install(definition)).length > 0);
  const { all } = windows.files;
  all.set("C:\\portd\\src\\daemon.ts", { kind: "file", grants: [{ sid: USERS, ...WRITE }] });
  await assert.rejects(windows.control().install(definition), /may change C:\\portd\\src\\daemon\.ts/);
  all.set("C:\\portd\\src\\daemon.ts", { kind: "link", target: "D:\\elsewhere.ts" });
  all.set("D:\\elsewhere.ts", { kind: "file", grants: [{ sid: USERS, ...WRITE }] });
  await assert.rejects(windows.control().install(definition), /may change D:\\elsewhere\.ts/);
  all.set("C:\\portd\\src\\daemon.ts", { kind: "file" });
  all.set("C:\\Users\\me\\AppData\\Local\\deno\\npm", { kind: "folder", owner: PERSON });
  await assert.rejects(windows.control().install(definition), /may change C:\\Users\\me\\AppData\\Local\\deno\\npm/);
});

Deno.test("a configuration that users can write is refused", async () => {
  const windows = new FakeWindows();
  windows.files.all.set("C:\\shop\\config.yaml", { kind: "file", grants: [{ sid: USERS, ...WRITE }] });
  const words = [...windows.definition.words, "--config", "C:\\shop\\config.yaml"];
  await assert.rejects(
    windows.control().install({ ...windows.definition, words }),
    /with the configuration C:\\shop\\config\.yaml: SHOP\\S-1-5-32-545 may change C:\\shop\\config\.yaml; let only/,
  );
});

Deno.test("a program on another machine is refused", async () => {
  const windows = new FakeWindows();
  windows.files.all.set("\\\\server\\share\\portd.exe", { kind: "file" });
  const definition = { ...windows.definition, self: ["\\\\server\\share\\portd.exe"] as const };
  await assert.rejects(windows.control().install(definition), /portd\.exe is on another machine/);
});

Deno.test("what Deno runs from source has its DENO_DIR in the environment, and portd.exe has none", async () => {
  const windows = new FakeWindows();
  const definition = fromSource(windows);
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
  const windows = new FakeWindows();
  windows.files.all.set(STATE_DIR, { kind: "folder", grants: [{ sid: USERS, mask: 0x1200a9, inheritOnly: false }] });
  const token = `${STATE_DIR}\\admin.token`;
  windows.files.all.set(token, { kind: "file", grants: [{ sid: USERS, mask: 0x1200a9, inheritOnly: false }] });
  const [first] = await done(windows.control().install(windows.definition));
  assert.match(first!, /^change the access list of C:\\ProgramData\\portd and all in it: only SYSTEM and admin/);
  assert.deepEqual(windows.files.all.get(token), { kind: "file" });
  assert.deepEqual(await windows.control().install(windows.definition), []);
});

Deno.test("a file that others can read in a folder that they cannot is taken from them too", async () => {
  const windows = new FakeWindows();
  windows.files.all.set(STATE_DIR, { kind: "folder" });
  const token = `${STATE_DIR}\\admin.token`;
  windows.files.all.set(token, { kind: "file", grants: [{ sid: USERS, mask: 0x1200a9, inheritOnly: false }] });
  const [first] = await done(windows.control().install(windows.definition));
  assert.match(first!, /^change the access list of /);
  assert.deepEqual(windows.files.all.get(token), { kind: "file" });
});

Deno.test("a folder with what is not portd's is not taken from others", async () => {
  const windows = new FakeWindows(), stateDir = "C:\\Windows";
  windows.files.all.set(stateDir, { kind: "folder", grants: [{ sid: USERS, mask: 0x1200a9, inheritOnly: false }] });
  windows.files.all.set(`${stateDir}\\System32`, { kind: "folder" });
  await assert.rejects(windows.control().install({ ...windows.definition, stateDir }), {
    message: "Cannot install a service with the state folder C:\\Windows: it holds System32, and others may open it; " +
      "name a folder of its own",
  });
});

Deno.test("what others put into the state folder while it is taken from them is refused", async () => {
  const windows = new FakeWindows();
  windows.files.all.set(STATE_DIR, { kind: "folder", grants: [{ sid: USERS, mask: 0x1301bf, inheritOnly: false }] });
  const steps = windows.control().install(windows.definition);
  await steps;
  windows.files.all.set(`${STATE_DIR}\\admin.token`, { kind: "link", target: "C:\\Windows" });
  await assert.rejects(done(steps), /admin\.token is a link; remove it$/);
});

Deno.test("a reservation that Windows refuses leaves a service that runs alone", async () => {
  const windows = new FakeWindows();
  await done(windows.control().install(windows.definition));
  await done(windows.control().start());
  windows.netsh.ranges.push("ipv4 tcp 20050 20149");
  const reserve = [{ first: 20_000, last: 20_099 }];
  const words = [...windows.definition.words, "--pool", "20000-20099"];
  await assert.rejects(done(windows.control().install({ ...windows.definition, words, reserve })), /Cannot reserve /);
  assert.equal((await windows.control().status()).state, "running");
});

Deno.test("a state folder that somebody has put there is refused", async () => {
  const refused = async (path: string, file: Parameters<FakeWindows["files"]["all"]["set"]>[1]) => {
    const windows = new FakeWindows();
    windows.files.all.set(path, file);
    await assert.rejects(windows.control().install(windows.definition), (error: Error) => {
      assert.match(error.message, /^Cannot install a service with the state folder /);
      return error.message.includes(path);
    });
  };
  await refused(STATE_DIR, { kind: "folder", owner: PERSON });
  await refused(`${STATE_DIR}\\admin.token`, { kind: "file", owner: PERSON });
  await refused(STATE_DIR, { kind: "link", target: "C:\\Windows" });
  await refused(`${STATE_DIR}\\old\\file`, { kind: "file", owner: PERSON });
  await refused("C:\\ProgramData", { kind: "folder", grants: [{ sid: USERS, mask: 0x40, inheritOnly: false }] });
});

Deno.test("the folders above a state folder count however its path is written", async () => {
  const windows = new FakeWindows();
  windows.files.all.set("D:\\data", { kind: "folder", grants: [{ sid: USERS, mask: 0x40, inheritOnly: false }] });
  for (const stateDir of ["D:\\data\\portd", "D:/data/portd/", "D:\\x\\..\\data\\portd"]) {
    await assert.rejects(
      windows.control().install({ ...windows.definition, stateDir }),
      /1-5-32-545 may change D:\\data; /,
    );
  }
});

Deno.test("a service that ends instead of starting is an error with its exit code and its log", async () => {
  const windows = new FakeWindows();
  await done(windows.control().install(windows.definition));
  windows.services.failure = 3;
  await assert.rejects(done(windows.control().start()), {
    message:
      "Cannot start the service: it ended with exit code 3; its log C:\\ProgramData\\portd\\daemon.log may say why",
  });
  const { state, exitCode, pid } = await windows.control().status();
  assert.deepEqual([state, exitCode, pid], ["failed", 3, null]);
  assert.deepEqual(await windows.control().stop(), [], "it does not run");
});

Deno.test("a service that makes progress is waited for, however long, and one that makes none is not", async () => {
  const windows = new FakeWindows();
  await done(windows.control().install(windows.definition));
  windows.services.checkPoints = 500;
  await done(windows.control().start());
  assert.ok(windows.waitedMs > 60_000, `${windows.waitedMs} ms`);
  windows.services.status = () => ({
    state: 3,
    exitCode: 0,
    specificExitCode: 0,
    checkPoint: 1,
    waitHintMs: 45_000,
    pid: 1,
  });
  windows.waitedMs = 0;
  await assert.rejects(
    done(windows.control().stop()),
    /^Error: Cannot stop the service: nothing has changed for 45 seconds$/,
  );
  assert.ok(windows.waitedMs < 60_000);
});

Deno.test("an uninstallation takes away what was made, and the state folder stays", async () => {
  const windows = new FakeWindows();
  const before = [...windows.keys.values.keys()];
  await done(windows.control().install({ ...windows.definition, reserve: [{ first: 20_000, last: 20_099 }] }));
  await done(windows.control().start());
  const steps = await done(windows.control().uninstall());
  assert.equal(steps[0], "stop the service portd");
  assert.deepEqual(steps.slice(-2), ["remove the service portd", `remove HKLM\\${EVENT_KEY}`]);
  assert.deepEqual([...windows.keys.values.keys()], before);
  assert.deepEqual(windows.netsh.ranges, []);
  assert.equal(windows.files.kindOf(STATE_DIR), "folder");
});

Deno.test("an uninstallation ends when the service is gone, and names what keeps it", async () => {
  const windows = new FakeWindows();
  await done(windows.control().install(windows.definition));
  windows.services.delete = () => {};
  await assert.rejects(done(windows.control().uninstall()), /a program has it open, such as services\.msc/);
});
