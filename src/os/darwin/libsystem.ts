/** libSystem of macOS: what the kernel says about processes. */

const SYMBOLS = {
  /** `int sysctl(int *name, u_int count, void *old, size_t *oldSize, void *new, size_t newSize)`, sys/sysctl.h */
  sysctl: { parameters: ["buffer", "u32", "buffer", "buffer", "pointer", "usize"], result: "i32" },
  /** `int sysctlbyname(const char *name, void *old, size_t *oldSize, void *new, size_t newSize)` */
  sysctlbyname: { parameters: ["buffer", "buffer", "buffer", "pointer", "usize"], result: "i32" },
  /** `int proc_pidinfo(int pid, int flavor, uint64_t arg, void *, int size)`, libproc.h; bytes written, or 0 */
  proc_pidinfo: { parameters: ["i32", "i32", "u64", "buffer", "i32"], result: "i32" },
  /** `int proc_pidpath(int pid, void *, uint32_t size)`; length of the path, or 0 */
  proc_pidpath: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** `pid_t getsid(pid_t)` */
  getsid: { parameters: ["i32"], result: "i32" },
  /** `struct passwd *getpwuid(uid_t)`; begins with `char *pw_name`; the next call overwrites it */
  getpwuid: { parameters: ["u32"], result: "pointer" },
  /** `int *__error(void)` */
  __error: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The opened library. */
export type LibSystem = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Opens the library. @throws where there is none, or no permission for FFI. */
export function openLibSystem(): LibSystem {
  return Deno.dlopen("/usr/lib/libSystem.B.dylib", SYMBOLS).symbols;
}

/** The error number of the call before, on this thread. */
export function errnoOf(libSystem: LibSystem): number {
  return new Deno.UnsafePointerView(libSystem.__error()!).getInt32();
}

/** Error numbers of macOS, sys/errno.h. */
export const ESRCH = 3;

/** Names for `sysctl`, sys/sysctl.h. */
export const CTL_KERN = 1, KERN_PROC = 14, KERN_PROC_ALL = 0, KERN_PROC_PID = 1, KERN_PROCARGS2 = 49;

/** Flavor of `proc_pidinfo`, sys/proc_info.h. */
export const PROC_PIDVNODEPATHINFO = 9;
