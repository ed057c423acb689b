import assert from "node:assert/strict";
import { addressOf } from "../../src/os/pointer.ts";
import { wideBytes } from "../../src/os/windows/wide_text.ts";
import {
  descriptionBytes,
  parseConfig,
  parseDescription,
  parseRecovery,
  parseStatus,
  recoveryBytes,
} from "../../src/service/windows/structures.ts";

const BASE = 0x7ffe_0000_1000n;

/** Bytes with texts behind a head; the keys are offsets in the head at which their addresses stand. */
function withTexts(headSize: number, texts: ReadonlyMap<number, string>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(1024), view = new DataView(bytes.buffer);
  let at = headSize;
  for (const [pointer, text] of texts) {
    const wide = wideBytes(text);
    bytes.set(wide, at);
    view.setBigUint64(pointer, BASE + BigInt(at), true);
    at += wide.length;
  }
  return bytes;
}

Deno.test("parseConfig() reads the texts that lie behind the structure", () => {
  const commandLine = '"C:\\Program Files\\portd\\portd.exe" service run';
  const bytes = withTexts(64, new Map([[16, commandLine], [24, ""], [48, "LocalSystem"], [56, "portd"]]));
  new DataView(bytes.buffer).setUint32(4, 2, true);
  const expected = { startType: 2, commandLine, account: "LocalSystem", displayName: "portd" };
  assert.deepEqual(parseConfig(bytes, BASE), expected);
});

Deno.test("parseDescription() reads what descriptionBytes() writes, and no text from a null pointer", () => {
  assert.equal(parseDescription(withTexts(8, new Map([[0, "für Ports"]])), BASE), "für Ports");
  const bytes = descriptionBytes("für Ports");
  assert.equal(parseDescription(bytes, addressOf(bytes)), "für Ports");
  assert.equal(parseDescription(new Uint8Array(8), BASE), "");
});

Deno.test("parseRecovery() reads what recoveryBytes() writes, and no other actions", () => {
  const recovery = { resetS: 86_400, restartMs: [1000, 5000, 30_000] };
  const bytes = recoveryBytes(recovery), base = addressOf(bytes);
  assert.deepEqual(parseRecovery(bytes, base), recovery);
  new DataView(bytes.buffer).setUint32(48, 2, true); // SC_ACTION_REBOOT
  assert.equal(parseRecovery(bytes, base), undefined);
  assert.deepEqual(parseRecovery(new Uint8Array(40), BASE), { resetS: 0, restartMs: [] });
});

Deno.test("parseStatus() names the numbers", () => {
  assert.deepEqual(parseStatus(new Uint32Array([0x10, 3, 0, 1066, 7, 2, 10_000, 812, 0])), {
    state: 3,
    exitCode: 1066,
    specificExitCode: 7,
    checkPoint: 2,
    waitHintMs: 10_000,
    pid: 812,
  });
});
