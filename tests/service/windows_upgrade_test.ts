/** The program of the service of Windows is copied, swapped and put back; tests/os/wine_upgrade_test.ts has Wine's. */
import assert from "node:assert/strict";
import type { Step } from "../../src/service/service.ts";
import { done } from "../support/service.ts";
import { type FakeFile, FakeWindows } from "../support/windows_service.ts";

const FOLDER = "C:\\Program Files\\portd", PROGRAM = `${FOLDER}\\portd.exe`;
const SOURCE = "C:\\Users\\me\\Downloads\\portd.exe", BROKEN = "broken";
const PERSON = "S-1-5-21-1-2-3-1001", USERS = "S-1-5-32-545";

/** A Windows to which a user has brought a program. */
function windowsWith(text: string, place: FakeFile | undefined): FakeWindows {
  const windows = new FakeWindows();
  windows.files.person = PERSON;
  windows.files.all.delete(PROGRAM);
  if (place !== undefined) windows.files.all.set(PROGRAM, place);
  windows.files.all.set(SOURCE, { kind: "file", owner: PERSON, text });
  windows.services.failureOf = () => windows.files.all.get(PROGRAM)?.text === BROKEN ? 3 : 0;
  return windows;
}

function install(windows: FakeWindows): Promise<readonly Step[]> {
  return windows.control().install({ ...windows.definition, self: [SOURCE] });
}

/** A Windows whose service runs the version 1, and to which another one was brought. */
async function running(text: string): Promise<FakeWindows> {
  const windows = windowsWith(text, { kind: "file", text: "1" });
  await done(windows.control().install(windows.definition));
  await done(windows.control().start());
  return windows;
}

/** The files of the program with their texts. */
function programs({ files }: FakeWindows): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(files.entries(FOLDER).map(({ name }) => [name, files.all.get(`${FOLDER}\\${name}`)?.text]));
}

Deno.test("a new service gets a copy of the program in Program Files, and is started once", async () => {
  const windows = windowsWith("1", undefined);
  const steps = await done(install(windows));
  assert.deepEqual(steps.slice(0, 2), [
    `copy ${SOURCE} to ${FOLDER}\\portd.new.exe`,
    `put it in the place of ${PROGRAM}`,
  ]);
  assert.equal(steps.at(-1), "start the service portd");
  assert.deepEqual(programs(windows), { "portd.exe": "1" });
  const { state, command } = await windows.control().status();
  assert.deepEqual([state, command?.[0]], ["running", PROGRAM]);
  assert.deepEqual(await install(windows), [], "it is installed exactly so");
});

Deno.test("a service that runs gets the new program, and runs again", async () => {
  const windows = await running("2");
  assert.deepEqual(await done(install(windows)), [
    `copy ${SOURCE} to ${FOLDER}\\portd.new.exe`,
    "stop the service portd",
    `put it in the place of ${PROGRAM}`,
    "start the service portd; if it fails, undo all of this",
    "remove the program before it",
  ]);
  assert.deepEqual(programs(windows), { "portd.exe": "2" });
  assert.equal((await windows.control().status()).state, "running");
});

Deno.test("a program that does not start is taken away, and the one before it runs again", async () => {
  const windows = await running(BROKEN);
  await assert.rejects(done(install(windows)), {
    message: "Cannot start the service: it ended with exit code 3; its log C:\\ProgramData\\portd\\daemon.log may " +
      "say why; the service has the program that it had before, and runs",
  });
  assert.deepEqual(programs(windows), { "portd.exe": "1" });
  assert.equal((await windows.control().status()).state, "running");
  assert.deepEqual(windows.keys.texts("SYSTEM\\CurrentControlSet\\Services\\portd\\Parameters", "CopiedProgram"), []);
});

Deno.test("a service that was stopped is started once, and stopped again", async () => {
  const windows = await running("2");
  await done(windows.control().stop());
  const steps = await done(install(windows));
  assert.deepEqual(steps.slice(-3), [
    "start the service portd; if it fails, undo all of this",
    "stop the service portd",
    "remove the program before it",
  ]);
  assert.equal((await windows.control().status()).state, "stopped");
});

Deno.test("a service that ran from elsewhere runs from there again when the copy does not start", async () => {
  const windows = windowsWith(BROKEN, undefined), elsewhere = "C:\\tools\\deno.exe", main = "C:\\tools\\main.ts";
  windows.files.all.set(elsewhere, { kind: "file" });
  windows.files.all.set(main, { kind: "file" });
  const self = [elsewhere, "run", "--cached-only", main] as const;
  await done(windows.control().install({ ...windows.definition, self }));
  await done(windows.control().start());
  const { command } = await windows.control().status();
  const environment = () => windows.keys.texts("SYSTEM\\CurrentControlSet\\Services\\portd", "Environment");
  const variables = environment();
  assert.equal(variables.length, 1);
  await assert.rejects(done(install(windows)), /the service has the program that it had before, and runs$/);
  assert.deepEqual(programs(windows), {});
  const after = await windows.control().status();
  assert.deepEqual([after.state, after.command, environment()], ["running", command, variables]);
});

Deno.test("a program that still runs is renamed, and removed by the next upgrade or by Windows", async () => {
  const windows = await running("2");
  windows.files.running.add(PROGRAM); // another process than that of the service
  await done(install(windows));
  assert.deepEqual(programs(windows), { "portd.exe": "2", "portd.old-1.exe": "1" });
  assert.deepEqual(windows.files.doomed, [`${FOLDER}\\portd.old-1.exe`]);
  windows.files.all.set(SOURCE, { kind: "file", owner: PERSON, text: "3" });
  windows.files.running.clear();
  await done(install(windows));
  assert.deepEqual(programs(windows), { "portd.exe": "3" });
});

Deno.test("what fails while the service is stopped is undone, and it runs again", async () => {
  const windows = await running("2");
  const steps = await install(windows);
  windows.files.programs.rename = () => {
    throw new Deno.errors.PermissionDenied("held by a scanner");
  };
  await assert.rejects(done(Promise.resolve(steps)), /^Error: held by a scanner; the service has the program that it/);
  assert.equal((await windows.control().status()).state, "running");
});

Deno.test("a new service whose program does not start stays installed, and the error says how to start it", async () => {
  const windows = windowsWith(BROKEN, undefined);
  await assert.rejects(done(install(windows)), /may say why; once that is mended, start it with: portd service start$/);
  assert.equal((await windows.control().status()).state, "failed");
});

Deno.test("a program that other users can change is not copied, nor into a folder that they can change", async () => {
  const write = { sid: USERS, mask: 0x1301bf, inheritOnly: false };
  const windows = windowsWith("2", { kind: "file", text: "1" });
  windows.files.all.set(SOURCE, { kind: "file", grants: [write] });
  await assert.rejects(install(windows), /may change C:\\Users\\me\\Downloads\\portd\.exe; copy portd to /);
  windows.files.all.set(SOURCE, { kind: "file", owner: PERSON });
  const steps = await install(windows);
  windows.files.all.set(FOLDER, { kind: "folder", grants: [write] });
  await assert.rejects(done(Promise.resolve(steps)), /may change C:\\Program Files\\portd;.*; nothing was installed$/);
  assert.deepEqual(programs(windows), { "portd.exe": "1" });
});

Deno.test("an uninstallation leaves a program that was there before", async () => {
  const windows = await running("2");
  await done(install(windows));
  await done(windows.control().uninstall());
  assert.deepEqual(programs(windows), { "portd.exe": "2" });
});

Deno.test("an uninstallation removes the program that was copied, and no other", async () => {
  const windows = windowsWith("1", undefined);
  await done(install(windows));
  assert.equal((await done(windows.control().uninstall())).at(-1), `remove ${PROGRAM}`);
  assert.deepEqual(programs(windows), {});
  windows.files.all.set(PROGRAM, { kind: "file" });
  await done(windows.control().install(windows.definition));
  await done(windows.control().uninstall());
  assert.ok(windows.files.all.has(PROGRAM));
});
