/**
 * The users of connections on Linux: one question over netlink, or `/proc/net` where there is no netlink. Manuals:
 * sock_diag(7), proc_pid_net(5).
 */
import type { Procfs } from "../../os/linux/procfs.ts";
import type { SockDiagSocket } from "../../os/linux/sock_diag_socket.ts";
import type { Connection, SocketRow } from "../../os/socket.ts";
import type { ConnectionUsers, User } from "../caller.ts";

/** What a {@linkcode LinuxConnectionUsers} asks. */
export interface LinuxConnectionUsersParts {
  readonly procfs: Pick<Procfs, "sockets">;
  /** `undefined` where the kernel has no such interface. */
  readonly sockDiag: Pick<SockDiagSocket, "find" | "close"> | undefined;
  /** The user of this process; null when it is unknown. */
  readonly uid: number | null;
}

/** The user of a connection is the one that made the socket. */
export class LinuxConnectionUsers implements ConnectionUsers {
  readonly self: User;
  readonly #parts: LinuxConnectionUsersParts;

  constructor(parts: LinuxConnectionUsersParts) {
    this.#parts = parts;
    this.self = parts.uid === null ? null : userText(parts.uid);
  }

  userOf(connection: Connection): User | Promise<User> {
    const { sockDiag } = this.#parts;
    if (sockDiag === undefined) return this.#fromTable(connection);
    const socket = sockDiag.find({ local: connection.remote, remote: connection.local });
    return socket === undefined ? null : userOfSocket(socket, connection);
  }

  close(): void {
    this.#parts.sockDiag?.close();
  }

  async #fromTable(connection: Connection): Promise<User> {
    for (const socket of await this.#parts.procfs.sockets("tcp", (port) => port === connection.remote.port)) {
      const address = socket.remoteAddress.replace(/^::ffff:/, ""); // an IPv6 socket may connect over IPv4
      const user = address === connection.local.address ? userOfSocket(socket, connection) : null;
      if (user !== null) return user;
    }
    return null;
  }
}

/** The user of the caller's end. A socket that no process has open any more (inode 0) has none: the kernel may say root. */
function userOfSocket({ uid, inode, localPort, remotePort }: SocketRow, { remote, local }: Connection): User {
  const isTheEnd = localPort === remote.port && remotePort === local.port;
  return isTheEnd && inode !== 0 && uid !== null ? userText(uid) : null;
}

function userText(uid: number): string {
  return `uid:${uid}`;
}
