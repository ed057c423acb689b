/**
 * Files that decide what portd does (a token, an address, a database, a configuration), and whether another user of the
 * machine can have put them there. On Windows no owner and no mode is known here: there the folder's access list
 * decides (service/windows/state_acl.ts), and every file counts as one's own.
 */

/** A file is another user's, or another user can have put it there. */
export class ForeignFileError extends Error {
  override readonly name = "ForeignFileError";
}

/** Bytes of the longest small file: a token, an address, a configuration, a project file. */
const MOST_BYTES = 1 << 20;
const OTHERS_MAY_WRITE = 0o002, GROUP_MAY_WRITE = 0o020, STICKY = 0o1000;

/**
 * Reads a file whole if it is a regular one of this user or of root; a link is not followed. What is opened is compared
 * with what was looked at, as a file may be replaced in between.
 *
 * @throws {ForeignFileError} when it is anything else.
 */
export function readOwnFile(path: string): string {
  const seen = lookAtOwnFile(path);
  using file = Deno.openSync(path);
  const opened = file.statSync();
  if (opened.ino !== seen.ino || opened.dev !== seen.dev) {
    throw new ForeignFileError(`Cannot use ${path}: it was replaced while it was opened`);
  }
  return readWhole(file, path, MOST_BYTES);
}

/**
 * The same check without the file: that it is a regular one of this user or of root, and short.
 *
 * @throws {ForeignFileError} when it is anything else.
 */
export function lookAtOwnFile(path: string): Deno.FileInfo {
  const seen = Deno.lstatSync(path);
  const reason = faultOf(seen);
  if (reason !== undefined) throw new ForeignFileError(`Cannot use ${path}: ${reason}`);
  if (seen.size > MOST_BYTES) throw new FileTooLongError(path, MOST_BYTES);
  return seen;
}

/**
 * Reads a configuration. It may be a link, and may be root's: but it is not read where another user can change it.
 *
 * @throws {ForeignFileError} when another user owns it, or may write it and reach it.
 */
export function readTrustedFile(path: string): string {
  using file = Deno.openSync(path);
  const { uid, mode, isFile } = file.statSync();
  if (Deno.build.os !== "windows" && isFile) {
    for (const owner of [uid, Deno.lstatSync(path).uid]) {
      if (!isTrusted(owner)) throw new ForeignFileError(`it belongs to user ${owner}, and would be obeyed`);
    }
    if ((mode! & (OTHERS_MAY_WRITE | GROUP_MAY_WRITE)) !== 0 && !isClosed(folderOf(path))) {
      throw new ForeignFileError(`other users may write it, and it would be obeyed; close it: chmod go-w ${path}`);
    }
  }
  return readWhole(file, path, MOST_BYTES);
}

/**
 * Reads a text file up to a bound, whatever the file is.
 *
 * @throws {FileTooLongError} when it is longer.
 */
export function readBounded(path: string, mostBytes: number = MOST_BYTES): string {
  using file = Deno.openSync(path);
  if (file.statSync().isDirectory) throw new Error(`Cannot read ${path}: it is a folder and not a file`);
  return readWhole(file, path, mostBytes);
}

function readWhole(file: Deno.FsFile, path: string, mostBytes: number): string {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const part = new Uint8Array(Math.min(mostBytes + 1 - length, 1 << 18));
    const count = file.readSync(part);
    if (count === null) break;
    length += count;
    if (length > mostBytes) throw new FileTooLongError(path, mostBytes);
    parts.push(part.subarray(0, count));
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return new TextDecoder().decode(whole);
}

/** A file is longer than any that portd reads. */
export class FileTooLongError extends Error {
  override readonly name = "FileTooLongError";

  constructor(path: string, mostBytes: number) {
    super(`Cannot read ${path}: it is longer than ${mostBytes} bytes`);
  }
}

/**
 * Checks files of one folder: each a regular file of this user, with no name beyond those here.
 *
 * @throws {ForeignFileError} naming the first that is not.
 */
export function checkOwnFiles(folder: string, names: readonly string[]): void {
  if (Deno.build.os === "windows") return;
  const files = names.map((name) => ({ name, file: Deno.lstatSync(`${folder}/${name}`) }));
  const counts = new Map<number | null, number>();
  for (const { file } of files) counts.set(file.ino, (counts.get(file.ino) ?? 0) + 1);
  for (const { name, file } of files) {
    // A draft that a daemon has linked into its place, and not removed when it was killed, is a second name.
    const hasMoreNames = (file.nlink ?? 1) > counts.get(file.ino)!;
    const reason = file.uid !== Deno.uid()
      ? `it belongs to user ${file.uid}`
      : faultOf(file) ?? (hasMoreNames ? "it has another name elsewhere (a hard link)" : undefined);
    if (reason === undefined) continue;
    throw new ForeignFileError(`${name} in it may have been put there by another user: ${reason}; remove that file`);
  }
}

/**
 * Whoever may rename what is in a folder above, can put a folder of their own in the place of ours: the owner, and where
 * the folder has no sticky bit everybody who may write it. Groups are trusted; the root folder is the system's.
 *
 * @throws {ForeignFileError} naming the folder.
 */
export function refuseUnsafeAncestors(path: string): void {
  if (Deno.build.os === "windows") return;
  const existing = deepestExisting(path);
  const folders = new Set([...ancestorsOf(path), ...ancestorsOf(existing === "" ? path : Deno.realPathSync(existing))]);
  for (const folder of folders) {
    const seen = statsOf(folder);
    const other = seen.find(({ uid }) => !isTrusted(uid));
    if (other !== undefined) throw new ForeignFileError(`${folder} above it belongs to user ${other.uid}`);
    const isOpen = seen.some(({ mode, isSymlink }) =>
      !isSymlink && (mode! & OTHERS_MAY_WRITE) !== 0 && (mode! & STICKY) === 0
    );
    if (isOpen) throw new ForeignFileError(`every user may write ${folder} above it`);
  }
}

/** The folders above a path, without the root folder. */
function ancestorsOf(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "");
  return parts.slice(0, -1).map((_, i) => `/${parts.slice(0, i + 1).join("/")}`);
}

function deepestExisting(path: string): string {
  return [...ancestorsOf(path), path].reverse().find((folder) => statsOf(folder).length > 0) ?? "";
}

/** Of the path itself, and of what it links to; none where it is not there. */
function statsOf(path: string): Deno.FileInfo[] {
  try {
    return [Deno.lstatSync(path), Deno.statSync(path)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Why a file cannot be ours; `undefined` when it can. */
function faultOf({ isFile, isSymlink, uid }: Deno.FileInfo): string | undefined {
  if (isSymlink) return "it is a link";
  if (!isFile) return "it is no regular file";
  return Deno.build.os === "windows" || isTrusted(uid) ? undefined : `it belongs to user ${uid}`;
}

/** Root can do anything to us as it is. */
function isTrusted(uid: number | null): boolean {
  return uid === Deno.uid() || uid === 0;
}

/** Whether nobody but this user, or root, can reach what is in a folder. */
function isClosed(folder: string): boolean {
  const { uid, mode } = Deno.statSync(folder);
  return isTrusted(uid) && (mode! & 0o077) === 0;
}

function folderOf(path: string): string {
  return path.replace(/\/[^/]*$/, "") || (path.startsWith("/") ? "/" : ".");
}
