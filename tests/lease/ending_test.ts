import assert from "node:assert/strict";
import { endingOf } from "../../src/lease/ending.ts";
import { LEASE } from "../support/wire.ts";

const AT = "2026-11-23T22:20:36.000Z";
const LISTENER = { kind: "listener", claimMs: 600_000, graceMs: 300_000 } as const;
const PROCESS = { kind: "process", graceMs: 10_000 } as const;

const CASES = [
  [{ lifetime: PROCESS, state: "granted", expiresAt: null }, "ends with pid 4711"],
  [{ lifetime: PROCESS, state: "listening", expiresAt: null }, "ends with pid 4711"],
  [
    { lifetime: PROCESS, state: "listening", expiresAt: null, listener: { ...LEASE.listener!, pid: 4715 } },
    "ends with pid 4711 and its server, pid 4715",
  ],
  [{ lifetime: PROCESS, state: "idle", expiresAt: AT }, `ends at ${AT}, as its process has ended`],
  [
    { lifetime: PROCESS, state: "listening", expiresAt: null, holder: { ...LEASE.holder, pid: null } },
    "ends 10s after its server has ended",
  ],
  [{ lifetime: LISTENER, state: "granted", expiresAt: AT }, `ends at ${AT} unless a server listens by then`],
  [{ lifetime: LISTENER, state: "listening", expiresAt: null }, "ends 5m after its server has ended"],
  [{ lifetime: LISTENER, state: "idle", expiresAt: AT }, `ends at ${AT} unless its server listens by then`],
  [{ lifetime: { kind: "ttl", ttlMs: 60_000 }, expiresAt: AT }, `ends at ${AT} unless it is renewed`],
  [{ lifetime: { kind: "pinned" }, expiresAt: null }, "ends when it is released"],
] as const;

for (const [part, text] of CASES) {
  Deno.test(`endingOf() says that a lease ${text}`, () => assert.equal(endingOf({ ...LEASE, ...part }), text));
}
