import assert from "node:assert/strict";
import { readStunServer, stunServerText } from "../../../src/line/stun/server.ts";

Deno.test("a STUN server is read as host, host:port or stun:host:port", () => {
  assert.deepEqual(readStunServer("stun.example.org:19302"), { host: "stun.example.org", port: 19302 });
  assert.deepEqual(readStunServer("stun:stun.example.org:19302"), { host: "stun.example.org", port: 19302 });
  assert.deepEqual(readStunServer("stun:192.0.2.1"), { host: "192.0.2.1", port: 3478 });
  assert.equal(stunServerText({ host: "a.example", port: 3478 }), "a.example:3478");
});

Deno.test("anything else is no STUN server", () => {
  const texts = [
    "",
    ":3478",
    "host:0",
    "host:65536",
    "host:123456",
    "host:",
    "http://host",
    "stuns:host:1",
    "[::1]:3478",
    "::1",
    "a b",
    "host:1/path",
    "user@host:1",
    "-host",
    "host\n:1",
    `${"a".repeat(254)}:1`,
  ];
  for (const text of texts) assert.equal(readStunServer(text), undefined, text);
});
