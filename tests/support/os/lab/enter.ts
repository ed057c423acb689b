/** Sockets of this process in a network namespace: setns(2). */
import type { NetworkNamespace } from "../netns.ts";

const CLONE_NEWNET = 0x4000_0000;

const SYMBOLS = {
  /** `int open(const char *path, int flags, ...)` */
  open: { parameters: ["buffer", "i32"], result: "i32" },
  /** `int close(int fd)` */
  close: { parameters: ["i32"], result: "i32" },
  /** `int setns(int fd, int kind)`: for the calling thread alone. */
  setns: { parameters: ["i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Moves the calling thread into a network; disposing moves it back. */
export function enterNetwork({ pid }: NetworkNamespace): Disposable {
  const library = Deno.dlopen("libc.so.6", SYMBOLS);
  const open = (path: string) => {
    const fd = library.symbols.open(new TextEncoder().encode(`${path}\0`), 0);
    if (fd < 0) throw new Error(`Cannot open ${path}`);
    return fd;
  };
  const move = (fd: number) => {
    const result = library.symbols.setns(fd, CLONE_NEWNET);
    library.symbols.close(fd);
    if (result !== 0) throw new Error("Cannot change the network namespace");
  };
  const home = open("/proc/thread-self/ns/net");
  move(open(`/proc/${pid}/ns/net`));
  return {
    [Symbol.dispose]() {
      move(home);
      library.close();
    },
  };
}
