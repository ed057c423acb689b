/**
 * Processes on macOS, from sysctl(3) and libproc. structures.ts reads their answers.
 *
 * The identity of a process comes from KERN_PROC and not from PROC_PIDTBSDINFO, which answers only for processes of the
 * same user: another user's process must not seem to have ended.
 */
import {
  CTL_KERN,
  errnoOf,
  ESRCH,
  KERN_PROC,
  KERN_PROC_ALL,
  KERN_PROC_PID,
  KERN_PROCARGS2,
  type LibSystem,
  openLibSystem,
  PROC_PIDVNODEPATHINFO,
} from "../../os/darwin/libsystem.ts";
import { boundedCommand } from "../command_line.ts";
import type { ListedProcesses, Process, ProcessIdentity, ProcessPlace } from "../process.ts";
import {
  type KernelProcess,
  KINFO_PROC_SIZE,
  parseArguments,
  parseCurrentFolder,
  parseKinfoProc,
  SZOMB,
  textAt,
  VNODE_PATH_SIZE,
} from "./structures.ts";

const LONGEST_PATH = 4096; // PROC_PIDPATHINFO_MAXSIZE
const LARGEST_PID = 0x7fffffff;

/**
 * The processes of the machine.
 *
 * The start time is `seconds.microseconds`, as the kernel recorded it. For another user's process `cwd` is null
 * and `command` the path of its program, unless this is root.
 */
export class DarwinProcesses implements ListedProcesses {
  readonly bootId: string;
  readonly #libSystem: LibSystem;
  readonly #users = new Map<number, string>();

  constructor(libSystem: LibSystem) {
    this.#libSystem = libSystem;
    this.bootId = this.#named("kern.bootsessionuuid");
  }

  /** @throws without permission for FFI. */
  static open(): DarwinProcesses {
    return new DarwinProcesses(openLibSystem());
  }

  /** @throws {Error} when the kernel does not answer. */
  find(pid: number): Process | undefined {
    const found = this.#running(pid);
    if (found === undefined) return undefined;
    return {
      ...this.#placeOf(found),
      bootId: this.bootId,
      command: this.#command(found),
      cwd: this.#cwd(pid),
      user: this.#userName(found.uid),
      startedAt: new Date(1000 * found.startSeconds).toISOString(),
    };
  }

  /** @throws {Error} when the kernel does not answer: to read that as "no" would end the lease of a live holder. */
  isAlive({ pid, startTime, bootId }: ProcessIdentity): boolean {
    if (bootId !== this.bootId) return false;
    const found = this.#running(pid);
    return found !== undefined && startTimeOf(found) === startTime;
  }

  /** @throws {Error} when the kernel does not answer. */
  list(): readonly ProcessPlace[] {
    const mib = [CTL_KERN, KERN_PROC, KERN_PROC_ALL];
    // The kernel adds room for processes that start between the two calls.
    const bytes = this.#sysctl(mib, this.#sizeOf(mib) ?? 0);
    if (bytes === undefined) throw new Error(`Cannot list the processes: errno ${errnoOf(this.#libSystem)}`);
    const count = Math.floor(bytes.length / KINFO_PROC_SIZE);
    const found = Array.from({ length: count }, (_, i) => parseKinfoProc(bytes.subarray(i * KINFO_PROC_SIZE))!);
    return found.filter(({ status }) => status !== SZOMB).map((process) => this.#placeOf(process));
  }

  /** The place of one process that runs. */
  placeOf(pid: number): ProcessPlace | undefined {
    const found = this.#running(pid);
    return found && this.#placeOf(found);
  }

  #placeOf(process: KernelProcess): ProcessPlace {
    const { pid, parentPid, processGroup } = process;
    return { pid, startTime: startTimeOf(process), parentPid, processGroup, session: this.#session(pid) };
  }

  #running(pid: number): KernelProcess | undefined {
    if (!Number.isInteger(pid) || pid < 1 || pid > LARGEST_PID) return undefined;
    const bytes = this.#sysctl([CTL_KERN, KERN_PROC, KERN_PROC_PID, pid], KINFO_PROC_SIZE);
    if (bytes === undefined) {
      const error = errnoOf(this.#libSystem);
      if (error === ESRCH) return undefined;
      throw new Error(`Cannot look up pid ${pid}: errno ${error}`);
    }
    const found = parseKinfoProc(bytes);
    return found?.pid === pid && found.status !== SZOMB ? found : undefined;
  }

  #command({ pid, name }: KernelProcess): string {
    const mib = [CTL_KERN, KERN_PROCARGS2, pid];
    const size = this.#sizeOf(mib);
    const words = size === undefined ? [] : parseArguments(this.#sysctl(mib, size) ?? new Uint8Array());
    return boundedCommand(words.join(" ").trim() || this.#path(pid) || name);
  }

  #path(pid: number): string {
    const bytes = new Uint8Array(LONGEST_PATH);
    const length = this.#libSystem.proc_pidpath(pid, bytes, bytes.length);
    return length <= 0 ? "" : textAt(bytes, 0, length);
  }

  #cwd(pid: number): string | null {
    const bytes = new Uint8Array(VNODE_PATH_SIZE);
    const length = this.#libSystem.proc_pidinfo(pid, PROC_PIDVNODEPATHINFO, 0n, bytes, bytes.length);
    return parseCurrentFolder(bytes.subarray(0, Math.max(length, 0)));
  }

  #session(pid: number): number | null {
    const session = this.#libSystem.getsid(pid);
    return session < 0 ? null : session;
  }

  /** Each user is looked up once: it may take a message to the directory service. */
  #userName(uid: number): string {
    const known = this.#users.get(uid);
    if (known !== undefined) return known;
    const entry = this.#libSystem.getpwuid(uid);
    const name = entry === null ? null : new Deno.UnsafePointerView(entry).getPointer();
    const text = name === null ? String(uid) : Deno.UnsafePointerView.getCString(name);
    this.#users.set(uid, text);
    return text;
  }

  /** The text of a named sysctl; empty where there is none. */
  #named(name: string): string {
    const bytes = new Uint8Array(64);
    const size = new BigUint64Array([BigInt(bytes.length)]);
    const answer = this.#libSystem.sysctlbyname(new TextEncoder().encode(`${name}\0`), bytes, size, null, 0n);
    return answer === 0 ? textAt(bytes, 0, Number(size[0])) : "";
  }

  #sizeOf(mib: readonly number[]): number | undefined {
    const size = new BigUint64Array(1);
    const answer = this.#libSystem.sysctl(new Int32Array(mib), mib.length, null, size, null, 0n);
    return answer === 0 ? Number(size[0]) : undefined;
  }

  /** The value of a numbered sysctl, up to `most` bytes; `undefined` when the kernel refuses. */
  #sysctl(mib: readonly number[], most: number): Uint8Array | undefined {
    const bytes = new Uint8Array(most);
    const size = new BigUint64Array([BigInt(most)]);
    const answer = this.#libSystem.sysctl(new Int32Array(mib), mib.length, bytes, size, null, 0n);
    return answer === 0 ? bytes.subarray(0, Number(size[0])) : undefined;
  }
}

function startTimeOf({ startSeconds, startMicroseconds }: KernelProcess): string {
  return `${startSeconds}.${String(startMicroseconds).padStart(6, "0")}`;
}
