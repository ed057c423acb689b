/**
 * The users of connections on Linux: one question over netlink, or `/proc/net` where there is no netlink. Manuals:
 * sock_diag(7), proc_pid_net(5).
 */
import type { Procfs } from "../../os/linux/procfs.ts";
import type { SockDiagSocket } from "../../os/linux/sock_diag_socket.ts";
import type { Connection, SocketRow } from "../../os/socket.ts";
import type { ConnectionUsers, User } from "../caller.ts";

/** What {@linkcode linuxConnectionUsers} asks. */
export interface LinuxConnectionUsersParts {
  readonly procfs: Pick<Procfs, "sockets">;
  /** `undefined` where the kernel has no such interface. */
  readonly sockDiag: Pick<SockDiagSocket, "find" | "close"> | undefined;
  /** The user of this process; null when it is unknown. */
  readonly uid: number | null;
}

/** The user of a connection is the one that made the socket. */
export function linuxConnectionUsers({ procfs, sockDiag, uid }: LinuxConnectionUsersParts): ConnectionUsers {
  return {
    self: uid === null ? null : userText(uid),
    userOf(connection) {
      if (sockDiag === undefined) return findInTable(procfs, connection);
      const socket = sockDiag.find({ local: connection.remote, remote: connection.local });
      return socket === undefined ? null : userOfSocket(socket, connection);
    },
    close: () => sockDiag?.close(),
  };
}

async function findInTable(procfs: Pick<Procfs, "sockets">, connection: Connection): Promise<User> {
  for (const socket of await procfs.sockets("tcp", (port) => port === connection.remote.port)) {
    const address = socket.remoteAddress.replace(/^::ffff:/, ""); // an IPv6 socket may connect over IPv4
    const user = address === connection.local.address ? userOfSocket(socket, connection) : null;
    if (user !== null) return user;
  }
  return null;
}

/** The user of the caller's end. None for a socket that no process has open (inode 0): there the kernel may wrongly say root. */
function userOfSocket({ uid, inode, localPort, remotePort }: SocketRow, { remote, local }: Connection): User {
  const isTheEnd = localPort === remote.port && remotePort === local.port;
  return isTheEnd && inode !== 0 && uid !== null ? userText(uid) : null;
}

function userText(uid: number): string {
  return `uid:${uid}`;
}
