/** Files that another program holds for a moment. */
import assert from "node:assert/strict";
import { placeNew, retryWhileHeld } from "../src/held.ts";
import { openFile } from "../src/lease/store/open.ts";
import { readOrMakeToken } from "../src/state/claimed_folder.ts";
import { temporaryFolder } from "./support/folder.ts";

/** Does what fails so often with this error. @returns how often it was tried, and the pauses. */
function tryHeld(failures: number, error: Error, os: typeof Deno.build.os = "windows") {
  const pauses: number[] = [];
  let tries = 0;
  const act = () => {
    if (++tries <= failures) throw error;
    return "done";
  };
  const run = () => retryWhileHeld(act, { os, pause: (ms) => void pauses.push(ms) });
  return { run, pauses, tries: () => tries };
}

const SCANNED = new Error(
  "The process cannot access the file because it is being used by another process. (os error 32)",
);

Deno.test("what a scanner holds is tried up to ten times, with growing pauses", () => {
  for (const error of [SCANNED, Object.assign(new Deno.errors.PermissionDenied("x"), { code: "EACCES" })]) {
    const held = tryHeld(9, error);
    assert.equal(held.run(), "done");
    assert.deepEqual(held.pauses, [5, 10, 20, 40, 80, 160, 200, 200, 200]);
  }
  const forever = tryHeld(10, SCANNED);
  assert.throws(forever.run, SCANNED);
  assert.equal(forever.tries(), 10);
});

Deno.test("any other error, and any error elsewhere, is thrown at once", () => {
  for (const held of [tryHeld(1, new Deno.errors.NotFound("x")), tryHeld(1, SCANNED, "linux")]) {
    assert.throws(held.run);
    assert.equal(held.tries(), 1);
  }
});

/** Takes hard links from this process until it is disposed of, as on exFAT. */
function withoutLinks(): Disposable {
  const { linkSync } = Deno;
  Deno.linkSync = () => {
    throw new Error("Incorrect function. (os error 1)");
  };
  return { [Symbol.dispose]: () => void (Deno.linkSync = linkSync) };
}

async function testNewFile(): Promise<void> {
  await using folder = await temporaryFolder();
  const [draft, path, other] = ["draft", "file", "other"].map((name) => `${folder.path}/${name}`) as [
    string,
    string,
    string,
  ];
  Deno.writeTextFileSync(draft, "complete");
  placeNew(draft, path);
  assert.equal(Deno.readTextFileSync(path), "complete");
  assert.throws(() => placeNew(draft, path), Deno.errors.AlreadyExists);
  Deno.removeSync(draft);
  assert.throws(() => placeNew(draft, other), Deno.errors.NotFound);
  assert.throws(() => Deno.statSync(other), Deno.errors.NotFound);
}

Deno.test("a new file gets its name as a whole, and never that of another file", testNewFile);

Deno.test("the same where there are no hard links", async () => {
  using _links = withoutLinks();
  await testNewFile();
});

Deno.test("where there are no hard links, a token and a file of leases are made all the same", async () => {
  await using folder = await temporaryFolder();
  using _links = withoutLinks();
  assert.match(readOrMakeToken(folder.path), /^[0-9a-f]{64}$/);
  const { db, setAside } = await openFile(`${folder.path}/leases.db`, 0);
  db.close();
  assert.equal(setAside, null);
  assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name).sort(), ["admin.token", "leases.db"]);
});
