/**
 * The Windows Subsystem for Linux: whether this is a distribution in it, and whose network that has. All of it is read
 * from `/proc`; no program of Windows is run. The names are those of WSL's own sources (microsoft/WSL, src/linux/init).
 */
import { openLibc } from "./libc.ts";
import { Procfs } from "./procfs.ts";

/** A distribution in WSL. */
export interface Wsl {
  /** WSL 1 translates system calls; WSL 2 is a virtual machine with a kernel of its own. */
  readonly version: 1 | 2;
  /**
   * - `shared`: the sockets are those of Windows (WSL 1).
   * - `mirrored`: Windows' addresses and ports are also those of the virtual machine.
   * - `nat`: the virtual machine has an address of its own behind Windows. The rare modes VirtioProxy and bridged look the
   *   same from inside.
   */
  readonly networking: "shared" | "mirrored" | "nat";
}

/** The names of WSL's kernels: `4.4.0-19041-Microsoft`, `6.6.87.2-microsoft-standard-WSL2`. */
const KERNEL = /microsoft|wsl/i;
/** WSL 1 writes its maker with a capital letter, and no kernel of WSL 2 does. */
const KERNEL_1 = /-Microsoft$/;
/** WSL 2 mounts its first program into each distribution. A container on the same kernel has no such mount. */
const INIT_MOUNT = /^\S+ \/init /m;
/** Under these names WSL registers that the kernel may start programs of Windows; the user can switch it off. */
const INTEROP = ["WSLInterop", "WSLInterop-late"].map((name) => `/proc/sys/fs/binfmt_misc/${name}`);
/** Mirrored networking has this device for what Linux and Windows send each other on 127.0.0.1. */
const MIRRORED_DEVICE = /^\s*loopback0:/m;

/** What WSL this is; `undefined` where it is none, and in a container that only runs on WSL's kernel. Blocking, but short. */
export function readWsl(procfs: Pick<Procfs, "read">): Wsl | undefined {
  const release = procfs.read("/proc/sys/kernel/osrelease")?.trim() ?? "";
  if (!KERNEL.test(release)) return undefined;
  if (KERNEL_1.test(release)) return { version: 1, networking: "shared" };
  const isDistribution = INIT_MOUNT.test(procfs.read("/proc/self/mounts") ?? "") ||
    INTEROP.some((path) => procfs.read(path) !== undefined);
  if (!isDistribution) return undefined;
  return { version: 2, networking: MIRRORED_DEVICE.test(procfs.read("/proc/net/dev") ?? "") ? "mirrored" : "nat" };
}

/** The same for this machine, for a program that has not opened `/proc` yet. */
export function readThisWsl(): Wsl | undefined {
  return readWsl(new Procfs(openLibc()));
}
