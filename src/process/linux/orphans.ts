/**
 * Orphans on Linux: a process whose parent ends becomes the child of its nearest ancestor that adopts, else of the
 * system's first process. Manuals: PR_SET_CHILD_SUBREAPER(2const), waitid(2).
 */
import { ECHILD, errno, type Libc } from "../../ffi/libc.ts";

const PR_SET_CHILD_SUBREAPER = 36;
const P_ALL = 0, P_PID = 1;
const WNOHANG = 1, WEXITED = 4, WNOWAIT = 0x01000000;
/** `siginfo_t` and where in it `si_pid` is, on 64-bit machines. */
const SIGINFO_SIZE = 128, SI_PID = 16;

/** The orphans among this process's descendants. */
export class Orphans {
  readonly #libc: Libc;

  private constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** Makes this process adopt them from now on. @returns `undefined` where the kernel refuses, as in some sandboxes. */
  static adopt(libc: Libc): Orphans | undefined {
    return libc.prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n) === 0 ? new Orphans(libc) : undefined;
  }

  /**
   * Takes note of those that have ended, or they would stay in the kernel's table as long as this process runs. Stops at
   * a child of which Deno takes note; the next call goes on.
   */
  reap(isAdopted: (pid: number) => boolean): void {
    for (;;) {
      const pid = this.#wait(P_ALL, 0, WNOWAIT);
      if (pid === 0 || !isAdopted(pid)) return;
      this.#wait(P_PID, pid, 0);
    }
  }

  /** @returns the pid of a child that has ended, or 0. */
  #wait(idType: number, id: number, options: number): number {
    const info = new Uint8Array(SIGINFO_SIZE);
    if (this.#libc.waitid(idType, id, info, WEXITED | WNOHANG | options) === 0) {
      return new DataView(info.buffer).getInt32(SI_PID, true);
    }
    const error = errno(this.#libc);
    if (error === ECHILD) return 0;
    throw new Error(`Cannot wait for a child: errno ${error}`);
  }
}
