/**
 * Files that decide what portd does (a token, an address, a database, a configuration): whether another user of the
 * machine may have put them there. On Windows Deno knows neither owner nor mode: there the folder's access list decides
 * (state_acl.ts and user_folder.ts in src/service/windows/), and every file counts as this user's.
 */
import { ifThere, naming } from "../errors.ts";

/** A file belongs to another user, or another user may have put it there. */
export class ForeignFileError extends Error {
  override readonly name = "ForeignFileError";
}

/** The most bytes of a small file: a token, an address, a configuration, a project file. */
const MOST_BYTES = 1 << 20;
const OTHERS_MAY_WRITE = 0o002, GROUP_MAY_WRITE = 0o020, STICKY = 0o1000;

/**
 * Reads a regular file of this user or of root; does not follow a link. The opened file is compared with the one that
 * was checked, as it may be replaced in between.
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
 * Checks that a path is a regular file of this user or of root, and short.
 *
 * @throws {ForeignFileError} when it is anything else.
 */
export function lookAtOwnFile(path: string): Deno.FileInfo {
  const seen = Deno.lstatSync(path);
  const reason = objectionTo(seen);
  if (reason !== undefined) throw new ForeignFileError(`Cannot use ${path}: ${reason}`);
  if (seen.size > MOST_BYTES) throw new FileTooLongError(path, MOST_BYTES);
  return seen;
}

/**
 * Reads a configuration, which may be a link and may belong to root.
 *
 * @throws {ForeignFileError} when another user owns it, or may write it and can reach it.
 */
export function readTrustedFile(path: string): string {
  using file = Deno.openSync(path);
  const { uid, mode, isFile } = file.statSync();
  if (Deno.build.os !== "windows" && isFile) {
    for (const owner of [uid, Deno.lstatSync(path).uid]) {
      if (!isTrusted(owner)) throw new ForeignFileError(`it belongs to user ${owner}, who could set everything`);
    }
    if ((mode! & (OTHERS_MAY_WRITE | GROUP_MAY_WRITE)) !== 0 && !isInClosedFolder(path)) {
      throw new ForeignFileError(`other users may write it, and could set everything; close it: chmod go-w ${path}`);
    }
  }
  return readWhole(file, path, MOST_BYTES);
}

/** Reads a text file of any kind, up to a limit. @throws {FileTooLongError} when it is longer. */
export function readBounded(path: string, mostBytes: number = MOST_BYTES): string {
  using file = naming(path, () => Deno.openSync(path));
  if (file.statSync().isDirectory) throw new Error(`Cannot read ${path}: it is a folder and not a file`);
  return readWhole(file, path, mostBytes);
}

function readWhole(file: Deno.FsFile, path: string, mostBytes: number): string {
  const decoder = new TextDecoder(), buffer = new Uint8Array(1 << 18);
  let text = "", length = 0;
  for (let count = file.readSync(buffer); count !== null; count = file.readSync(buffer)) {
    length += count;
    if (length > mostBytes) throw new FileTooLongError(path, mostBytes);
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text + decoder.decode();
}

/** A file is longer than portd reads. */
export class FileTooLongError extends Error {
  override readonly name = "FileTooLongError";

  constructor(path: string, mostBytes: number) {
    super(`Cannot read ${path}: it is longer than ${mostBytes} bytes`);
  }
}

/**
 * Checks files of one folder: each must be a regular file of this user, without a name besides these.
 *
 * @throws {ForeignFileError} naming the first that is not.
 */
export function checkOwnFiles(folder: string, names: readonly string[]): void {
  if (Deno.build.os === "windows") return;
  const files = names.map((name) => ({ name, file: Deno.lstatSync(`${folder}/${name}`) }));
  const sameFile = Map.groupBy(files, ({ file }) => file.ino);
  for (const { name, file } of files) {
    // A killed daemon may have left the draft of a file beside it, as a second name of the same file.
    const hasMoreNames = (file.nlink ?? 1) > sameFile.get(file.ino)!.length;
    const reason = file.uid !== Deno.uid()
      ? `it belongs to user ${file.uid}`
      : objectionTo(file) ?? (hasMoreNames ? "it has another name elsewhere (a hard link)" : undefined);
    if (reason === undefined) continue;
    throw new ForeignFileError(`${name} in it may have been put there by another user: ${reason}; remove that file`);
  }
}

/**
 * Refuses a path when another user may rename something in a folder above it, and so replace it: the owner of the
 * folder, and where it has no sticky bit everybody who may write it. Groups and the root folder are trusted.
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

/** Stats of the path itself and of what it leads to; none where it is not there. */
function statsOf(path: string): Deno.FileInfo[] {
  return ifThere(() => [Deno.lstatSync(path), Deno.statSync(path)]) ?? [];
}

/** Why a file cannot be this user's; `undefined` when it can. */
function objectionTo({ isFile, isSymlink, uid }: Deno.FileInfo): string | undefined {
  if (isSymlink) return "it is a link";
  if (!isFile) return "it is no regular file";
  return Deno.build.os === "windows" || isTrusted(uid) ? undefined : `it belongs to user ${uid}`;
}

/** Root is trusted: it can do everything anyway. */
function isTrusted(uid: number | null): boolean {
  return uid === Deno.uid() || uid === 0;
}

/** Whether only this user and root can reach what is in the folder of a file. */
function isInClosedFolder(path: string): boolean {
  const folder = path.replace(/\/[^/]*$/, "") || (path.startsWith("/") ? "/" : ".");
  const { uid, mode } = Deno.statSync(folder);
  return isTrusted(uid) && (mode! & 0o077) === 0;
}
