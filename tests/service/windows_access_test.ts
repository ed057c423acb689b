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

/** The bytes of a descriptor of tests/testdata. */
async function bytesOf(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const blocks = (await Deno.readTextFile(FILE)).trim().split("\n\n").map((block) => block.split("\n"));
  const [, , ...hex] = blocks.find(([first]) => first === name)!;
  return bytesOfHex(hex.join(""));
}

/** Who may change what, as the descriptors of tests/testdata say. */
const CHANGERS: readonly (readonly [why: string, name: string, roles: readonly WindowsPathRole[], who: string[]])[] = [
  ["nobody but the system may change Program Files", "program-files", ["ancestor"], []],
  ["nor what lies in it", "below-program-files", ["file", "folder", "ancestor"], []],
  ["the root of drive C is a way that nobody can change", "drive-c", ["root", "ancestor"], []],
  ["a program right on drive C has a library added", "drive-c", ["folder"], [AUTHENTICATED]],
  ["the root of another drive can be deleted by its list", "drive-d", ["ancestor"], [AUTHENTICATED]],
  ["and by nobody", "drive-d", ["root"], []],
  ["a folder made right on C is every user's", "below-drive-c", ["file", "folder", "ancestor"], [AUTHENTICATED]],
  ["the folder of one's downloads is one's own", "downloads", ["ancestor"], [PERSON]],
  ["an owner counts as one who may change the list", "owned-by-user", ["ancestor"], [PERSON]],
  ["without a list everybody may do everything", "no-dacl", ["root"], [EVERYBODY]],
  ["rights by a generic name count", "everybody", ["file"], [EVERYBODY]],
  ["writing to a folder further up adds nothing", "everybody", ["ancestor"], []],
  ["rights that are taken away are passed over", "denied", ["file"], []],
];

for (const [why, name, roles, who] of CHANGERS) {
  Deno.test(`who may change ${name} as ${roles.join(", ")}: ${why}`, async () => {
    const descriptor = parseDescriptor(await bytesOf(name));
    for (const role of roles) assert.deepEqual(whoMayChange(descriptor, role, trusted), who, role);
  });
}

Deno.test("what a trusted person may change is nobody else's to change", async () => {
  const descriptor = parseDescriptor(await bytesOf("downloads"));
  assert.deepEqual(whoMayChange(descriptor, "folder", new Set([...TRUSTED, PERSON])), []);
});

Deno.test("a list that is present, and nowhere, is none", async () => {
  const bytes = await bytesOf("private");
  new DataView(bytes.buffer).setUint32(16, 0, true);
  const descriptor = parseDescriptor(bytes);
  assert.deepEqual(whoMayChange(descriptor, "root", trusted), [EVERYBODY]);
  assert.deepEqual(whoMayOpen(descriptor, trusted), [EVERYBODY]);
});

Deno.test("an empty list gives nobody anything", async () => {
  const bytes = await bytesOf("private"), view = new DataView(bytes.buffer);
  view.setUint16(view.getUint32(16, true) + 4, 0, true); // AceCount
  assert.deepEqual(parseDescriptor(bytes).grants, []);
  assert.deepEqual(whoMayChange(parseDescriptor(bytes), "file", trusted), []);
});

Deno.test("rights on a condition count as if it were met", async () => {
  const bytes = await bytesOf("users-may-write");
  const second = new DataView(bytes.buffer).getUint32(16, true) + 8 + 24;
  assert.equal(bytes[second], 0);
  bytes[second] = 9; // ACCESS_ALLOWED_CALLBACK_ACE_TYPE
  assert.deepEqual(whoMayChange(parseDescriptor(bytes), "file", trusted), [USERS]);
});

Deno.test("a private folder is open to nobody else, unlike one that inherits", async () => {
  const open = async (name: string) => whoMayOpen(parseDescriptor(await bytesOf(name)), trusted);
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
