/**
 * The state folder as the daemon has it: made for this user alone, or taken from others, with the token and
 * `daemon.json`, which are never seen half written.
 */
import { ifThere, PortdError } from "../errors.ts";
import { placeNew, retryWhileHeld } from "../held.ts";
import { checkOwnFiles, ForeignFileError, readOwnFile, refuseUnsafeAncestors } from "./own_file.ts";
import { type DaemonFile, isOwnFile, readDaemonFile, tokenFileOf, unusable } from "./state_folder.ts";

const TOKEN_BYTES = 32;
const MOST_TRIES = 5;

/**
 * Makes a folder for this user alone, or takes it from others, where owner and mode do not say who may open it: on
 * Windows. src/service/windows/user_folder.ts does that.
 *
 * @throws {Error} when somebody else may have put something there.
 */
export type ClaimFolder = (path: string) => void;

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

/** As {@linkcode claimStateFolder}; and only this user may open the files that this process makes from now on. */
export function prepareStateFolder(path: string, claimFolder?: ClaimFolder): void {
  if (Deno.build.os !== "windows") Deno.umask(0o077); // for the files that SQLite makes
  claimStateFolder(path, claimFolder);
}

/**
 * Makes the folder, or closes it to everybody else. Afterwards it belongs to this user, nobody else can open it or
 * replace it by another one, and portd's files in it belong to this user.
 *
 * @throws {PortdError} `store_unavailable` when the system refuses, or when others could open the folder and it is not
 * empty.
 * @param claimFolder is called first, where the system has one.
 */
export function claimStateFolder(path: string, claimFolder?: ClaimFolder): void {
  try {
    claimFolder?.(path);
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
    placeNew(draft, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  } finally {
    retryWhileHeld(() => Deno.removeSync(draft));
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
    const draft = writeDraft(path, `${JSON.stringify(daemon)}\n`);
    retryWhileHeld(() => Deno.renameSync(draft, path));
  } catch (error) {
    ifThere(() => Deno.removeSync(path));
    throw error;
  }
}

/** Removes `daemon.json`, unless another daemon has written it meanwhile. */
export function removeDaemonFile(folder: string, pid: number): void {
  if (readDaemonFile(folder)?.pid === pid) retryWhileHeld(() => Deno.removeSync(`${folder}/daemon.json`));
}

/** On Windows what is in the folder inherits its access list. */
function setMode(path: string, mode: number): void {
  if (Deno.build.os !== "windows") Deno.chmodSync(path, mode);
}
