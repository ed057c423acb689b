/** Reads what the kernel of macOS answers about processes, as bytes of a 64-bit system. Pure. */

/** The fields of `struct kinfo_proc`. */
export interface KernelProcess {
  readonly pid: number;
  /** `p_stat`; {@linkcode SZOMB} is a process that has ended. */
  readonly status: number;
  readonly parentPid: number;
  readonly processGroup: number;
  readonly uid: number;
  /** When it started, by the clock of that moment; recorded once, also when the clock is set later. */
  readonly startSeconds: number;
  readonly startMicroseconds: number;
  /** The file name of its program, cut to 16 bytes. */
  readonly name: string;
}

/** `p_stat` of a zombie, sys/proc.h. */
export const SZOMB = 5;

/** Size of `struct kinfo_proc` and offsets in it, sys/sysctl.h; it begins with `struct extern_proc` of sys/proc.h. */
export const KINFO_PROC_SIZE = 648;
const P_STARTTIME_SECONDS = 0,
  P_STARTTIME_MICROSECONDS = 8,
  P_STAT = 36,
  P_PID = 40,
  P_COMM = 243,
  P_COMM_SIZE = 17,
  E_UCRED_UID = 420,
  E_PPID = 560,
  E_PGID = 564;

/** Reads a `struct kinfo_proc`. @returns `undefined` for too few bytes, as for a pid that no process has. */
export function parseKinfoProc(bytes: Uint8Array): KernelProcess | undefined {
  if (bytes.length < KINFO_PROC_SIZE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    pid: view.getInt32(P_PID, true),
    status: view.getUint8(P_STAT),
    parentPid: view.getInt32(E_PPID, true),
    processGroup: view.getInt32(E_PGID, true),
    uid: view.getUint32(E_UCRED_UID, true),
    startSeconds: Number(view.getBigInt64(P_STARTTIME_SECONDS, true)),
    startMicroseconds: view.getInt32(P_STARTTIME_MICROSECONDS, true),
    name: textAt(bytes, P_COMM, P_COMM_SIZE),
  };
}

/** Size of `struct proc_vnodepathinfo`, sys/proc_info.h, and where in it the path of the current folder is. */
export const VNODE_PATH_SIZE = 2352;
const VIP_PATH = 152, MAXPATHLEN = 1024;

/** The current folder in a `struct proc_vnodepathinfo`; null where there is none. */
export function parseCurrentFolder(bytes: Uint8Array): string | null {
  return bytes.length < VNODE_PATH_SIZE ? null : textAt(bytes, VIP_PATH, MAXPATHLEN) || null;
}

/**
 * The arguments in the answer of KERN_PROCARGS2: their number, the path of the program, NULs up to a word boundary, the
 * arguments, and then the environment, which is not read.
 */
export function parseArguments(bytes: Uint8Array): readonly string[] {
  if (bytes.length < 4) return [];
  const count = new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
  let at = bytes.indexOf(0, 4);
  while (at >= 0 && bytes[at] === 0) at++;
  const words: string[] = [];
  while (at >= 0 && at < bytes.length && words.length < count) {
    const word = textAt(bytes, at, bytes.length - at);
    words.push(word);
    at = bytes.indexOf(0, at) + 1 || bytes.length;
  }
  return words;
}

/** The C string that begins at an offset and has at most `most` bytes, with or without its NUL. */
export function textAt(bytes: Uint8Array, at: number, most: number): string {
  const part = bytes.subarray(at, at + most);
  const end = part.indexOf(0);
  return new TextDecoder().decode(end < 0 ? part : part.subarray(0, end));
}
