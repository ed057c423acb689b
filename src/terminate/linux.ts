/**
 * A process of Linux, pinned by a file descriptor. Manuals: pidfd_open(2), pidfd_send_signal(2), proc_pid_fd(5).
 *
 * The descriptor is opened first and the identity compared afterwards: whatever becomes of the pid in between, either
 * the comparison fails or the descriptor is that of the process that was meant, and it stays so.
 */
import { isListener } from "../listener/listener.ts";
import { ENOSYS, EPERM, errno, ESRCH } from "../os/linux/libc.ts";
import type { LinuxParts } from "../os/linux/linux.ts";
import type { Procfs } from "../os/linux/procfs.ts";
import type { Endpoint } from "../port/port.ts";
import { LinuxProcesses } from "../process/linux/processes.ts";
import type { ProcessIdentity } from "../process/process.ts";
import { checkEndpoint, openGenericProcessHandle, SignalHandle } from "./generic.ts";
import type { ProcessHandle } from "./handle.ts";

const SYS_PIDFD_OPEN = 434n, SYS_PIDFD_SEND_SIGNAL = 424n;
const SIGNALS = { SIGKILL: 9, SIGTERM: 15, 0: 0 } as const;
const POLLIN = 1;
/** Of a task, linux/sched.h. */
const PF_EXITING = 4;

/**
 * Pins a process. A kernel before 5.3 cannot; there it is looked at right before each signal, which leaves the small
 * race that generic.ts describes.
 *
 * @returns `undefined` when the process is gone. @throws {Deno.errors.PermissionDenied} when it may not be ended.
 */
export function openLinuxProcessHandle(
  identity: ProcessIdentity,
  { libc, procfs }: LinuxParts,
): ProcessHandle | undefined {
  const processes = new LinuxProcesses(procfs);
  const descriptor = Number(libc.pidfdOpen(SYS_PIDFD_OPEN, identity.pid, 0));
  if (descriptor < 0) {
    const error = errno(libc);
    if (error === ESRCH) return undefined;
    // Sandboxes answer EPERM to calls that they do not know; the kernel asks for no rights here.
    if (error !== ENOSYS && error !== EPERM) throw new Error(`Cannot open pid ${identity.pid}: errno ${error}`);
    const look = (endpoint: Endpoint) => listensOn(procfs, identity.pid, endpoint);
    return openGenericProcessHandle(identity, { processes, listensOn: look });
  }
  const handle = new LinuxProcessHandle(identity, processes, { descriptor, libc, procfs });
  let isKept = false;
  try {
    if (!handle.isRight()) return undefined;
    handle.signal(0);
    isKept = true;
    return handle;
  } finally {
    if (!isKept) handle.close();
  }
}

interface PinnedParts extends LinuxParts {
  readonly descriptor: number;
}

class LinuxProcessHandle extends SignalHandle {
  readonly #parts: PinnedParts;

  constructor(identity: ProcessIdentity, processes: LinuxProcesses, parts: PinnedParts) {
    super(identity, processes);
    this.#parts = parts;
  }

  /**
   * Whether the descriptor is that of the process that is meant. The kernel shows its pid as `/proc` counts: a `/proc` of
   * another pid namespace than ours describes other processes under our numbers.
   */
  isRight(): boolean {
    const { procfs, descriptor } = this.#parts;
    if (!this.processes.isAlive(this.identity)) return false;
    const [, pid] = /^Pid:\s+(-?\d+)$/m.exec(procfs.read(`/proc/self/fdinfo/${descriptor}`) ?? "") ?? [];
    return Number(pid) === this.pid;
  }

  hasEnded(): boolean {
    const { libc, descriptor } = this.#parts;
    const request = new Uint8Array(8); // struct pollfd { int fd; short events, revents; }
    const view = new DataView(request.buffer);
    view.setInt32(0, descriptor, true);
    view.setInt16(4, POLLIN, true);
    const ready = libc.poll(request, 1n, 0);
    if (ready < 0) throw new Error(`Cannot wait for pid ${this.pid}: errno ${errno(libc)}`);
    return ready > 0;
  }

  listensOn(endpoint: Endpoint): Promise<boolean | undefined> {
    return listensOn(this.#parts.procfs, this.pid, endpoint);
  }

  close(): void {
    this.#parts.libc.close(this.#parts.descriptor);
  }

  signal(signal: "SIGTERM" | "SIGKILL" | 0): void {
    const { libc, descriptor } = this.#parts;
    if (libc.pidfdSendSignal(SYS_PIDFD_SEND_SIGNAL, descriptor, SIGNALS[signal], null, 0) === 0n) return;
    const error = errno(libc);
    if (error === ESRCH) return; // it has ended
    if (error === EPERM) throw this.denied();
    throw new Error(`Cannot end pid ${this.pid}: errno ${error}`);
  }
}

/** Whether one of the sockets that a process has open listens there; `undefined` where its sockets are not to be seen. */
async function listensOn(procfs: Procfs, pid: number, endpoint: Endpoint): Promise<boolean | undefined> {
  checkEndpoint(endpoint);
  const { protocol, port } = endpoint;
  const open = procfs.list(`/proc/${pid}/fd`)?.map((descriptor) => procfs.link(`/proc/${pid}/fd/${descriptor}`));
  // A capability to list them is not one to read them.
  if (open === undefined || (open.length > 0 && open.every((target) => target === undefined))) {
    return isEnding(procfs, pid) ? false : undefined;
  }
  const rows = await procfs.sockets(protocol, (localPort) => localPort === port);
  const sockets = new Set(rows.filter(isListener).map(({ inode }) => `socket:[${inode}]`));
  return open.some((target) => target !== undefined && sockets.has(target));
}

/** Whether a process ends at this moment, or has: then its sockets are closed, and nobody sees them, root included. */
function isEnding(procfs: Procfs, pid: number): boolean {
  const stat = procfs.read(`/proc/${pid}/stat`);
  if (stat === undefined) return true;
  // Behind the name, which may hold anything: state, parent, group, session, terminal, its group, flags.
  const [state, , , , , , flags] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === "Z" || state === "X" || (Number(flags) & PF_EXITING) !== 0;
}
