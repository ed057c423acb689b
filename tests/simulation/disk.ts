/**
 * A virtual disk under the real store: SQLite writes real files in memory, and this decides when a sync is done, when a
 * commit fails, and what a crash leaves of the log.
 */
import { DatabaseSync, StatementSync } from "node:sqlite";
import type { Pending } from "./pending.ts";
import type { Random } from "./random.ts";

/** How a run of the daemon ends. `kill` leaves everything that was written, `power` only what was synced for sure. */
export type Crash = "kill" | "power" | "reboot";

/** The disk of one sequence. */
export class VirtualDisk {
  /** So many commits fail from now on, as on a full disk. */
  failingCommits = 0;
  /** How many syncs have failed since the start. */
  failedSyncs = 0;
  #generation = 0;
  #synced = 0;
  #mainFileAtOpen = 0;
  readonly #folder: string;
  readonly #pending: Pending;
  #databases = new Set<DatabaseSync>();
  #files = new Set<Deno.FsFile>();

  constructor(folder: string, template: Uint8Array, pending: Pending) {
    this.#folder = folder;
    this.#pending = pending;
    Deno.writeFileSync(this.path, template);
  }

  /** The file of leases of the run that lives now. */
  get path(): string {
    return `${this.#folder}/${this.#generation}.db`;
  }

  get #log(): string {
    return `${this.path}-wal`;
  }

  /** The store is open: everything that it has written so far is synced. */
  opened(): void {
    this.#synced = sizeOf(this.#log);
    this.#mainFileAtOpen = modifiedAt(this.path);
  }

  /** The store has given the file back. */
  closed(): void {
    this.#databases.clear();
    this.#files.clear();
  }

  /** Called for the `syncData` of a file. */
  sync(file: Deno.FsFile): Promise<void> {
    if (!this.#files.has(file)) return new Promise(() => {}); // of a run that has crashed
    const length = sizeOf(this.#log), generation = this.#generation;
    return this.#pending.answerLater("sync", () => {
      if (generation === this.#generation) this.#synced = Math.max(this.#synced, length);
    }, true);
  }

  /** Called before each commit. @throws as SQLite does on a full disk. */
  beforeCommit(database: DatabaseSync): void {
    if (this.failingCommits === 0) return;
    this.failingCommits--;
    database.exec("ROLLBACK");
    throw new Error("database or disk is full");
  }

  remember(what: DatabaseSync | Deno.FsFile): void {
    if (what instanceof DatabaseSync) this.#databases.add(what);
    else this.#files.add(what);
  }

  /** What a crash leaves becomes the file of the next run. @returns what ends the old run's use of its files. */
  crash(kind: Crash, random: Random): () => void {
    const { path } = this, log = this.#log;
    const written = Deno.readFileSync(log);
    // A checkpoint has synced the log by itself; a cut would leave a main file that is newer than the log.
    const isCut = kind !== "kill" && modifiedAt(path) === this.#mainFileAtOpen && written.length > this.#synced;
    const kept = isCut ? this.#synced + (random.chance(0.6) ? 0 : random.below(written.length - this.#synced + 1)) : 0;
    const main = Deno.readFileSync(path);
    this.#generation++;
    Deno.writeFileSync(this.path, main);
    Deno.writeFileSync(this.#log, isCut ? written.subarray(0, kept) : written);
    const databases = this.#databases, files = this.#files;
    this.#databases = new Set();
    this.#files = new Set();
    return () => {
      for (const file of files) file.close();
      for (const database of databases) database.close();
      for (const suffix of ["", "-wal", "-shm"]) removeIfThere(`${path}${suffix}`);
    };
  }

  /** Removes what is left at the end. */
  remove(): void {
    for (const file of this.#files) file.close();
    for (const database of this.#databases) if (database.isOpen) database.close();
    for (const suffix of ["", "-wal", "-shm"]) removeIfThere(`${this.path}${suffix}`);
  }
}

/** Puts virtual disks under the store for as long as it is not disposed of. One at a time is used. */
export function installDisks(): { use(disk: VirtualDisk | undefined): void } & Disposable {
  let disk: VirtualDisk | undefined;
  const commits = new WeakMap<StatementSync, DatabaseSync>();
  const { syncData } = Deno.FsFile.prototype, { openSync } = Deno;
  const { prepare } = DatabaseSync.prototype, { run } = StatementSync.prototype;
  Deno.FsFile.prototype.syncData = function () {
    return disk === undefined ? syncData.call(this) : disk.sync(this);
  };
  Deno.openSync = (...args) => {
    const file = openSync(...args);
    disk?.remember(file);
    return file;
  };
  DatabaseSync.prototype.prepare = function (this: DatabaseSync, ...args: Parameters<typeof prepare>) {
    disk?.remember(this);
    const statement = prepare.apply(this, args);
    if (args[0] === "COMMIT") commits.set(statement, this);
    return statement;
  };
  StatementSync.prototype.run = function (this: StatementSync, ...args: unknown[]) {
    const database = commits.get(this);
    if (database !== undefined) disk?.beforeCommit(database);
    return (run as (...args: unknown[]) => ReturnType<typeof run>).apply(this, args);
  } as typeof run;
  return {
    use: (next) => disk = next,
    [Symbol.dispose]() {
      Deno.FsFile.prototype.syncData = syncData;
      Deno.openSync = openSync;
      DatabaseSync.prototype.prepare = prepare;
      StatementSync.prototype.run = run;
    },
  };
}

function sizeOf(path: string): number {
  return Deno.statSync(path).size;
}

function modifiedAt(path: string): number {
  return Deno.statSync(path).mtime!.getTime();
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
