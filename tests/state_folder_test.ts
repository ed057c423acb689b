import assert from "node:assert/strict";
import { claimStateFolder } from "../src/state_folder.ts";
import { temporaryFolder } from "./support/folder.ts";

const modeOf = (path: string) => Deno.statSync(path).mode! & 0o777;

Deno.test("claimStateFolder() makes a folder, or takes one in which only portd's files are, from everybody else", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/a/state`;
  claimStateFolder(path);
  assert.equal(modeOf(path), 0o700);
  for (const name of ["leases.db", "leases.db-wal", "daemon.log.1", "config.yaml"]) {
    Deno.writeTextFileSync(`${path}/${name}`, "");
  }
  Deno.chmodSync(path, 0o755);
  claimStateFolder(path);
  assert.equal(modeOf(path), 0o700);
});

Deno.test("claimStateFolder() leaves a folder alone that others may open and that holds what is not portd's", async () => {
  await using folder = await temporaryFolder();
  Deno.writeTextFileSync(`${folder.path}/passwd`, "");
  Deno.chmodSync(folder.path, 0o755);
  assert.throws(() => claimStateFolder(folder.path), {
    message: `Cannot use the state folder ${folder.path}: it holds passwd, and other users may open it; name a ` +
      "folder of its own",
  });
  assert.equal(modeOf(folder.path), 0o755);
  Deno.chmodSync(folder.path, 0o700);
  claimStateFolder(folder.path); // nobody is shut out
});
