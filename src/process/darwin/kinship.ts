/** A command's processes on macOS, where orphans become children of launchd. */
import type { Kinship } from "../kinship.ts";
import { DarwinProcesses } from "./processes.ts";

/** Opens it. @throws without permission for FFI. */
export function openDarwinKinship(): Kinship {
  return { processes: DarwinProcesses.open(), orphans: undefined, ignoresHangUp: false };
}
