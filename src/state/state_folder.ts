/** The state folder: `leases.db`, `admin.token`, `daemon.json` and `daemon.log`, for the daemon's own user alone. */
import { PortdError, reasonOf } from "../errors.ts";
import {
  checkOwnFiles,
  FileTooLongError,
  ForeignFileError,
  lookAtOwnFile,
  readOwnFile,
  refuseUnsafeAncestors,
} from "./own_file.ts";

/** What `daemon.json` tells of the running daemon. */
export interface DaemonFile {
  readonly url: string;
  readonly pid: number;
  /** As the OS tells it; with the pid it names one process. */
  readonly startTime: string;
  readonly version: string;
  /** Whether every call takes the token, also of `admin.token` for the daemon's own user. */
  readonly needsToken: boolean;
}

const TOKEN_BYTES = 32;
const MOST_LOOKS = 5;
/** What portd itself writes into its state folder; config.yaml is the operator's. */
const OWN_FILES = /^(?:leases\.db(?:[-.].+)?|(?:admin\.token|daemon\.(?:json|log))(?:\.\d+)?)$/;

/** Whether portd itself writes files of this name into its state folder. */
export function isOwnFile(name: string): boolean {
  return OWN_FILES.test(name);
}

/** @throws {ForeignFileError} for the first of portd's files in the folder that another user may have put there. */
function refuseForeignFiles(folder: string): void {
  for (let tries = 1;; tries++) {
    try {
      const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter(isOwnFile);
      return checkOwnFiles(folder, names);
    } catch (error) {
      // Another daemon starts at the same time, and its draft has just become the file, or has gone.
      const mayPass = error instanceof Deno.errors.NotFound || error instanceof ForeignFileError;
      if (!mayPass || tries === MOST_LOOKS) throw error;
    }
  }
}

/** The first of these names in a folder that are neither portd's nor its configuration. */
export function foreignName(names: readonly string[]): string | undefined {
  return names.find((name) => !isOwnFile(name) && name !== "config.yaml");
}

/** As {@linkcode claimStateFolder}, and all that this process makes from now on is for its user alone. */
export function prepareStateFolder(path: string): void {
  if (Deno.build.os !== "windows") Deno.umask(0o077); // for the files that SQLite makes
  claimStateFolder(path);
}

/**
 * Makes the folder and takes it from everybody else. Afterwards the folder is this user's, nobody else can open it or
 * put another one in its place, and portd's files in it are this user's.
 *
 * @throws {PortdError} `store_unavailable` when that is refused, or when it was open to others and holds anything.
 */
export function claimStateFolder(path: string): void {
  try {
    refuseUnsafeAncestors(path);
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    refuseOthers(path);
    if (isShared(path)) {
      refuseShared(path);
      keepToOwner(path, 0o700);
      refuseFilled(path); // somebody may have put a file there in between
    }
    refuseForeignFiles(path);
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, error: unknown): PortdError {
  const reason = error instanceof Deno.errors.NotFound ? "it cannot be made there" : reasonOf(error);
  return new PortdError("store_unavailable", `Cannot use the state folder ${path}: ${reason}`, {}, { cause: error });
}

/** The owner of a folder, or of a link to it, could have root write anywhere. Windows tells of no owners. */
function refuseOthers(path: string): void {
  const owners = [Deno.lstatSync(path), Deno.statSync(path)].map(({ uid }) => uid);
  const other = Deno.build.os === "windows" ? undefined : owners.find((uid) => uid !== Deno.uid());
  if (other !== undefined) throw new Error(`it belongs to user ${other}`);
}

function isShared(path: string): boolean {
  return Deno.build.os !== "windows" && (Deno.statSync(path).mode! & 0o077) !== 0;
}

/**
 * `/etc`, a checkout, or a folder into which others may have put a database, a token or links.
 *
 * @throws {Error} when other users may open the folder, and it is not empty.
 */
export function refuseShared(path: string): void {
  if (isShared(path)) refuseFilled(path);
}

function refuseFilled(path: string): void {
  const [first] = [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  if (first === undefined) return;
  throw new Error(
    `it holds ${first}, and other users may open it; name a folder of its own, or if every file in it is yours, ` +
      "close it with chmod 700",
  );
}

/** The admin token of this folder; made on the first call, readable for the owner alone. */
export function readOrMakeToken(folder: string): string {
  const path = `${folder}/admin.token`;
  const fresh = Array.from(
    crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)),
    (byte) => byte.toString(16).padStart(2, "0"),
  );
  if (!isThere(path)) writeWhole(path, `${fresh.join("")}\n`);
  keepToOwner(path, 0o600);
  const token = readOwnFile(path).trim();
  if (!/^[0-9a-f]{64}$/.test(token)) {
    throw new PortdError(
      "store_unavailable",
      `Cannot use ${path}: it holds no token; remove it to have a new one made`,
    );
  }
  return token;
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whole or not at all, also on a full disk; one that another daemon has made meanwhile stays. */
function writeWhole(path: string, text: string): void {
  const draft = writeDraft(path, text);
  try {
    Deno.linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    Deno.removeSync(draft);
  }
}

/** A new file beside another; never one that is there, nor what a link points to. @returns its path. */
function writeDraft(path: string, text: string): string {
  const [number] = crypto.getRandomValues(new Uint32Array(1));
  const draft = `${path}.${number}`;
  try {
    Deno.writeTextFileSync(draft, text, { mode: 0o600, createNew: true });
  } catch (error) {
    const isOurs = !(error instanceof Deno.errors.AlreadyExists) && isThere(draft);
    if (isOurs) Deno.removeSync(draft);
    throw error;
  }
  return draft;
}

/** Writes for clients where the daemon is. When that fails, the file of a daemon that has ended is removed too. */
export function writeDaemonFile(folder: string, daemon: DaemonFile): void {
  const path = `${folder}/daemon.json`;
  try {
    Deno.renameSync(writeDraft(path, `${JSON.stringify(daemon)}\n`), path);
  } catch (error) {
    if (isThere(path)) Deno.removeSync(path);
    throw error;
  }
}

/**
 * What the daemon of a folder has written about itself.
 *
 * @returns `undefined` when there is nothing that can be read, or it is not of this user or root.
 * @throws {PortdError} `store_unavailable` when the path cannot be that of a folder.
 */
export function readDaemonFile(folder: string): DaemonFile | undefined {
  const path = `${folder}/daemon.json`;
  try {
    lookAtOwnFile(path);
    // Not over a handle, which takes a command 6 ms to set up: what is read is an address, and no right.
    return parseDaemonFile(Deno.readTextFileSync(path));
  } catch (error) {
    const isAbsent = error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied;
    const isOther = error instanceof SyntaxError || error instanceof ForeignFileError ||
      error instanceof FileTooLongError;
    if (isAbsent || isOther) return undefined;
    throw unusable(folder, error);
  }
}

/** @throws {SyntaxError} when the text is no JSON. */
function parseDaemonFile(text: string): DaemonFile | undefined {
  const { url, pid, startTime, version, needsToken } = (JSON.parse(text) ?? {}) as Record<string, unknown>;
  const isUrl = typeof url === "string" && /^https?:\/\/[!-~]{1,300}$/.test(url);
  const isPid = typeof pid === "number" && Number.isInteger(pid) && pid > 0;
  if (!isUrl || !isPid || typeof version !== "string") return undefined;
  return { url, pid, startTime: String(startTime), version, needsToken: needsToken === true };
}

/** Takes `daemon.json` away, unless it is another daemon's by now. */
export function removeDaemonFile(folder: string, pid: number): void {
  if (readDaemonFile(folder)?.pid === pid) Deno.removeSync(`${folder}/daemon.json`);
}

/** Windows keeps a user's folders to that user by inheritance. */
function keepToOwner(path: string, mode: number): void {
  if (Deno.build.os !== "windows") Deno.chmodSync(path, mode);
}
