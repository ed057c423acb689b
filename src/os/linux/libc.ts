/** The C library of Linux: only the calls for which Deno has no API. */
import { Turns } from "../turns.ts";

const LIBRARY = "libc.so.6";
const SYMBOLS = {
  /** `int socket(int domain, int type, int protocol)` */
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  /** `int setsockopt(int, int level, int name, const void *value, socklen_t)` */
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  /** `int bind(int, const struct sockaddr *, socklen_t)` */
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** `int getsockname(int, struct sockaddr *, socklen_t *)` */
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  /** `int getpeername(int, struct sockaddr *, socklen_t *)` */
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  /** `int shutdown(int, int how)` */
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  /** `ssize_t send(int, const void *, size_t, int flags)` */
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  /** The same off the event loop, for a request that takes the kernel some time. */
  sendOffLoop: { name: "send", parameters: ["i32", "buffer", "usize", "i32"], result: "isize", nonblocking: true },
  /** `ssize_t recv(int, void *, size_t, int flags)` */
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  /** The same off the event loop, for an answer that takes the kernel some time. */
  recvOffLoop: { name: "recv", parameters: ["i32", "buffer", "usize", "i32"], result: "isize", nonblocking: true },
  /** `ssize_t sendto(int, const void *, size_t, int flags, const struct sockaddr *, socklen_t)` */
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  /** `int open(const char *path, int flags)` */
  open: { parameters: ["buffer", "i32"], result: "i32" },
  /** `ssize_t read(int, void *, size_t)` */
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  /** The same off the event loop, for text that takes the kernel some time to write. */
  readOffLoop: { name: "read", parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  /** `int close(int)` */
  close: { parameters: ["i32"], result: "i32" },
  /** `int statx(int folder, const char *path, int flags, unsigned int mask, struct statx *)`, glibc 2.28 */
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  /** `int fcntl(int, int operation, ...)`, used with an int */
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  /** `ssize_t readlink(const char *path, char *, size_t)` */
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  /** `ssize_t readlinkat(int folder, const char *path, char *, size_t)`, of whose result the low half has any length */
  readlinkat: { parameters: ["i32", "buffer", "buffer", "usize"], result: "i32" },
  /** `ssize_t getdents64(int, void *, size_t)`, glibc 2.30 */
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  /** `int getrlimit(int resource, struct rlimit *)` */
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  /** `int setrlimit(int resource, const struct rlimit *)` */
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  /**
   * `int pidfd_open(pid_t, unsigned int flags)` as `long syscall(long number, ...)`: glibc has it from 2.36 on only.
   * Linux 5.3; the number, 434, is the same on x86-64 and aarch64.
   */
  pidfdOpen: { name: "syscall", parameters: ["isize", "i32", "u32"], result: "isize" },
  /** `int pidfd_send_signal(int pidfd, int signal, siginfo_t *, unsigned int flags)` likewise; Linux 5.1, number 424. */
  pidfdSendSignal: { name: "syscall", parameters: ["isize", "i32", "i32", "pointer", "u32"], result: "isize" },
  /** `int poll(struct pollfd *, nfds_t, int timeout)` */
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  /** `int usleep(useconds_t)` off the event loop. */
  usleepOffLoop: { name: "usleep", parameters: ["u32"], result: "i32", nonblocking: true },
  /** `int prctl(int operation, ...)`, used with an unsigned long and zeros */
  prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
  /** `int waitid(idtype_t, id_t, siginfo_t *, int options)` */
  waitid: { parameters: ["i32", "u32", "buffer", "i32"], result: "i32" },
  /** `int sigaction(int signal, const struct sigaction *, struct sigaction *old)` */
  sigaction: { parameters: ["i32", "pointer", "buffer"], result: "i32" },
  /** `int *__errno_location(void)` */
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The opened library. */
export type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/**
 * Opens the C library. Each function is opened at its first call: most programs call few of them, and opening all takes
 * longer than starting a command.
 *
 * @throws where there is no glibc, or no permission for FFI.
 */
export function openLibc(): Libc {
  // This one now: opening it after a failed call could change the error number.
  const { __errno_location } = SYMBOLS;
  const opened = Deno.dlopen(LIBRARY, { __errno_location }).symbols;
  for (const name of Object.keys(SYMBOLS) as (keyof typeof SYMBOLS)[]) {
    if (name !== "__errno_location") openAtFirstUse(opened, name);
  }
  return opened as Libc;
}

function openAtFirstUse(target: object, name: keyof typeof SYMBOLS): void {
  const get = () => {
    const { [name]: value } = Deno.dlopen(LIBRARY, { [name]: SYMBOLS[name] }).symbols;
    Object.defineProperty(target, name, { value });
    return value;
  };
  Object.defineProperty(target, name, { get, configurable: true, enumerable: true });
}

/** The error number of the call before, on this thread. */
export function errno(libc: Libc): number {
  return new Deno.UnsafePointerView(libc.__errno_location()!).getInt32();
}

/** Error numbers of Linux, `asm-generic/errno.h`. */
export const ENOENT = 2, ESRCH = 3, EBADF = 9, ECHILD = 10, EACCES = 13, ENFILE = 23, EMFILE = 24;
export const EPERM = 1, ENOSYS = 38, EAFNOSUPPORT = 97, EADDRINUSE = 98, EADDRNOTAVAIL = 99;

const PAUSE_US = 20;

/** Turns with pauses of some hundredths of a millisecond, shorter than any timer. */
export function shortTurns(libc: Libc): Turns {
  return new Turns({ turnMs: 2, pause: () => libc.usleepOffLoop(PAUSE_US) });
}

const RLIMIT_NOFILE = 7;

/** Enough for 65,535 holds; more connections would take too much memory. */
const MOST_OPEN_FILES = 131_072n;
const LEAST_RESERVE = 128, RESERVED_SHARE = 4;

/** How many open files are not for holds: connections, files and children need them. */
export function reservedOf(openFiles: number): number {
  return Math.max(LEAST_RESERVE, Math.ceil(openFiles / RESERVED_SHARE));
}

/**
 * Sets the soft limit of open files to the hard one, but to no more than 131,072.
 *
 * @returns the limit now in force.
 */
export function raiseOpenFileLimit(libc: Libc): number {
  const limit = new BigUint64Array(2); // struct rlimit { rlim_t rlim_cur, rlim_max; }
  if (libc.getrlimit(RLIMIT_NOFILE, limit) !== 0) throw new Error(`Cannot read RLIMIT_NOFILE: errno ${errno(libc)}`);
  const [soft, hard] = limit as unknown as [bigint, bigint];
  const wanted = hard < MOST_OPEN_FILES ? hard : MOST_OPEN_FILES;
  limit[0] = wanted;
  const isSet = soft === wanted || libc.setrlimit(RLIMIT_NOFILE, limit) === 0;
  return Number(isSet ? wanted : soft);
}
