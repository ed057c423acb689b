/**
 * A command's processes on Linux. A process whose parent ends becomes the child of its nearest ancestor that adopts,
 * else of the system's first process. Manuals: PR_SET_CHILD_SUBREAPER(2const), waitid(2), sigaction(2).
 */
import { ECHILD, errno, type Libc } from "../os/linux/libc.ts";
import { openLinuxParts } from "../os/linux/linux.ts";
import { RefusedBinds } from "../os/linux/refused_binds.ts";
import { LinuxProcesses } from "../process/linux/processes.ts";
import type { Kinship, Orphans } from "./kinship.ts";

const PR_SET_CHILD_SUBREAPER = 36;
const P_ALL = 0, P_PID = 1;
const WNOHANG = 1, WEXITED = 4, WNOWAIT = 0x01000000;
/** The size of `siginfo_t` and the offset of `si_pid`, on 64-bit machines. */
const SIGINFO_SIZE = 128, SI_PID = 16;
const SIGHUP = 1, SIG_IGN = 1n;
/** More than a `struct sigaction`, which begins with the handler. */
const SIGACTION_SIZE = 256;

/** Opens the view of processes. @throws where there is no glibc, or no permission for FFI. */
export function openSystemKinship(adopts: boolean): Kinship {
  const { libc, procfs } = openLinuxParts();
  const orphans = adopts ? adoptOrphans(libc) : undefined;
  const watchBinds = () => RefusedBinds.open(libc);
  return { processes: new LinuxProcesses(procfs), orphans, watchBinds, ignoresHangUp: ignoresHangUp(libc) };
}

function ignoresHangUp(libc: Libc): boolean {
  const action = new Uint8Array(SIGACTION_SIZE);
  if (libc.sigaction(SIGHUP, null, action) !== 0) throw new Error(`Cannot look up SIGHUP: errno ${errno(libc)}`);
  return new DataView(action.buffer).getBigUint64(0, true) === SIG_IGN;
}

/** From now on this process adopts them. @returns `undefined` where the kernel refuses, as in some sandboxes. */
function adoptOrphans(libc: Libc): Orphans | undefined {
  if (libc.prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n) !== 0) return undefined;
  /** @returns the pid of a child that has ended, or 0. */
  const wait = (idType: number, id: number, options: number) => {
    const info = new Uint8Array(SIGINFO_SIZE);
    const answer = libc.waitid(idType, id, info, WEXITED | WNOHANG | options);
    if (answer === 0) return new DataView(info.buffer).getInt32(SI_PID, true);
    const error = errno(libc);
    if (error === ECHILD) return 0;
    throw new Error(`Cannot wait for a child: errno ${error}`);
  };
  return {
    reap(isAdopted) {
      for (let pid = wait(P_ALL, 0, WNOWAIT); pid !== 0 && isAdopted(pid); pid = wait(P_ALL, 0, WNOWAIT)) {
        wait(P_PID, pid, 0);
      }
    },
  };
}
