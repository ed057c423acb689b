/**
 * The users of connections on Windows: the table of sockets names the process, and its token names the user. Where this
 * user may not open the process, the caller is unknown.
 */
import type { Scanner } from "../../listener/listener.ts";
import type { Connection, SocketRow } from "../../os/socket.ts";
import { userSidOf } from "../../os/windows/token.ts";
import { OpenedProcess } from "../../process/windows/opened_process.ts";
import type { WindowsLibraries } from "../../process/windows/processes.ts";
import type { ConnectionUsers } from "../caller.ts";

/** What {@linkcode windowsConnectionUsers} asks. */
export interface WindowsConnectionUsersParts {
  readonly scanner: Pick<Scanner, "socketsOn">;
  /** The SID of a process's user; `undefined` where this user may not ask. */
  readonly sidOf: (pid: number) => string | undefined;
  /** This process. */
  readonly pid: number;
}

/** The user of a connection is the user of the process that has the socket. Nothing is kept open. */
export function windowsConnectionUsers({ scanner, sidOf, pid }: WindowsConnectionUsersParts): ConnectionUsers {
  const userOfProcess = (pid: number) => {
    const sid = sidOf(pid);
    return sid === undefined ? null : `sid:${sid}`;
  };
  return {
    self: userOfProcess(pid),
    async userOf(connection) {
      const rows = await scanner.socketsOn({ protocol: "tcp", port: connection.remote.port });
      const pid = rows.find((row) => isCallersEnd(row, connection))?.pid ?? null;
      return pid === null ? null : userOfProcess(pid);
    },
    close() {},
  };
}

function isCallersEnd({ localAddress, localPort, remotePort }: SocketRow, { remote, local }: Connection): boolean {
  const address = localAddress.replace(/^::ffff:/, "");
  return address === remote.address && localPort === remote.port && remotePort === local.port;
}

/** Opens what reads the SID of a process's user. */
export function openUserSids(libraries: WindowsLibraries): (pid: number) => string | undefined {
  return (pid) => {
    using opened = OpenedProcess.open(pid, libraries).opened;
    return opened === undefined ? undefined : userSidOf(opened.handle, libraries);
  };
}
