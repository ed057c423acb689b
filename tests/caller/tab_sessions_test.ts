/** Codes and sessions of the dashboard: once, for a while, and only so many. */
import assert from "node:assert/strict";
import { TabSessions } from "../../src/caller/tab_sessions.ts";
import { FakeClock } from "../support/clock.ts";

const HOUR_MS = 3_600_000;

Deno.test("a code opens one session, once", () => {
  const sessions = new TabSessions(new FakeClock());
  const { text: code, expiresAt } = sessions.makeCode(null);
  assert.match(code, /^[0-9a-f]{40}$/);
  assert.equal(expiresAt, "2026-11-23T10:01:00.000Z");
  const session = sessions.open(code, null)!;
  assert.match(session.text, /^[0-9a-f]{64}$/);
  assert.equal(session.expiresAt, "2026-11-23T22:00:00.000Z");
  assert.ok(sessions.has(session.text));
  assert.equal(sessions.open(code, null), undefined);
});

Deno.test("a code is no token, and a token no code", () => {
  const sessions = new TabSessions(new FakeClock());
  const { text: code } = sessions.makeCode(null);
  assert.ok(!sessions.has(code));
  const { text: token } = sessions.open(code, null)!;
  assert.equal(sessions.open(token, null), undefined);
  for (const wrong of ["", token.slice(1), `${token}0`, token.toUpperCase()]) {
    assert.equal(sessions.has(wrong), wrong === token, wrong);
  }
});

Deno.test("a code is worth nothing after a minute, a session after twelve hours, whatever the wall clock says", () => {
  const clock = new FakeClock();
  const sessions = new TabSessions(clock);
  const [old, inTime] = [sessions.makeCode(null), sessions.makeCode(null)];
  clock.advance(59_999);
  clock.step(-HOUR_MS);
  const { text: token } = sessions.open(inTime.text, null)!;
  clock.advance(1);
  assert.equal(sessions.open(old.text, null), undefined);
  clock.advance(12 * HOUR_MS - 2);
  assert.ok(sessions.has(token));
  clock.advance(1);
  assert.ok(!sessions.has(token));
});

Deno.test("a code of one user opens nothing for another, or for somebody whom the system does not name, and stays good", () => {
  const sessions = new TabSessions(new FakeClock());
  const { text: code } = sessions.makeCode("uid:1000");
  assert.equal(sessions.open(code, "uid:1001"), undefined);
  assert.equal(sessions.open(code, "uid:0"), undefined);
  assert.equal(sessions.open(code, null), undefined);
  assert.ok(sessions.open(code, "uid:1000"));
  assert.ok(sessions.open(sessions.makeCode(null).text, "uid:1001"), "a code for anybody");
});

Deno.test("a session that is ended is worth nothing, and the others go on", () => {
  const sessions = new TabSessions(new FakeClock());
  const [first, second] = [1, 2].map(() => sessions.open(sessions.makeCode(null).text, null)!.text) as [string, string];
  assert.ok(sessions.end(first));
  assert.ok(!sessions.end(first));
  assert.deepEqual([sessions.has(first), sessions.has(second)], [false, true]);
});

Deno.test("of codes the last sixteen are alive, of sessions the last sixty-four", () => {
  const sessions = new TabSessions(new FakeClock());
  const codes = Array.from({ length: 17 }, () => sessions.makeCode(null).text);
  assert.equal(new Set(codes).size, 17);
  assert.equal(sessions.open(codes[0]!, null), undefined);
  const tokens = [...codes.slice(1), ...Array.from({ length: 49 }, () => "")].map((code) =>
    sessions.open(code || sessions.makeCode(null).text, null)!.text
  );
  assert.equal(tokens.length, 65);
  assert.deepEqual(tokens.map((token) => sessions.has(token)), [false, ...new Array(64).fill(true)]);
});
