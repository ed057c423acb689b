/**
 * Tests of the service control of Windows, run by Deno for Windows under Wine: tests/os/wine_service_test.ts starts
 * them. They install services and change lists of rights, so on a real Windows they refuse to run.
 */
import assert from "node:assert/strict";
import { openAdvapi32, openAdvapi32Services } from "../../../src/os/windows/advapi32.ts";
import { openKernel32 } from "../../../src/os/windows/kernel32.ts";
import { runSteps, type ServiceDefinition } from "../../../src/service/service.ts";
import { TRUSTED, whoMayOpen } from "../../../src/service/windows/access.ts";
import { WindowsFiles } from "../../../src/service/windows/acl.ts";
import { WindowsKeys } from "../../../src/service/windows/keys.ts";
import { WindowsServiceControl } from "../../../src/service/windows/service_control.ts";
import { claimUserFolder } from "../../../src/service/windows/user_folder.ts";
import { type ConformanceHost, testConformance } from "../../service/conformance.ts";
import { requireWine } from "./wine_only.ts";

const PROGRAM = new URL("./wine_service_program.ts", import.meta.url).href;
/** Wine shows a folder of Linux that everybody may write as one of everybody's. */
const OPEN_FOLDER = "Z:\\tmp";
const STATE_DIR = "C:\\ProgramData\\portd-tests";
const KEY = "Software\\portd-tests";
const NOT_STARTED_BY_WINDOWS = /^Error: Cannot run as a service: only the Service Control Manager of Windows starts it/;

requireWine("install services");

function openFiles(): WindowsFiles {
  return new WindowsFiles({ advapi32: openAdvapi32(), services: openAdvapi32Services(), kernel32: openKernel32() });
}

const definition: ServiceDefinition = {
  self: [Deno.execPath(), "run", "--no-prompt", "-A", "--no-check", "--cached-only", PROGRAM],
  words: ["--state-dir", STATE_DIR],
  stateDir: STATE_DIR,
  reserve: [],
};

function openHost(): ConformanceHost {
  return {
    control: () => new WindowsServiceControl(),
    definition,
    async [Symbol.asyncDispose]() {
      await runSteps(await new WindowsServiceControl().uninstall(), () => {});
    },
  };
}

testConformance({ name: "Windows service", open: () => Promise.resolve(openHost()) });

Deno.test("a program in a folder that everybody may write is refused, and one in Program Files is not", async () => {
  const control = new WindowsServiceControl();
  const at = async (folder: string) => {
    Deno.mkdirSync(folder, { recursive: true });
    Deno.writeTextFileSync(`${folder}\\portd.exe`, "");
    return await control.install({ ...definition, self: [`${folder}\\portd.exe`] });
  };
  await assert.rejects(
    at(OPEN_FOLDER),
    /portd\.exe as a service of the system: Everyone may change Z:\\tmp; copy portd/,
  );
  const steps = await at("C:\\Program Files\\portd");
  const make = steps.map(({ does }) => does).find((does) => does.startsWith("make the service"));
  assert.match(make!, /: "C:\\Program Files\\portd\\portd\.exe" service run /);
});

Deno.test("a state folder is made for nobody else, and taken from others with all that is in it", async () => {
  const acl = openFiles(), trusted = acl.trusted();
  const path = "C:\\ProgramData\\portd-folder\\state", token = `${path}\\admin.token`;
  acl.createPrivate(path);
  assert.deepEqual(whoMayOpen(acl.read(path), trusted), []);
  Deno.removeSync(path);
  Deno.mkdirSync(path);
  Deno.writeTextFileSync(token, "");
  const openTo = (file: string) => whoMayOpen(acl.read(file), trusted).map((sid) => acl.nameOf(sid));
  assert.deepEqual([openTo(path), openTo(token)], [["Everyone"], ["Everyone"]]);
  const [first] = await new WindowsServiceControl().install({ ...definition, stateDir: path });
  assert.match(first!.does, /^change the access list of /);
  await first!.run();
  assert.deepEqual([openTo(path), openTo(token)], [[], []]);
});

Deno.test("the state folder of a user's daemon is made for that user, and taken from others", () => {
  const acl = openFiles(), allowed = new Set([...TRUSTED, acl.user()]);
  const path = "C:\\portd-user\\state", token = `${path}\\admin.token`;
  const openTo = (file: string) => whoMayOpen(acl.read(file), allowed).map((sid) => acl.nameOf(sid));
  claimUserFolder(path);
  assert.deepEqual(openTo(path), []);
  Deno.writeTextFileSync(token, ""); // its user may write it
  Deno.removeSync(path, { recursive: true });
  Deno.mkdirSync(path);
  Deno.writeTextFileSync(token, "");
  assert.deepEqual([openTo(path), openTo(token)], [["Everyone"], ["Everyone"]]);
  claimUserFolder(path);
  assert.deepEqual([openTo(path), openTo(token)], [[], []]);
  Deno.writeTextFileSync(token, "");
});

Deno.test("values of the registry are read as they were written, and go with their key", () => {
  const keys = new WindowsKeys({ advapi32: openAdvapi32(), services: openAdvapi32Services() });
  const values = [
    { name: "Many", data: ["DENO_DIR=C:\\deno", "ä".repeat(2000)] },
    { name: "Path", data: "%SystemRoot%\\x" },
    { name: "Number", data: 0xffffffff },
  ] as const;
  for (const value of values) {
    assert.equal(keys.holds(KEY, value), false);
    keys.set(KEY, value);
    assert.equal(keys.holds(KEY, value), true, value.name);
  }
  assert.deepEqual(keys.texts(KEY, "Many"), values[0].data);
  assert.deepEqual(keys.texts(KEY, "Path"), []);
  keys.deleteValue(KEY, "Many");
  keys.deleteValue(KEY, "Many");
  assert.deepEqual(keys.texts(KEY, "Many"), []);
  keys.deleteKey(KEY);
  keys.deleteKey(KEY);
  assert.equal(keys.holds(KEY, values[2]), false);
});

Deno.test("a process that is no service is refused, with what to do instead", async () => {
  const work = () => assert.fail("it is no service");
  await assert.rejects(new WindowsServiceControl().run(work), NOT_STARTED_BY_WINDOWS);
});
