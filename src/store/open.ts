/**
 * Opening `leases.db`: one daemon a file, a damaged one set aside, a newer one refused.
 *
 * The file is locked for as long as the daemon lives (SQLite's exclusive locking mode), which is what refuses a second
 * daemon, also where both were started at once. POSIX locks go when a process closes any descriptor of the file: so
 * nothing else in the daemon may open it.
 */
import { DatabaseSync } from "node:sqlite";
import { PortdError } from "../errors.ts";
import { MIGRATIONS } from "./schema.ts";

/** Another daemon has the file open. */
export class StoreLockedError extends Error {
  override readonly name = "StoreLockedError";
}

/** SQLite's texts for its result codes (sqlite3ErrStr): node:sqlite hands on no number in every supported Deno. */
const FAULTS = {
  busy: /database is locked/,
  readonly: /readonly database|unable to open database file/,
  damaged: /file is not a database|malformed/,
} as const;

/** Bytes of a file that is checked whole when it is opened; takes about 0.1 s. */
const LARGEST_CHECKED = 64_000_000;

/** What opening the file gave. */
export interface OpenedFile {
  readonly db: DatabaseSync;
  /** Where a damaged file was put; null when there was none. */
  readonly setAside: string | null;
}

/**
 * Opens the file, makes or migrates it, and has its content on disk.
 *
 * @param now is wall-clock time, for the name of a damaged file.
 * @throws {StoreLockedError} when another daemon serves it.
 * @throws {PortdError} `store_unavailable` when it is of a newer portd, cannot be written or cannot be read.
 */
export function openFile(path: string, now: number): OpenedFile {
  try {
    return { db: open(path), setAside: null };
  } catch (error) {
    if (!isDamage(error)) throw unavailable(path, error);
  }
  const setAside = `${path}.damaged-${new Date(now).toISOString().replaceAll(/[:.]/g, "-")}`;
  for (const suffix of ["-wal", "-shm", ""]) moveIfThere(`${path}${suffix}`, `${setAside}${suffix}`);
  try {
    return { db: open(path), setAside };
  } catch (error) {
    throw unavailable(path, error);
  }
}

function open(path: string): DatabaseSync {
  refuseEmpty(path);
  const db = new DatabaseSync(path);
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    db.exec("PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;");
    db.exec("BEGIN IMMEDIATE; COMMIT;"); // takes the lock now, not at the first grant
    check(db, path);
    migrate(db, path);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** A long history is not read through at every start; its damage shows when it is asked for. */
function check(db: DatabaseSync, path: string): void {
  if (Deno.statSync(path).size > LARGEST_CHECKED) return;
  const { quick_check: verdict } = db.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
  if (verdict !== "ok") throw new DamagedFileError(verdict);
}

/** SQLite takes an empty file for a new one and drops its log; a file of portd's is never empty. */
function refuseEmpty(path: string): void {
  try {
    if (Deno.statSync(path).size === 0) throw new DamagedFileError("it is empty");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
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
  return error instanceof DamagedFileError || is(error, "damaged");
}

function unavailable(path: string, error: unknown): Error {
  if (error instanceof PortdError) return error;
  if (is(error, "busy")) return new StoreLockedError(`Cannot open ${path}: another portd serves it`, { cause: error });
  const reason = is(error, "readonly") ? "it cannot be written" : (error as Error).message;
  return new PortdError("store_unavailable", `Cannot open ${path}: ${reason}`, {}, { cause: error });
}

function is(error: unknown, fault: keyof typeof FAULTS): boolean {
  return error instanceof Error && FAULTS[fault].test(error.message);
}

function moveIfThere(from: string, to: string): void {
  try {
    Deno.renameSync(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
