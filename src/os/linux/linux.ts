/** What everything for Linux shares. */
import type { Libc } from "./libc.ts";
import type { Procfs } from "./procfs.ts";

/** How portd asks Linux: through its C library and `/proc`. */
export interface LinuxParts {
  readonly libc: Libc;
  readonly procfs: Procfs;
}
