import assert from "node:assert/strict";
import { sidBytes } from "../../src/os/windows/sid.ts";
import {
  parseDescriptor,
  TRUSTED,
  whoMayChange,
  whoMayOpen,
  type WindowsPathRole,
} from "../../src/service/windows/access.ts";
import { bytesOfHex } from "../support/hex.ts";

const USERS = "S-1-5-32-545", AUTHENTICATED = "S-1-5-11", EVERYBODY = "S-1-1-0";
const PERSON = "S-1-5-21-1085031214-1563985344-725345543-1001";
const trusted = new Set(TRUSTED);

const FILE = new URL("../testdata/windows/descriptors.txt", import.meta.url);

/** The descriptors of tests/testdata by name. */
async function descriptors(): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>> {
  const [, ...blocks] = (await Deno.readTextFile(FILE)).trim().split("\n\n");
  return new Map(blocks.map((block) => {
    const [name, , ...hex] = block.split("\n");
    return [name!, bytesOfHex(hex.join(""))];
  }));
}

async function changers(name: string, role: WindowsPathRole): Promise<string[]> {
  return whoMayChange(parseDescriptor((await descriptors()).get(name)!), role, trusted);
}

Deno.test("nobody but the system may change what lies in Program Files", async () => {
  assert.deepEqual(await changers("program-files", "ancestor"), []);
  for (const role of ["file", "folder", "ancestor"] as const) {
    assert.deepEqual(await changers("below-program-files", role), [], role);
  }
});

Deno.test("the root of drive C, in which every user may make folders, is a way that nobody can change", async () => {
  assert.deepEqual(await changers("drive-c", "root"), []);
  assert.deepEqual(await changers("drive-c", "ancestor"), []);
  assert.deepEqual(await changers("drive-c", "folder"), [AUTHENTICATED], "a program right there has a library added");
});

Deno.test("the root of another drive can be deleted by its list and by nobody", async () => {
  assert.deepEqual(await changers("drive-d", "root"), []);
  assert.deepEqual(await changers("drive-d", "ancestor"), [AUTHENTICATED]);
});

Deno.test("a folder that was made right on drive C is every user's to change", async () => {
  for (const role of ["file", "folder", "ancestor"] as const) {
    assert.deepEqual(await changers("below-drive-c", role), [AUTHENTICATED], role);
  }
});

Deno.test("the folder of one's downloads is one's own to change", async () => {
  assert.deepEqual(await changers("downloads", "ancestor"), [PERSON]);
  const descriptor = parseDescriptor((await descriptors()).get("downloads")!);
  assert.deepEqual(whoMayChange(descriptor, "folder", new Set([...TRUSTED, PERSON])), []);
});

Deno.test("an owner counts as one who may change the list", async () => {
  assert.deepEqual(await changers("owned-by-user", "ancestor"), [PERSON]);
});

Deno.test("without a list everybody may do everything", async () => {
  assert.deepEqual(await changers("no-dacl", "root"), [EVERYBODY]);
  const bytes = (await descriptors()).get("private")!.slice();
  new DataView(bytes.buffer).setUint32(16, 0, true); // present, and nowhere
  const descriptor = parseDescriptor(bytes);
  assert.deepEqual([whoMayChange(descriptor, "root", trusted), whoMayOpen(descriptor, trusted)], [[EVERYBODY], [
    EVERYBODY,
  ]]);
});

Deno.test("an empty list gives nobody anything", async () => {
  const bytes = (await descriptors()).get("private")!.slice();
  const view = new DataView(bytes.buffer);
  view.setUint16(view.getUint32(16, true) + 4, 0, true); // AceCount
  assert.deepEqual(parseDescriptor(bytes).grants, []);
  assert.deepEqual(whoMayChange(parseDescriptor(bytes), "file", trusted), []);
});

Deno.test("rights by a generic name count, and those that are taken away are passed over", async () => {
  assert.deepEqual(await changers("everybody", "file"), [EVERYBODY]);
  assert.deepEqual(await changers("everybody", "ancestor"), [], "writing to a folder further up adds nothing");
  assert.deepEqual(await changers("denied", "file"), []);
});

Deno.test("rights on a condition count as if it were met", async () => {
  const bytes = (await descriptors()).get("users-may-write")!.slice();
  const second = new DataView(bytes.buffer).getUint32(16, true) + 8 + 24;
  assert.equal(bytes[second], 0);
  bytes[second] = 9; // ACCESS_ALLOWED_CALLBACK_ACE_TYPE
  assert.deepEqual(whoMayChange(parseDescriptor(bytes), "file", trusted), [USERS]);
});

Deno.test("a private folder is open to nobody else, unlike one that inherits", async () => {
  const open = async (name: string) => whoMayOpen(parseDescriptor((await descriptors()).get(name)!), trusted);
  assert.deepEqual(await open("private"), []);
  assert.deepEqual(await open("owned-by-user"), [PERSON]);
  assert.deepEqual(await open("program-data"), [USERS]);
});

Deno.test("an entry for objects gives rights as a plain one does, behind its GUIDs", () => {
  const sid = sidBytes(USERS);
  for (const [flags, guids] of [[0, 0], [1, 1], [2, 1], [3, 2]] as const) {
    const size = 12 + 16 * guids + sid.length;
    const bytes = new Uint8Array(20 + 8 + size), view = new DataView(bytes.buffer);
    view.setUint16(2, 4, true); // it has a list
    view.setUint32(16, 20, true);
    view.setUint16(24, 1, true); // of one entry
    view.setUint8(28, 5);
    view.setUint16(30, size, true);
    view.setUint32(32, 0x1f01ff, true);
    view.setUint32(36, flags, true);
    bytes.set(sid, 40 + 16 * guids);
    assert.deepEqual(parseDescriptor(bytes).grants, [{ sid: USERS, mask: 0x1f01ff, inheritOnly: false }]);
  }
});
