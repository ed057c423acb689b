/** The folder of a self-test: found when it is ours, and known to be in use. */
import assert from "node:assert/strict";
import type { Processes } from "../../src/process/process.ts";
import { findRunFolders, isRunGoingOn, RunFolder } from "../../src/self_test/run_folder.ts";
import { temporaryFolder } from "../support/folder.ts";

const TAG = "0123456789abcdef", NAME = `portd-selftest-${TAG}`;

function processes(alive: boolean): Processes {
  const own = { pid: Deno.pid, startTime: "7", bootId: "boot" };
  return {
    bootId: "boot",
    find: () => ({
      ...own,
      command: "",
      cwd: "",
      user: "",
      parentPid: 1,
      processGroup: 1,
      session: 1,
      startedAt: null,
    }),
    isAlive: ({ pid, startTime, bootId }) => alive && pid === own.pid && startTime === "7" && bootId === "boot",
  };
}

Deno.test("a run's folder is there while it runs, and gone with all in it afterwards", async () => {
  await using parent = await temporaryFolder();
  {
    await using folder = RunFolder.make(TAG, processes(true), parent.path);
    assert.equal(await folder.within("spawn.eof", (path) => Deno.writeTextFile(`${path}/x`, "x").then(() => 1)), 1);
    assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["run.json"]);
    assert.deepEqual(findRunFolders(parent.path).map(({ what, tag }) => [what, tag]), [[`folder ${NAME}`, TAG]]);
    assert.ok(isRunGoingOn(TAG, processes(true), parent.path));
    assert.ok(!isRunGoingOn(TAG, processes(false), parent.path), "its process has ended");
  }
  assert.deepEqual(findRunFolders(parent.path), []);
  assert.ok(!isRunGoingOn(TAG, processes(true), parent.path), "there is no such run");
});

Deno.test("a run whose file was cut off by a kill does not go on", async () => {
  await using parent = await temporaryFolder();
  Deno.mkdirSync(`${parent.path}/${NAME}`);
  for (const text of ["", '{"pid":1', "[]"]) {
    Deno.writeTextFileSync(`${parent.path}/${NAME}/run.json`, text);
    assert.ok(!isRunGoingOn(TAG, processes(true), parent.path), text);
  }
});

Deno.test("links, files and other names are not taken for folders of runs", async () => {
  await using parent = await temporaryFolder();
  Deno.symlinkSync("/etc", `${parent.path}/${NAME}`);
  Deno.writeTextFileSync(`${parent.path}/portd-selftest-fedcba9876543210`, "");
  Deno.mkdirSync(`${parent.path}/${NAME} 2`);
  Deno.mkdirSync(`${parent.path}/portd-selftest`);
  assert.deepEqual(findRunFolders(parent.path), []);
});

Deno.test("the folder of a link is not read", async () => {
  await using parent = await temporaryFolder();
  await using other = await temporaryFolder();
  Deno.writeTextFileSync(`${other.path}/run.json`, `{"pid":${Deno.pid},"startTime":"7","bootId":"boot"}`);
  Deno.symlinkSync(other.path, `${parent.path}/${NAME}`);
  assert.ok(!isRunGoingOn(TAG, processes(true), parent.path));
});
