/** The holds of each OS: the dispatcher. */
import { openLibSystem } from "../os/darwin/libsystem.ts";
import type { LinuxParts } from "../os/linux/linux.ts";
import { bindByLibSystem } from "./darwin/bind.ts";
import { GenericHolds } from "./generic.ts";
import type { Holds } from "./hold.ts";
import { LinuxHolds } from "./linux/holds.ts";
import { type GrantedPort, guardPorts, type PortGuard } from "./windows/guard.ts";
import { WindowsHolds } from "./windows/holds.ts";

/**
 * The holds of this system.
 *
 * @param linux is there on Linux.
 * @param onDenied is called when Windows denies access to a port, which it may have taken for itself meanwhile.
 */
export function openHolds(linux: LinuxParts | undefined, onDenied = (): void => {}): Holds {
  if (linux !== undefined) return new LinuxHolds(linux);
  if (Deno.build.os === "windows") return WindowsHolds.open(onDenied);
  return Deno.build.os === "darwin" ? new GenericHolds(bindByLibSystem(openLibSystem())) : new GenericHolds();
}

/** Keeps granted ports until a command is started, where the daemon cannot hold them and this process can. */
export function openGuard(): ((ports: readonly GrantedPort[]) => PortGuard) | undefined {
  return Deno.build.os === "windows" ? (ports) => guardPorts(ports) : undefined;
}
