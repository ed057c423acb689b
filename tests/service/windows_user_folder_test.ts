/** The state folder of a user's daemon on Windows. */
import assert from "node:assert/strict";
import { claimUserFolder } from "../../src/service/windows/user_folder.ts";
import { type FakeFile, FakeFiles } from "../support/windows_service.ts";

const PERSON = "S-1-5-21-1-2-3-1001", OTHER = "S-1-5-21-1-2-3-1002", USERS = "S-1-5-32-545";
const FOLDER = "D:\\shop\\state", TOKEN = `${FOLDER}\\admin.token`;
const READ = { sid: USERS, mask: 0x1200a9, inheritOnly: false };
const OPEN_FOLDER: FakeFile = { kind: "folder", owner: PERSON, grants: [READ] };

function filesWith(entries: Readonly<Record<string, FakeFile>>): FakeFiles {
  const files = new FakeFiles();
  files.person = PERSON;
  for (const [path, file] of Object.entries(entries)) files.all.set(path, file);
  return files;
}

Deno.test("a state folder is made for its user alone", () => {
  const files = filesWith({});
  claimUserFolder("D:/shop/state/", files);
  assert.deepEqual(files.all.get(FOLDER), { kind: "folder", owner: PERSON });
});

Deno.test("a folder that others can read is taken from them, with portd's files in it", () => {
  const files = filesWith({ [FOLDER]: OPEN_FOLDER, [TOKEN]: { kind: "file", owner: PERSON, grants: [READ] } });
  claimUserFolder(FOLDER, files);
  assert.deepEqual(files.all.get(FOLDER), { kind: "folder", owner: PERSON });
  assert.deepEqual(files.all.get(TOKEN), { kind: "file", owner: PERSON });
});

Deno.test("a file that others can read in a closed folder is taken from them", () => {
  const closed = { kind: "folder", owner: PERSON } as const;
  const files = filesWith({ [FOLDER]: closed, [TOKEN]: { kind: "file", owner: PERSON, grants: [READ] } });
  claimUserFolder(FOLDER, files);
  assert.deepEqual(files.all.get(TOKEN), { kind: "file", owner: PERSON });
});

Deno.test("a folder or a file of somebody else is refused, and left as it is", () => {
  const theirs = { kind: "file", owner: OTHER } as const;
  const refused: readonly (readonly [Record<string, FakeFile>, RegExp])[] = [
    [{ [FOLDER]: { kind: "folder", owner: OTHER } }, /^Error: it belongs to SHOP\\S-1-5-21-1-2-3-1002; remove it$/],
    [{ [FOLDER]: { kind: "folder", owner: PERSON }, [TOKEN]: theirs }, /^Error: admin\.token in it belongs to SHOP\\/],
    [{ [FOLDER]: OPEN_FOLDER, [`${FOLDER}\\config.yaml`]: theirs }, /^Error: config\.yaml in it belongs to /],
    [{ [FOLDER]: { kind: "link", target: "C:\\Windows" } }, /^Error: it is a link; remove it$/],
    [{ [FOLDER]: OPEN_FOLDER, [TOKEN]: { kind: "link", target: "C:\\x" } }, /^Error: admin\.token in it is a link/],
  ];
  for (const [entries, reason] of refused) assert.throws(() => claimUserFolder(FOLDER, filesWith(entries)), reason);
});

Deno.test("an open folder that holds what is not portd's is not closed to others", () => {
  const files = filesWith({ [FOLDER]: OPEN_FOLDER, [`${FOLDER}\\main.ts`]: { kind: "file", owner: PERSON } });
  assert.throws(() => claimUserFolder(FOLDER, files), {
    message: "it holds main.ts, and other users may open it; name a folder of its own",
  });
  assert.deepEqual(files.all.get(FOLDER), OPEN_FOLDER);
});

Deno.test("what administrators own is the user's own too", () => {
  const files = filesWith({ [FOLDER]: { kind: "folder" }, [TOKEN]: { kind: "file" } });
  claimUserFolder(FOLDER, files);
  assert.deepEqual(files.all.get(FOLDER), { kind: "folder" });
});
