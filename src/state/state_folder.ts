/**
 * The state folder: where it is, and its files `leases.db`, `admin.token`, `daemon.json` and `daemon.log`, which only
 * the daemon's own user may open. claimed_folder.ts has what the daemon does with it: commands do without that.
 */
import { PortdError, reasonOf } from "../errors.ts";
import { FileTooLongError, ForeignFileError, lookAtOwnFile } from "./own_file.ts";

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

/** The first of a folder's names that is neither one of portd's files nor its configuration. */
export function foreignName(names: readonly string[]): string | undefined {
  return names.find((name) => !isOwnFile(name) && name !== "config.yaml");
}

/** The error for a folder that cannot be used. */
export function unusable(path: string, error: unknown): PortdError {
  const reason = error instanceof Deno.errors.NotFound ? "it cannot be made there" : reasonOf(error);
  // What portd itself objects to has its own advice.
  const advice = (error as { code?: unknown }).code === undefined ? "" : "; name another one with --state-dir";
  const message = `Cannot use the state folder ${path}: ${reason}${advice}`;
  return new PortdError("store_unavailable", message, {}, { cause: error });
}

/** The file of the admin token. */
export function tokenFileOf(folder: string): string {
  return `${folder}/admin.token`;
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
