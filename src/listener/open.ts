/** The scanner of each OS: the dispatcher. */
import type { Holds } from "../hold/hold.ts";
import type { LinuxParts } from "../os/linux/linux.ts";
import { SockDiagSocket } from "../os/linux/sock_diag_socket.ts";
import { DarwinScanner } from "./darwin/scan.ts";
import { GenericScanner } from "./generic_scan.ts";
import { LinuxScanner } from "./linux/scan.ts";
import type { Scanner } from "./listener.ts";
import { WindowsScanner } from "./windows/scan.ts";

/** The scanner of this system. @param linux is there on Linux. */
export function openScanner(linux: LinuxParts | undefined, holds: Holds): Scanner {
  if (linux !== undefined) return new LinuxScanner(linux, SockDiagSocket.open(linux.libc));
  if (Deno.build.os === "windows") return WindowsScanner.open();
  if (Deno.build.os === "darwin") return new DarwinScanner(holds);
  return new GenericScanner(holds);
}
