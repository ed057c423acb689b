/** The state folder: `leases.db`, `admin.token`, `daemon.json` and `daemon.log`, for the daemon's own user alone. */
import { PortdError } from "./errors.ts";

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
/** What portd itself writes into its state folder; config.yaml is the operator's. */
const OWN_FILES = /^(?:leases\.db(?:[-.].+)?|(?:admin\.token|daemon\.(?:json|log))(?:\.\d+)?)$/;

/** Whether portd itself writes files of this name into its state folder. */
export function isOwnFile(name: string): boolean {
  return OWN_FILES.test(name);
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
 * Makes the folder and takes it from everybody else.
 *
 * @throws {PortdError} `store_unavailable` when that is refused, or when it is open to others and holds what is not
 * portd's: then it is somebody's as it is.
 */
export function claimStateFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    refuseOthers(path);
    refuseShared(path);
    keepToOwner(path, 0o700);
  } catch (error) {
    throw new PortdError("store_unavailable", `Cannot use the state folder ${path}: ${(error as Error).message}`, {}, {
      cause: error,
    });
  }
}

/** The owner of a folder, or of a link to it, could have root write where he likes. Windows tells of no owners. */
function refuseOthers(path: string): void {
  const owners = [Deno.lstatSync(path), Deno.statSync(path)].map(({ uid }) => uid);
  const other = Deno.build.os === "windows" ? undefined : owners.find((uid) => uid !== Deno.uid());
  if (other !== undefined) throw new Error(`it belongs to user ${other}`);
}

/**
 * `/etc`, a checkout, or whatever the current folder is.
 *
 * @throws {Error} when other users may open the folder, and it holds what is not portd's.
 */
export function refuseShared(path: string): void {
  if (Deno.build.os === "windows" || (Deno.statSync(path).mode! & 0o077) === 0) return;
  const foreign = foreignName([...Deno.readDirSync(path)].map(({ name }) => name));
  if (foreign === undefined) return;
  throw new Error(`it holds ${foreign}, and other users may open it; name a folder of its own`);
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
  const token = Deno.readTextFileSync(path).trim();
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
  const draft = `${path}.${Deno.pid}`;
  try {
    Deno.writeTextFileSync(draft, text, { mode: 0o600 });
    Deno.linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    if (isThere(draft)) Deno.removeSync(draft);
  }
}

/** Tells clients where the daemon is. When that fails, nothing tells them of a daemon that is no more. */
export function writeDaemonFile(folder: string, daemon: DaemonFile): void {
  const path = `${folder}/daemon.json`, draft = `${path}.${daemon.pid}`;
  try {
    Deno.writeTextFileSync(draft, `${JSON.stringify(daemon)}\n`, { mode: 0o600 });
    Deno.renameSync(draft, path);
  } catch (error) {
    for (const left of [draft, path]) if (isThere(left)) Deno.removeSync(left);
    throw error;
  }
}

/** @returns `undefined` when there is none, or none that can be read. */
export function readDaemonFile(folder: string): DaemonFile | undefined {
  try {
    const { url, pid, startTime, version, needsToken } = JSON.parse(Deno.readTextFileSync(`${folder}/daemon.json`));
    const isWhole = typeof url === "string" && typeof pid === "number" && typeof version === "string";
    return isWhole ? { url, pid, startTime: String(startTime), version, needsToken: needsToken === true } : undefined;
  } catch (error) {
    const isAbsent = error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied;
    if (isAbsent || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Takes `daemon.json` away, unless it is another daemon's by now. */
export function removeDaemonFile(folder: string, pid: number): void {
  if (readDaemonFile(folder)?.pid === pid) Deno.removeSync(`${folder}/daemon.json`);
}

/** Windows keeps a user's folders to him by inheritance. */
function keepToOwner(path: string, mode: number): void {
  if (Deno.build.os !== "windows") Deno.chmodSync(path, mode);
}
