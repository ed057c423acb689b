/**
 * The state folder: where it is, and its files `leases.db`, `admin.token`, `daemon.json` and `daemon.log`, which only
 * the daemon's own user may open.
 */
import { ifThere, PortdError, reasonOf } from "../errors.ts";
import {
  checkOwnFiles,
  FileTooLongError,
  ForeignFileError,
  lookAtOwnFile,
  readOwnFile,
  refuseUnsafeAncestors,
} from "./own_file.ts";

/** The content of `daemon.json`. */
export interface DaemonFile {
  readonly url: string;
  readonly pid: number;
  /** The OS's own value; together with the pid it names one process. */
  readonly startTime: string;
  readonly version: string;
  /** Whether every call takes the token, also one of the daemon's own user. */
  readonly needsToken: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

const TOKEN_BYTES = 32;
const MOST_TRIES = 5;
/** The names of the files that portd itself writes; config.yaml is the operator's. */
const OWN_FILES = /^(?:leases\.db(?:[-.].+)?|(?:admin\.token|daemon\.(?:json|log))(?:\.\d+)?)$/;

/**
 * The default state folder, absolute; it need not exist.
 *
 * @param env of which `XDG_STATE_HOME`, `HOME`, `LOCALAPPDATA` and `USERPROFILE` count.
 * @param isRoot is false on Windows.
 * @throws {Error} when the environment names no home.
 */
export function defaultStateDir(os: typeof Deno.build.os, env: Environment, isRoot: boolean): string {
  if (os === "windows") return `${env.LOCALAPPDATA || `${homeOf(env, "USERPROFILE")}\\AppData\\Local`}\\portd`;
  if (os === "darwin") return `${homeOf(env, "HOME")}/Library/Application Support/portd`;
  // The XDG base directory specification: a relative path is invalid and to be ignored.
  if (env.XDG_STATE_HOME?.startsWith("/")) return `${env.XDG_STATE_HOME}/portd`;
  return isRoot ? "/var/lib/portd" : `${homeOf(env, "HOME")}/.local/state/portd`;
}

/**
 * The state folder of the service of the system, absolute. A user's service has {@linkcode defaultStateDir}.
 *
 * @param env of which `ProgramData` counts, on Windows.
 * @throws {Error} when the environment does not name it.
 */
export function serviceStateDir(os: typeof Deno.build.os, env: Environment): string {
  if (os === "darwin") return "/Library/Application Support/portd";
  if (os !== "windows") return "/var/lib/portd";
  const folder = env.ProgramData ?? env.PROGRAMDATA;
  if (folder) return `${folder}\\portd`;
  throw new Error("Cannot find the state folder of the service: ProgramData is not set; pass --state-dir");
}

function homeOf(env: Environment, variable: string): string {
  const home = env[variable];
  if (home) return home;
  throw new Error(`Cannot find the state folder: ${variable} is not set; set PORTD_STATE_DIR`);
}

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
      // Another daemon may start at this moment: its draft has just become the file, or was just removed.
      const mayBeDraft = error instanceof Deno.errors.NotFound || error instanceof ForeignFileError;
      if (!mayBeDraft || tries === MOST_TRIES) throw error;
    }
  }
}

/** The first of a folder's names that is neither one of portd's files nor its configuration. */
export function foreignName(names: readonly string[]): string | undefined {
  return names.find((name) => !isOwnFile(name) && name !== "config.yaml");
}

/** As {@linkcode claimStateFolder}; and only this user may open the files that this process makes from now on. */
export function prepareStateFolder(path: string): void {
  if (Deno.build.os !== "windows") Deno.umask(0o077); // for the files that SQLite makes
  claimStateFolder(path);
}

/**
 * Makes the folder, or closes it to everybody else. Afterwards it belongs to this user, nobody else can open it or
 * replace it by another one, and portd's files in it belong to this user.
 *
 * @throws {PortdError} `store_unavailable` when the system refuses, or when others could open the folder and it is not
 * empty.
 */
export function claimStateFolder(path: string): void {
  try {
    refuseUnsafeAncestors(path);
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    refuseOtherOwner(path);
    if (isShared(path)) {
      refuseShared(path);
      setMode(path, 0o700);
      refuseFilled(path); // somebody may have put a file there in between
    }
    refuseForeignFiles(path);
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, error: unknown): PortdError {
  const reason = error instanceof Deno.errors.NotFound ? "it cannot be made there" : reasonOf(error);
  // What portd itself objects to has its own advice.
  const advice = (error as { code?: unknown }).code === undefined ? "" : "; name another one with --state-dir";
  const message = `Cannot use the state folder ${path}: ${reason}${advice}`;
  return new PortdError("store_unavailable", message, {}, { cause: error });
}

/** The owner of a folder, or of a link to it, could make root write anywhere. Deno knows no owners on Windows. */
function refuseOtherOwner(path: string): void {
  const owners = [Deno.lstatSync(path), Deno.statSync(path)].map(({ uid }) => uid);
  const other = Deno.build.os === "windows" ? undefined : owners.find((uid) => uid !== Deno.uid());
  if (other !== undefined) throw new Error(`it belongs to user ${other}`);
}

function isShared(path: string): boolean {
  return Deno.build.os !== "windows" && (Deno.statSync(path).mode! & 0o077) !== 0;
}

/**
 * Refuses a folder such as `/etc` or a checkout, and one into which others may have put a database, a token or links.
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

/** The file of the admin token. */
export function tokenFileOf(folder: string): string {
  return `${folder}/admin.token`;
}

/** The admin token of this folder. The first call makes it; only its owner may read it. */
export function readOrMakeToken(folder: string): string {
  const path = tokenFileOf(folder);
  const fresh = Array.from(
    crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)),
    (byte) => byte.toString(16).padStart(2, "0"),
  );
  if (ifThere(() => Deno.lstatSync(path)) === undefined) writeWhole(path, `${fresh.join("")}\n`);
  setMode(path, 0o600);
  const token = readOwnFile(path).trim();
  if (/^[0-9a-f]{64}$/.test(token)) return token;
  throw new PortdError(
    "store_unavailable",
    `Cannot use ${path}: it holds no token; remove it, and portd makes a new one`,
  );
}

/** Writes all or nothing, also on a full disk. A file that another daemon has made meanwhile stays. */
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

/** Writes a new file beside another. It never overwrites a file, or what a link leads to. @returns its path. */
function writeDraft(path: string, text: string): string {
  const [number] = crypto.getRandomValues(new Uint32Array(1));
  const draft = `${path}.${number}`;
  try {
    Deno.writeTextFileSync(draft, text, { mode: 0o600, createNew: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) ifThere(() => Deno.removeSync(draft));
    throw error;
  }
  return draft;
}

/** Writes `daemon.json`. When that fails, it removes the file that an earlier daemon has left. */
export function writeDaemonFile(folder: string, daemon: DaemonFile): void {
  const path = `${folder}/daemon.json`;
  try {
    Deno.renameSync(writeDraft(path, `${JSON.stringify(daemon)}\n`), path);
  } catch (error) {
    ifThere(() => Deno.removeSync(path));
    throw error;
  }
}

/**
 * Reads `daemon.json`.
 *
 * @returns `undefined` when there is none that can be read, or it belongs to neither this user nor root.
 * @throws {PortdError} `store_unavailable` when the path cannot be that of a folder.
 */
export function readDaemonFile(folder: string): DaemonFile | undefined {
  const path = `${folder}/daemon.json`;
  try {
    lookAtOwnFile(path);
    // Not through an opened file, which costs a command 6 ms: this is an address, and gives no rights.
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

/** Removes `daemon.json`, unless another daemon has written it meanwhile. */
export function removeDaemonFile(folder: string, pid: number): void {
  if (readDaemonFile(folder)?.pid === pid) Deno.removeSync(`${folder}/daemon.json`);
}

/** On Windows a user's folders are closed to others by inherited access lists. */
function setMode(path: string, mode: number): void {
  if (Deno.build.os !== "windows") Deno.chmodSync(path, mode);
}
