/**
 * Reading `/proc` through the C library: Deno gives `/proc` only to programs that have every permission, and portd
 * asks for fewer. Manual: proc(5).
 */
import type { Protocol } from "../../port/port.ts";
import type { RowFilter, SocketRow } from "../socket.ts";
import { EACCES, ENOENT, EPERM, errno, ESRCH, type Libc } from "./libc.ts";
import { parseSocketTable } from "./socket_table.ts";

const O_CLOEXEC = 0o2000000, O_DIRECTORY = 0o200000;
const CHUNK = 1 << 16;
/** Descriptors read in one go, and the size of a `struct linux_dirent64` with such a name. */
const DESCRIPTORS_A_PART = 200, BYTES_AN_ENTRY = 24;
const LINK_SIZE = 64n;
/** `socket:[` */
const SOCKET_PREFIX = new TextEncoder().encode("socket:[");
const DIGIT_0 = 48, DIGIT_9 = 57;
/** Offsets in `struct linux_dirent64`. */
const D_RECLEN = 16, D_NAME = 19;

/** Reads `/proc`. A path that is gone, or that this user may not read, is `undefined`; other errors are thrown. */
export class Procfs {
  readonly #libc: Libc;
  readonly #buffer = new Uint8Array(CHUNK);
  readonly #decoder = new TextDecoder();

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** The text of a small file. Blocking. */
  read(path: string): string | undefined {
    const fd = this.#open(path, O_CLOEXEC);
    if (fd === undefined) return undefined;
    const parts: string[] = [];
    try {
      for (;;) {
        const length = Number(this.#libc.read(fd, this.#buffer, BigInt(CHUNK)));
        if (length < 0) return this.#absent(path);
        if (length === 0) return parts.join("");
        parts.push(this.#decoder.decode(this.#buffer.subarray(0, length)));
      }
    } finally {
      this.#libc.close(fd);
    }
  }

  /** The text of a file that may be large; the event loop goes on while the kernel writes it. */
  async readLarge(path: string): Promise<string | undefined> {
    const fd = this.#open(path, O_CLOEXEC);
    if (fd === undefined) return undefined;
    const parts: string[] = [];
    const buffer = new Uint8Array(CHUNK);
    try {
      for (;;) {
        const length = Number(await this.#libc.readOffLoop(fd, buffer, BigInt(CHUNK)));
        if (length < 0) throw new Error(`Cannot read ${path}`);
        if (length === 0) return parts.join("");
        parts.push(this.#decoder.decode(buffer.subarray(0, length)));
      }
    } finally {
      this.#libc.close(fd);
    }
  }

  /** The wanted sockets of IPv4 and IPv6 in `/proc/net`. */
  async sockets(protocol: Protocol, isWanted: RowFilter): Promise<SocketRow[]> {
    const texts = await Promise.all([protocol, `${protocol}6`].map((name) => this.readLarge(`/proc/net/${name}`)));
    return texts.flatMap((text) => [...parseSocketTable(text ?? "", protocol, isWanted)]);
  }

  /** The names in a folder. Blocking. */
  list(path: string): string[] | undefined {
    const fd = this.#open(path, O_CLOEXEC | O_DIRECTORY);
    if (fd === undefined) return undefined;
    const names: string[] = [];
    try {
      for (;;) {
        const length = Number(this.#libc.getdents64(fd, this.#buffer, BigInt(CHUNK)));
        if (length < 0) return this.#absent(path);
        if (length === 0) return names;
        this.#entries(length, names);
      }
    } finally {
      this.#libc.close(fd);
    }
  }

  /**
   * The inodes of the sockets that a process has open, a part of `/proc/<pid>/fd` at a time. Each part blocks. Nothing is
   * decoded to text, as there may be tens of thousands.
   */
  *socketInodes(pid: number): Generator<readonly number[]> {
    const fd = this.#open(`/proc/${pid}/fd`, O_CLOEXEC | O_DIRECTORY);
    if (fd === undefined) return;
    const entries = new Uint8Array(DESCRIPTORS_A_PART * BYTES_AN_ENTRY);
    try {
      for (;;) {
        const length = Number(this.#libc.getdents64(fd, entries, BigInt(entries.length)));
        if (length === 0) return;
        if (length < 0) return this.#absent(`/proc/${pid}/fd`);
        yield this.#inodesOf(fd, entries, length);
      }
    } finally {
      this.#libc.close(fd);
    }
  }

  #inodesOf(folder: number, entries: Uint8Array<ArrayBuffer>, length: number): number[] {
    const inodes: number[] = [];
    const view = new DataView(entries.buffer);
    for (let at = 0; at < length; at += view.getUint16(at + D_RECLEN, true)) {
      // "." and ".." are not links, and a descriptor may be closed by now: both are skipped.
      const size = this.#libc.readlinkat(folder, entries.subarray(at + D_NAME), this.#buffer, LINK_SIZE);
      const inode = size < 0 ? undefined : parseSocketLink(this.#buffer, size);
      if (inode !== undefined) inodes.push(inode);
    }
    return inodes;
  }

  /** Where a symbolic link leads. Blocking. */
  link(path: string): string | undefined {
    const length = Number(this.#libc.readlink(cString(path), this.#buffer, BigInt(CHUNK)));
    return length < 0 ? this.#absent(path) : this.#decoder.decode(this.#buffer.subarray(0, length));
  }

  #entries(length: number, names: string[]): void {
    const view = new DataView(this.#buffer.buffer);
    for (let at = 0; at < length; at += view.getUint16(at + D_RECLEN, true)) {
      const end = this.#buffer.indexOf(0, at + D_NAME);
      const name = this.#decoder.decode(this.#buffer.subarray(at + D_NAME, end));
      if (name !== "." && name !== "..") names.push(name);
    }
  }

  #open(path: string, flags: number): number | undefined {
    const fd = this.#libc.open(cString(path), flags);
    return fd < 0 ? this.#absent(path) : fd;
  }

  #absent(path: string): undefined {
    const error = errno(this.#libc);
    if (error === ENOENT || error === ESRCH || error === EACCES || error === EPERM) return undefined;
    throw new Error(`Cannot read ${path}: errno ${error}`);
  }
}

/** The number in `socket:[4242]`; `undefined` for the link of anything else. */
function parseSocketLink(bytes: Uint8Array, length: number): number | undefined {
  for (let i = 0; i < SOCKET_PREFIX.length; i++) if (bytes[i] !== SOCKET_PREFIX[i]) return undefined;
  let inode = 0;
  for (let i = SOCKET_PREFIX.length; i < length - 1; i++) {
    const digit = bytes[i]!;
    if (digit < DIGIT_0 || digit > DIGIT_9) return undefined;
    inode = inode * 10 + digit - DIGIT_0;
  }
  return inode;
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(new TextEncoder().encode(text + "\0"));
}
