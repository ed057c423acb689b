/** Who calls, on each OS: the dispatcher. */
import type { Scanner } from "../listener/listener.ts";
import type { LinuxParts } from "../os/linux/linux.ts";
import { SockDiagSocket } from "../os/linux/sock_diag_socket.ts";
import { openWindowsLibraries } from "../process/windows/processes.ts";
import type { ConnectionUsers } from "./caller.ts";
import { linuxConnectionUsers } from "./linux/connection_users.ts";
import { openUserSids, windowsConnectionUsers } from "./windows/connection_users.ts";

/** What this OS knows of callers. @param linux is there on Linux. */
export function openConnectionUsers(linux: LinuxParts | undefined, scanner: Scanner): ConnectionUsers {
  if (linux !== undefined) {
    return linuxConnectionUsers({ ...linux, sockDiag: SockDiagSocket.open(linux.libc), uid: Deno.uid() });
  }
  if (Deno.build.os === "windows") {
    return windowsConnectionUsers({ scanner, sidOf: openUserSids(openWindowsLibraries()), pid: Deno.pid });
  }
  // macOS: lsof shows the sockets of other users to root only, and takes a tenth of a second.
  return { self: null, userOf: () => null, close() {} };
}
