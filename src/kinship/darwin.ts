/** A command's processes on macOS, where orphans become children of launchd. */
import { DarwinProcesses } from "../process/darwin/processes.ts";
import type { Kinship } from "./kinship.ts";

/** Opens the view of processes. @throws without permission for FFI. */
export function openSystemKinship(): Kinship {
  return { processes: DarwinProcesses.open(), orphans: undefined, watchBinds: () => undefined, ignoresHangUp: false };
}
