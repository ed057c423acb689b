import assert from "node:assert/strict";
import { windowsConnectionUsers } from "../../src/caller/windows/connection_users.ts";
import type { SocketRow } from "../../src/os/socket.ts";
import { connectionFrom, socketRow } from "../support/sockets.ts";

const ROW = socketRow({
  localPort: 5000,
  remoteAddress: "127.0.0.1",
  remotePort: 7678,
  state: "ESTABLISHED",
  uid: null,
  inode: 0,
  pid: 812,
});
const CONNECTION = connectionFrom(5000);
const SIDS = new Map([[4, "S-1-5-18"], [812, "S-1-5-21-1-2-3-1001"]]);

function usersOf(rows: readonly SocketRow[]) {
  const scanner = { socketsOn: () => Promise.resolve(rows) };
  return windowsConnectionUsers({ scanner, sidOf: (pid) => SIDS.get(pid), pid: 4 });
}

Deno.test("on Windows the user of a connection is that of the process that has its other end", async () => {
  const stranger = { ...ROW, localAddress: "127.0.0.2", pid: 4 };
  const elsewhere = { ...ROW, remotePort: 443, pid: 4 };
  const users = usersOf([stranger, elsewhere, ROW]);
  assert.equal(users.self, "sid:S-1-5-18");
  assert.equal(await users.userOf(CONNECTION), "sid:S-1-5-21-1-2-3-1001");
  const mapped = { ...ROW, family: 6, localAddress: "::ffff:127.0.0.1" } as const;
  assert.equal(await usersOf([mapped]).userOf(CONNECTION), "sid:S-1-5-21-1-2-3-1001");
});

Deno.test("on Windows nobody is named where the process is gone or may not be opened", async () => {
  for (const pid of [null, 4711]) assert.equal(await usersOf([{ ...ROW, pid }]).userOf(CONNECTION), null);
  assert.equal(await usersOf([]).userOf(CONNECTION), null);
});
