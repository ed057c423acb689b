import assert from "node:assert/strict";
import {
  isoOfFileTime,
  parseBoot,
  parseProcessTable,
  parseUnicodeString,
  textWithin,
  TIME_OF_DAY_SIZE,
} from "../../src/os/windows/process_structures.ts";
import { bytesOfHex, readHex } from "../support/hex.ts";

/** The address of the captured table: its names are pointers. */
const CAPTURED_AT = 140452310479424n;

Deno.test("parseProcessTable() reads a table that was captured from ntdll.dll", async () => {
  const rows = [...parseProcessTable(await readHex("windows/processes.hex"), CAPTURED_AT)];
  const names = new Map(rows.map(({ pid, image }) => [pid, image]));
  assert.equal(names.get(308), "deno.exe");
  assert.ok([...names.values()].includes("services.exe"));
  const parentOfSvchost = rows.find(({ image }) => image === "svchost.exe")!.parentPid;
  assert.equal(names.get(parentOfSvchost), "services.exe");
  for (const { createdAt } of rows) assert.match(isoOfFileTime(createdAt)!, /^2026-11-23T23:\d\d:\d\d\.000Z$/);
});

Deno.test("parseProcessTable() gives of a table that is cut off only the whole rows", async () => {
  const bytes = await readHex("windows/processes.hex");
  const all = [...parseProcessTable(bytes, CAPTURED_AT)].length;
  for (let length = 0; length < bytes.length; length += 7) {
    const count = [...parseProcessTable(bytes.subarray(0, length), CAPTURED_AT)].length;
    assert.ok(count <= all && (length >= 104 || count === 0), `${count} rows in ${length} bytes`);
  }
});

Deno.test("textWithin() reads a text that lies in the same bytes, and nothing from elsewhere", () => {
  // UNICODE_STRING of 8 bytes at 0x1010, which follow.
  const bytes = bytesOfHex("0800 0a00 00000000 1010000000000000 6400 6500 6e00 6f00 0000");
  const text = parseUnicodeString(new DataView(bytes.buffer), 0);
  assert.deepEqual(text, { length: 8, address: 0x1010n });
  assert.equal(textWithin(bytes, 0x1000n, text), "deno");
  assert.equal(textWithin(bytes, 0x1011n, text), "", "begins before the bytes");
  assert.equal(textWithin(bytes, 0x900n, text), "", "lies behind the bytes");
  assert.equal(textWithin(bytes.subarray(0, 20), 0x1000n, text), "", "ends behind the bytes");
});

Deno.test("isoOfFileTime() counts from 1601 and rounds to the second", () => {
  assert.equal(isoOfFileTime(116_444_736_000_000_000n), "1970-01-01T00:00:00.000Z");
  assert.equal(isoOfFileTime(133_485_408_004_999_999n), "2024-01-01T00:00:00.000Z");
  assert.equal(isoOfFileTime(133_485_408_005_000_000n), "2024-01-01T00:00:01.000Z");
  assert.equal(isoOfFileTime(0n), null);
});

Deno.test("parseBoot() is the same before and after somebody sets the clock", () => {
  const timeOfDay = (bootTime: bigint, bias: bigint) => {
    const bytes = new BigInt64Array(TIME_OF_DAY_SIZE / 8);
    bytes.set([bootTime, bootTime + 999n]);
    bytes[4] = bias;
    return new Uint8Array(bytes.buffer);
  };
  const boot = 134_399_494_549_130_720n, hour = 36_000_000_000n;
  assert.equal(parseBoot(timeOfDay(boot, 0n)), `boot-${boot}`);
  assert.equal(parseBoot(timeOfDay(boot + hour, hour)), `boot-${boot}`);
  assert.equal(parseBoot(timeOfDay(boot - hour, -hour)), `boot-${boot}`);
});
