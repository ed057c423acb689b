/**
 * Opens `leases.db`: one daemon for each file; a damaged file is renamed, a newer one refused.
 *
 * The file is locked as long as the daemon lives (SQLite's exclusive locking mode). That refuses a second daemon, also
 * when both start at once. A process loses its POSIX locks when it closes any descriptor of the file, so nothing else in
 * the daemon may open it.
 */
import { DatabaseSync } from "node:sqlite";
import { ifThere, PortdError } from "../../errors.ts";
import { placeNew, retryWhileHeld } from "../../held.ts";
import { faultText } from "./fault.ts";
import { MIGRATIONS } from "./schema.ts";

/** Another daemon has the file open. */
export class StoreLockedError extends Error {
  override readonly name = "StoreLockedError";
}

/** SQLite's texts for its result codes (sqlite3ErrStr): node:sqlite does not give the number in every supported Deno. */
const FAULTS = {
  busy: /database is locked/,
  damaged: /file is not a database|malformed/,
} as const;

/** Up to this size in bytes a file is checked completely when it is opened; that takes about 0.1 s. */
const LARGEST_CHECKED = 64_000_000;

/** An opened file. */
export interface OpenedFile {
  readonly db: DatabaseSync;
  /** The new name of a damaged file; null when there was none. */
  readonly setAside: string | null;
}

/** Two daemons that start at the same instant block each other's locks; after a random pause one of them wins. */
const TRIES = 10, LONGEST_PAUSE_MS = 80;

/**
 * Opens the file; makes or migrates it where needed. Then its content is on disk.
 *
 * @param now is wall-clock time, for the name of a damaged file.
 * @throws {StoreLockedError} when another daemon serves it.
 * @throws {PortdError} `store_unavailable` when it is of a newer portd, cannot be written or cannot be read.
 */
export async function openFile(path: string, now: number): Promise<OpenedFile> {
  for (let tries = 1;; tries++) {
    try {
      return openOrSetAside(path, now);
    } catch (error) {
      const isLocked = error instanceof StoreLockedError;
      if (!isLocked && !(error instanceof PortdError)) throw unavailable(path, error);
      if (!isLocked || tries === TRIES) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * LONGEST_PAUSE_MS));
  }
}

function openOrSetAside(path: string, now: number): OpenedFile {
  makeIfAbsent(path);
  try {
    return { db: open(path), setAside: null };
  } catch (error) {
    if (!isDamage(error)) throw unavailable(path, error);
  }
  const setAside = `${path}.damaged-${new Date(now).toISOString().replaceAll(/[:.]/g, "-")}`;
  for (const suffix of ["-wal", "-shm", ""]) {
    ifThere(() => retryWhileHeld(() => Deno.renameSync(`${path}${suffix}`, `${setAside}${suffix}`)));
  }
  makeIfAbsent(path);
  return { db: open(path), setAside };
}

/**
 * Makes a new file under another name and links it into place when it is complete: another daemon never finds an
 * unfinished file, and its file is never replaced by ours.
 */
function makeIfAbsent(path: string): void {
  if (sizeOf(path) !== undefined) return;
  const draft = `${path}.new-${Deno.pid}-${crypto.randomUUID()}`;
  try {
    const db = new DatabaseSync(draft);
    try {
      db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
      migrate(db, draft);
    } finally {
      db.close(); // copies the log into the file, and puts the file on disk
    }
    placeNew(draft, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw unavailable(path, error);
  } finally {
    for (const suffix of ["", "-wal", "-shm"]) {
      ifThere(() => retryWhileHeld(() => Deno.removeSync(`${draft}${suffix}`)));
    }
  }
}

function open(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;"); // the lock first, before anything is read
    // SQLite treats an empty file as new and drops its log; a file of portd is never empty.
    if (sizeOf(path) === 0) throw new DamagedFileError("it is empty");
    db.exec("COMMIT; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    db.exec("PRAGMA cache_size = -16000");
    check(db, path);
    migrate(db, path);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** A long history is not read at every start; damage in it shows when it is searched. */
function check(db: DatabaseSync, path: string): void {
  if ((sizeOf(path) ?? 0) > LARGEST_CHECKED) return;
  const { quick_check: verdict } = db.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
  if (verdict !== "ok") throw new DamagedFileError(verdict);
}

/** The size of a file in bytes; `undefined` when there is none. Does not open it, which would lose the locks. */
function sizeOf(path: string): number | undefined {
  return ifThere(() => Deno.statSync(path).size);
}

function migrate(db: DatabaseSync, path: string): void {
  const { user_version: version } = db.prepare("PRAGMA user_version").get() as { user_version: number };
  if (version > MIGRATIONS.length) {
    const detail = `it is of schema ${version}, this portd knows ${MIGRATIONS.length}; start the newer portd`;
    throw new PortdError("store_unavailable", `Cannot open ${path}: ${detail}`);
  }
  for (const [number, sql] of MIGRATIONS.entries()) {
    if (number < version) continue;
    db.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${number + 1}; COMMIT;`);
  }
}

class DamagedFileError extends Error {
  override readonly name = "DamagedFileError";
}

function isDamage(error: unknown): boolean {
  return error instanceof DamagedFileError || hasFault(error, "damaged");
}

function unavailable(path: string, error: unknown): Error {
  if (error instanceof PortdError) return error;
  if (hasFault(error, "busy")) {
    return new StoreLockedError(`Cannot open ${path}: another portd serves it`, { cause: error });
  }
  return new PortdError("store_unavailable", `Cannot open ${path}: ${faultText(error)}`, {}, { cause: error });
}

function hasFault(error: unknown, fault: keyof typeof FAULTS): boolean {
  return error instanceof Error && FAULTS[fault].test(error.message);
}
