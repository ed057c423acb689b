import assert from "node:assert/strict";
import { linuxConnectionUsers } from "../../src/caller/linux/connection_users.ts";
import { openLinuxParts } from "../../src/os/linux/linux.ts";
import { SockDiagSocket } from "../../src/os/linux/sock_diag_socket.ts";
import type { Connection, SocketRow } from "../../src/os/socket.ts";
import { linuxTest } from "../support/linux_only.ts";
import { connectionFrom, listen, socketRow } from "../support/sockets.ts";

async function connect(hostname: string) {
  const server = listen(0, hostname);
  const client = await Deno.connect({ hostname, port: server.port });
  const accepted = await server.listener.accept();
  const remote = { address: hostname, port: (client.localAddr as Deno.NetAddr).port };
  const connection: Connection = { remote, local: { address: hostname, port: server.port } };
  return { server, client, accepted, connection };
}

linuxTest("the user of a connection is that of the process at its other end, over netlink and from /proc", async () => {
  const { libc, procfs } = openLinuxParts();
  const uid = Deno.uid();
  const viaNetlink = linuxConnectionUsers({ procfs, sockDiag: SockDiagSocket.open(libc)!, uid });
  const viaProc = linuxConnectionUsers({ procfs, sockDiag: undefined, uid });
  for (const hostname of ["127.0.0.1", "::1"]) {
    const { server, client, accepted, connection } = await connect(hostname);
    const everywhere = async (asked: Connection) => [viaNetlink.userOf(asked), await viaProc.userOf(asked)];
    assert.deepEqual(await everywhere(connection), [`uid:${uid}`, `uid:${uid}`]);
    assert.equal(viaNetlink.self, `uid:${uid}`);
    const elsewhere = { ...connection.local, port: connection.local.port ^ 1 };
    assert.deepEqual(await everywhere({ ...connection, local: elsewhere }), [null, null]);
    // A listener on the port where the caller's end would be is not the caller.
    assert.deepEqual(await everywhere({ remote: connection.local, local: elsewhere }), [null, null]);
    client.close(); // the kernel keeps the end for a while, and may call it root's
    assert.deepEqual(await everywhere(connection), [null, null]);
    accepted.close();
    server.listener.close();
  }
  viaNetlink.close();
});

const ROW = socketRow({
  localPort: 5000,
  remoteAddress: "127.0.0.1",
  remotePort: 7678,
  state: "ESTABLISHED",
  uid: 1001,
});

Deno.test("an end that nobody has open, or another socket, is nobody's", () => {
  const userOf = (row: SocketRow | undefined) => {
    const sockDiag = { find: () => row, close() {} };
    const procfs = { sockets: () => Promise.resolve([]) };
    return linuxConnectionUsers({ procfs, sockDiag, uid: 0 }).userOf(connectionFrom(5000));
  };
  assert.equal(userOf(ROW), "uid:1001");
  assert.equal(userOf(undefined), null);
  assert.equal(userOf({ ...ROW, uid: 0, inode: 0, state: "FIN_WAIT1" }), null);
  assert.equal(userOf({ ...ROW, uid: 0, inode: 0, state: "TIME_WAIT" }), null);
  assert.equal(userOf({ ...ROW, remotePort: 0, state: "LISTEN" }), null);
});
