/**
 * Ports that the kernel is told to hand out to nobody by itself: `net.ipv4.ip_local_reserved_ports`, ip-sysctl of the
 * kernel's documentation; programs may still ask for them. What others have put there is kept.
 *
 * The list is set at each start of the service, after sysctl.d(5) is: a file there with the whole list would one day
 * undo what the administrator has added in another. What portd has added is remembered below /run, which is forgotten
 * when the kernel's list is.
 */
import { parseFirstAndLast } from "../../os/ephemeral.ts";
import { errno, type Libc, openLibc } from "../../os/linux/libc.ts";
import { Procfs } from "../../os/linux/procfs.ts";
import { parsePortList } from "../../os/ports.ts";
import type { PortRange } from "../../port/port.ts";
import { formatPortList, intersect, subtract, unite } from "./port_set.ts";

/** Where the kernel has the list. */
export const RESERVED_PORTS_FILE = "/proc/sys/net/ipv4/ip_local_reserved_ports";
const EPHEMERAL_FILE = "/proc/sys/net/ipv4/ip_local_port_range";
/** Tells the service which ports are to be reserved. */
export const RESERVED_PORTS_VARIABLE = "SERVICE_RESERVED_PORTS";

const O_WRONLY = 1, O_CLOEXEC = 0o2000000;

/** Settings of the kernel, by path. */
export interface KernelSettings {
  /** @throws {Error} when it is not there. */
  readonly read: (path: string) => string;
  /** @throws {Error} when the kernel refuses the text. */
  readonly write: (path: string, text: string) => void;
}

/** What is to be told to the kernel, and what of it is portd's. */
export interface Reservation {
  readonly reserved: readonly PortRange[];
  readonly ours: readonly PortRange[];
}

/** Puts the wanted ports in the place of those that were ours, and leaves the others' as they are. Pure. */
export function mergeReserved(
  { reserved, ours }: Reservation,
  wanted: readonly PortRange[],
): Reservation {
  const others = subtract(reserved, ours);
  return { reserved: unite([...others, ...wanted]), ours: subtract(wanted, others) };
}

/** The ports that portd has had reserved. */
export class ReservedPorts {
  readonly #path: string;
  readonly #kernel: () => KernelSettings;

  /** @param path of the file that remembers which are portd's. Its folder may be missing. */
  constructor(path: string, kernel: () => KernelSettings = kernelSettings) {
    this.#path = path;
    this.#kernel = kernel;
  }

  /** Which are portd's now; `undefined` where it has not been asked to reserve any since the machine was started. */
  ours(): PortRange[] | undefined {
    try {
      return parsePortList(Deno.readTextFileSync(this.#path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /**
   * Has just those of these ports reserved that the kernel would hand out by itself.
   *
   * @throws {Error} when the kernel's list cannot be changed.
   */
  set(ranges: readonly PortRange[]): void {
    const kernel = this.#kernel();
    const ours = this.ours() ?? [];
    const ephemeral = parseFirstAndLast(kernel.read(EPHEMERAL_FILE));
    const reserved = parsePortList(kernel.read(RESERVED_PORTS_FILE));
    const next = mergeReserved({ reserved, ours }, intersect(ranges, ephemeral === undefined ? [] : [ephemeral]));
    // Remembered first: what is forgotten would stay reserved after portd has gone.
    this.#remember(unite([...ours, ...next.ours]));
    if (formatPortList(next.reserved) !== formatPortList(unite(reserved))) {
      kernel.write(RESERVED_PORTS_FILE, `${formatPortList(next.reserved)}\n`);
    }
    this.#remember(next.ours);
  }

  /** Gives all of them back, and forgets them. @throws {Error} when the kernel's list cannot be changed. */
  giveBack(): void {
    this.set([]);
    Deno.removeSync(this.#path.slice(0, this.#path.lastIndexOf("/")), { recursive: true });
  }

  #remember(ours: readonly PortRange[]): void {
    Deno.mkdirSync(this.#path.slice(0, this.#path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(this.#path, `${formatPortList(ours)}\n`);
  }
}

/** The settings of the kernel that runs, through the C library: Deno keeps `/proc` from programs with few permissions. */
function kernelSettings(): KernelSettings {
  const libc = openLibc();
  const procfs = new Procfs(libc);
  return {
    read(path) {
      const text = procfs.read(path);
      if (text === undefined) throw new Error(`Cannot read ${path}`);
      return text;
    },
    write: (path, text) => writeSetting(libc, path, text),
  };
}

function writeSetting(libc: Libc, path: string, text: string): void {
  const encoder = new TextEncoder();
  const descriptor = libc.open(encoder.encode(`${path}\0`), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) throw new Error(`Cannot write ${path}: errno ${errno(libc)}`);
  try {
    // The kernel takes a long list in parts, and adds the later ones to the first.
    for (let rest = encoder.encode(text); rest.length > 0;) {
      const written = Number(libc.write(descriptor, rest, BigInt(rest.length)));
      if (written <= 0) throw new Error(`Cannot write ${path}: errno ${errno(libc)}`);
      rest = rest.subarray(written);
    }
  } finally {
    libc.close(descriptor);
  }
}
