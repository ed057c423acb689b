/**
 * A virtual disk under the real store: SQLite writes real files in memory. The virtual disk decides when a sync is done,
 * when a commit fails, and what a crash leaves of the log.
 */
import { DatabaseSync, StatementSync } from "node:sqlite";
import type { Random } from "../support/random.ts";
import type { Pending } from "./pending.ts";

/** How a run of the daemon ends. `kill` leaves everything that was written; `power` for sure only what was synced. */
export type Crash = "kill" | "power" | "reboot";

/** The disk of one sequence. */
export class VirtualDisk {
  /** So many commits fail from now on, as on a full disk. */
  failingCommits = 0;
  /** How many syncs have failed since the start. */
  failedSyncs = 0;
  #generation = 0;
  /** The synced part of the log: the log that begins with this salt, up to this length. */
  #synced = { salt: "", length: 0 };
  /** From here on the system has dropped what was written of the log, and syncs of it do not bring it back. */
  #droppedFrom: number | undefined;
  /** The main file as it was last synced. */
  #syncedMain: Uint8Array<ArrayBuffer> = new Uint8Array();
  readonly #folder: string;
  readonly #pending: Pending;
  #databases = new Set<DatabaseSync>();
  #files = new Map<Deno.FsFile, string>();

  constructor(folder: string, template: Uint8Array, pending: Pending) {
    this.#folder = folder;
    this.#pending = pending;
    this.#write(template);
  }

  /** The state folder of the run that lives now. */
  get stateDir(): string {
    return `${this.#folder}/${this.#generation}`;
  }

  /** Its file of leases. */
  get path(): string {
    return `${this.stateDir}/leases.db`;
  }

  /** Whether a run that stopped in order has left its file open. The end of a real process would close it. */
  get isLeftOpen(): boolean {
    return [...this.#databases].some((database) => database.isOpen);
  }

  get #log(): string {
    return `${this.path}-wal`;
  }

  /** The store is open: everything that it has written so far is synced. */
  opened(): void {
    this.#synced = this.#lookAtLog();
    this.#syncedMain = Deno.readFileSync(this.path);
  }

  /** The store has closed its files. */
  closed(): void {
    this.#databases.clear();
    this.#files.clear();
  }

  /** Called for the `syncData` of a file. */
  sync(file: Deno.FsFile): Promise<void> {
    const path = this.#files.get(file);
    if (path === undefined) return new Promise(() => {}); // a run that has crashed gets no answer
    const generation = this.#generation;
    if (path === this.path) {
      const content = Deno.readFileSync(path);
      return this.#pending.answerLater("sync of the file", () => {
        if (generation === this.#generation) this.#syncedMain = content;
      }, true);
    }
    const log = this.#lookAtLog();
    const synced = this.#pending.answerLater("sync", () => {
      if (generation !== this.#generation) return;
      this.#synced = { ...log, length: Math.min(log.length, this.#droppedFrom ?? Infinity) };
    }, true);
    synced.catch(() => {
      if (generation !== this.#generation) return;
      const kept = log.salt === this.#synced.salt ? this.#synced.length : 0;
      if (log.length > kept) this.#droppedFrom ??= kept;
    });
    return synced;
  }

  /** Called when a file is written otherwise than by SQLite: its whole log goes to the disk again. */
  writesFile(file: Deno.FsFile): void {
    if (this.#files.get(file) === this.#log) this.#droppedFrom = undefined;
  }

  /** Called before each commit. @throws as SQLite does on a full disk. */
  beforeCommit(database: DatabaseSync): void {
    if (this.failingCommits === 0) return;
    this.failingCommits--;
    database.exec("ROLLBACK");
    throw new Error("database or disk is full");
  }

  opens(database: DatabaseSync): void {
    this.#databases.add(database);
  }

  opensFile(file: Deno.FsFile, path: string): void {
    this.#files.set(file, path);
  }

  /** What a crash leaves becomes the file of the next run. @returns a function that removes the old run's files. */
  crash(kind: Crash, random: Random): () => void {
    const { path, stateDir } = this;
    const log = kind === "kill" ? Deno.readFileSync(this.#log) : this.#cutLog(random);
    const main = kind === "kill" ? Deno.readFileSync(path) : this.#mixMain(random);
    this.#generation++;
    this.#droppedFrom = undefined;
    this.#write(main);
    Deno.writeFileSync(this.#log, log);
    const databases = this.#databases, files = this.#files;
    this.#databases = new Set();
    this.#files = new Map();
    return () => {
      closeAll(databases, files);
      Deno.removeSync(stateDir, { recursive: true });
    };
  }

  /** The log after a power cut: all that was synced, and as much of what was written since as the seed says. */
  #cutLog(random: Random): Uint8Array {
    const written = Deno.readFileSync(this.#log), { salt, length } = this.#lookAtLog();
    const least = salt === this.#synced.salt ? Math.min(this.#synced.length, length) : 0;
    return written.subarray(0, least + (random.chance(0.6) ? 0 : random.below(length - least + 1)));
  }

  /** The main file after a power cut: each page is as it was synced, or as it was written since. */
  #mixMain(random: Random): Uint8Array {
    const written = Deno.readFileSync(this.path), synced = this.#syncedMain;
    const all = random.below(3);
    for (let at = 0; at < Math.min(written.length, synced.length); at += PAGE_BYTES) {
      const isOld = all === 2 ? random.chance(0.5) : all === 1;
      if (isOld) written.set(synced.subarray(at, at + PAGE_BYTES), at);
    }
    return written;
  }

  /** The salt at the beginning of the log, and the length of its valid part: frames of an older log may follow. */
  #lookAtLog(): { readonly salt: string; readonly length: number } {
    const bytes = Deno.readFileSync(this.#log);
    const saltAt = (at: number) => bytes.subarray(at, at + 8).join();
    const salt = saltAt(16);
    let length = Math.min(bytes.length, LOG_HEADER_BYTES);
    while (length + FRAME_BYTES <= bytes.length && saltAt(length + 8) === salt) length += FRAME_BYTES;
    return { salt, length };
  }

  /** Removes the files. */
  remove(): void {
    closeAll(this.#databases, this.#files);
    Deno.removeSync(this.stateDir, { recursive: true });
  }

  #write(main: Uint8Array): void {
    Deno.mkdirSync(this.stateDir);
    Deno.writeFileSync(this.path, main);
  }
}

/** Sizes of a page, of the log's header, and of a page with its header in the log: sqlite.org/fileformat2.html, 4. */
const PAGE_BYTES = 4096, LOG_HEADER_BYTES = 32, FRAME_BYTES = 24 + PAGE_BYTES;

function closeAll(databases: Iterable<DatabaseSync>, files: ReadonlyMap<Deno.FsFile, string>): void {
  for (const database of databases) if (database.isOpen) database.close();
  for (const file of files.keys()) {
    try {
      file.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error; // the run has closed it
    }
  }
}

/** Puts virtual disks under the store until it is disposed of; one disk at a time is in use. */
export function installDisks(): { use(disk: VirtualDisk | undefined): void } & Disposable {
  let disk: VirtualDisk | undefined;
  const commits = new WeakMap<StatementSync, DatabaseSync>();
  const { syncData, writeSync } = Deno.FsFile.prototype, { openSync } = Deno;
  const { prepare } = DatabaseSync.prototype, { run } = StatementSync.prototype;
  Deno.FsFile.prototype.syncData = function () {
    return disk === undefined ? syncData.call(this) : disk.sync(this);
  };
  Deno.FsFile.prototype.writeSync = function (bytes) {
    disk?.writesFile(this);
    return writeSync.call(this, bytes);
  };
  Deno.openSync = (...args) => {
    const file = openSync(...args);
    disk?.opensFile(file, String(args[0]));
    return file;
  };
  DatabaseSync.prototype.prepare = function (this: DatabaseSync, ...args: Parameters<typeof prepare>) {
    disk?.opens(this);
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
      Deno.FsFile.prototype.writeSync = writeSync;
      Deno.openSync = openSync;
      DatabaseSync.prototype.prepare = prepare;
      StatementSync.prototype.run = run;
    },
  };
}
