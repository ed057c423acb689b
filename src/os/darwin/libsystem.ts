/** libSystem of macOS: what the kernel says about processes, and sockets that are bound and never listen. */

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
  /** `int socket(int domain, int type, int protocol)`; -1 when it fails */
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  /** `int setsockopt(int socket, int level, int name, const void *value, socklen_t length)` */
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  /** `int bind(int socket, const struct sockaddr *, socklen_t length)` */
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** `int getsockname(int socket, struct sockaddr *, socklen_t *length)` */
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  /** `int close(int descriptor)` */
  close: { parameters: ["i32"], result: "i32" },
  /** `int fcntl(int, int operation, ...)`, used without more */
  fcntl: { parameters: ["i32", "i32"], result: "i32" },
  /** `int ioctl(int, unsigned long request, ...)`, used without more */
  ioctl: { parameters: ["i32", "usize"], result: "i32" },
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
export const EPERM = 1, ESRCH = 3, EACCES = 13, ENFILE = 23, EMFILE = 24;
export const EAFNOSUPPORT = 47, EADDRINUSE = 48, EADDRNOTAVAIL = 49;

/** Names for `sysctl`, sys/sysctl.h. */
export const CTL_KERN = 1, KERN_PROC = 14, KERN_PROC_ALL = 0, KERN_PROC_PID = 1, KERN_PROCARGS2 = 49;

/** Flavor of `proc_pidinfo`, sys/proc_info.h. */
export const PROC_PIDVNODEPATHINFO = 9;

/** Address families, types and options of sockets, sys/socket.h and netinet6/in6.h. */
export const AF_INET = 2, AF_INET6 = 30, SOCK_STREAM = 1, SOCK_DGRAM = 2;
export const SOL_SOCKET = 0xffff, SO_REUSEADDR = 0x4, IPPROTO_IPV6 = 41, IPV6_V6ONLY = 27;
