import assert from "node:assert/strict";
import { escapeControls, escapeControlsOfJson } from "../src/escape.ts";

/** One of each sort: C0, DEL, C1, Arabic letter mark, directional marks, line separators, overrides, isolates. */
const STEERING = "\x00\x1b\r\n\t\x7f\x80\x9b\x9f\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069";

Deno.test("escapeControls() makes all that steers a terminal or forges a line visible, and leaves the rest", () => {
  const escaped = escapeControls(STEERING);
  assert.match(escaped, /^(\\x[0-9a-f]{2}|\\u[0-9a-f]{4}){18}$/);
  assert.equal(escapeControls("a\x1b[2J\u202eb"), "a\\x1b[2J\\u202eb");
  assert.equal(escapeControls("ä 日本 … \u200d 🙂"), "ä 日本 … \u200d 🙂");
});

Deno.test("escapeControlsOfJson() keeps what the JSON says, and its line ends", () => {
  const escaped = escapeControlsOfJson(JSON.stringify({ text: STEERING }, null, 2));
  assert.deepEqual(JSON.parse(escaped), { text: STEERING });
  assert.match(escaped, /^\{\n {2}"text": "[\x20-\x7e]+"\n\}$/);
});
