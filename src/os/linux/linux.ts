/** What the parts for Linux share. */
import type { Libc } from "./libc.ts";
import type { Procfs } from "./procfs.ts";

/** How portd asks Linux: its C library, and /proc. */
export interface LinuxParts {
  readonly libc: Libc;
  readonly procfs: Procfs;
}
