/** The holds of each OS: the dispatcher. */
import type { LinuxParts } from "../os/linux/linux.ts";
import { GenericHolds } from "./generic.ts";
import type { Holds } from "./hold.ts";
import { LinuxHolds } from "./linux/holds.ts";

/** The holds of this system. */
export function openHolds(linux: LinuxParts | undefined): Holds {
  return linux === undefined ? new GenericHolds() : new LinuxHolds(linux);
}
