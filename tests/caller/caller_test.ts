import assert from "node:assert/strict";
import { Callers, type ConnectionUsers, type User } from "../../src/caller/caller.ts";
import type { Connection } from "../../src/os/socket.ts";
import { FakeClock } from "../support/clock.ts";
import { connectionFrom as from } from "../support/sockets.ts";

/** Users of connections as a test sets them, by remote port, with the questions that were asked. */
class FakeUsers implements ConnectionUsers {
  readonly self = "uid:1000";
  readonly users = new Map<number, User | Promise<User>>();
  readonly asked: number[] = [];
  isOpen = true;

  userOf({ remote }: Connection): User | Promise<User> {
    this.asked.push(remote.port);
    return this.users.get(remote.port) ?? null;
  }

  close(): void {
    this.isOpen = false;
  }
}

function fakes() {
  const users = new FakeUsers();
  const clock = new FakeClock();
  return { users, clock, callers: new Callers({ users, clock }) };
}

Deno.test("recall() remembers a user for a second, and each connection for itself", async () => {
  const { users, clock, callers } = fakes();
  users.users.set(5000, "uid:1001");
  users.users.set(5001, "uid:1002");
  assert.deepEqual([callers.recall(from(5000)), callers.recall(from(5001))], ["uid:1001", "uid:1002"]);
  users.users.set(5000, Promise.resolve("uid:1003"));
  clock.advance(999);
  assert.equal(callers.recall(from(5000)), "uid:1001");
  assert.deepEqual(users.asked, [5000, 5001]);
  clock.advance(1);
  assert.equal(await callers.recall(from(5000)), "uid:1003");
  assert.equal(callers.recall(from(5000)), "uid:1003");
  assert.deepEqual(users.asked, [5000, 5001, 5000]);
  callers.recall(from(5000, "::1"));
  assert.equal(users.asked.length, 4);
});

Deno.test("recall() remembers a user for 256 requests at most", () => {
  const { users, callers } = fakes();
  users.users.set(5000, "uid:1001");
  for (let request = 0; request < 256; request++) callers.recall(from(5000));
  assert.deepEqual(users.asked, [5000]);
  callers.recall(from(5000));
  assert.deepEqual(users.asked, [5000, 5000]);
});

Deno.test("identify() asks the system each time, and a caller of whom it says nothing is not remembered", () => {
  const { users, callers } = fakes();
  assert.deepEqual([callers.recall(from(5000)), callers.identify(from(5000))], [null, null]);
  users.users.set(5000, "uid:1001");
  assert.deepEqual([callers.recall(from(5000)), callers.identify(from(5000))], ["uid:1001", "uid:1001"]);
  users.users.set(5000, "uid:1002");
  assert.deepEqual([callers.recall(from(5000)), callers.identify(from(5000))], ["uid:1001", "uid:1002"]);
});

Deno.test("callers that are remembered are bounded in number", () => {
  const { users, callers } = fakes();
  for (let port = 1; port <= 5000; port++) users.users.set(port, "uid:1001");
  for (let port = 1; port <= 5000; port++) callers.recall(from(port));
  users.asked.length = 0;
  for (let port = 1; port <= 5000; port++) callers.recall(from(port));
  assert.ok(users.asked.length >= 904, String(users.asked.length));
});

Deno.test("the daemon's own user, root and SYSTEM are owners, others and unknown ones are not", () => {
  const { users, callers } = fakes();
  const asked = ["uid:1000", "uid:0", "sid:S-1-5-18", "uid:1001", "sid:S-1-5-21-1-2-3-1001", "unknown", null];
  assert.deepEqual(asked.map((user) => callers.isOwner(user)), [true, true, true, false, false, false, false]);
  assert.equal(
    new Callers({ users: { ...users, self: null, userOf: () => null, close() {} }, clock: new FakeClock() })
      .isOwner(null),
    false,
  );
  callers.close();
  assert.equal(users.isOpen, false);
});
