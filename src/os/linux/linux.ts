/** What everything for Linux shares. */
import { type Libc, openLibc } from "./libc.ts";
import { Procfs } from "./procfs.ts";

/** How portd asks Linux: through its C library and `/proc`. */
export interface LinuxParts {
  readonly libc: Libc;
  readonly procfs: Procfs;
}

/** Opens them. @throws where there is no glibc, or no permission for FFI. */
export function openLinuxParts(): LinuxParts {
  const libc = openLibc();
  return { libc, procfs: new Procfs(libc) };
}
