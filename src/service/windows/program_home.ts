/**
 * The program that the service runs: a copy of portd in `%ProgramFiles%\portd`, where only administrators can change it.
 * A program that runs can be neither overwritten nor removed, but it can be renamed.
 */
import { ifThere } from "../../errors.ts";
import { retryWhileHeld } from "../../held.ts";
import { removeAtStart } from "../../os/windows/remove_at_start.ts";
import { folderOf, plainPath } from "./paths.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What is done with files of a program. Paths are absolute. */
export interface ProgramFiles {
  /** Whether two files are there, and have the same bytes. */
  isSame(one: string, other: string): boolean;
  /** The names in a folder; none where there is no folder. */
  names(folder: string): readonly string[];
  /** Copies a file, over another one if it is there, and makes the folder. */
  copy(from: string, to: string): void;
  rename(from: string, to: string): void;
  /** Removes a file or an empty folder; a file that a process runs is removed by Windows at its next start. */
  remove(path: string): void;
}

/** A program that was replaced, and may still run. */
const REPLACED = /^portd\.old-(\d+)\.exe$/;
const CHUNK_BYTES = 1 << 20;

/** The place of the program. */
export class ProgramHome {
  readonly folder: string;
  /** What the service runs. */
  readonly program: string;
  /** The program that is to replace it. */
  readonly fresh: string;
  readonly #files: ProgramFiles;

  constructor(env: Environment, files: ProgramFiles) {
    this.folder = `${env.ProgramW6432 || env.ProgramFiles || "C:\\Program Files"}\\portd`;
    this.program = `${this.folder}\\portd.exe`;
    this.fresh = `${this.folder}\\portd.new.exe`;
    this.#files = files;
  }

  /** Whether a program is the one of this place. */
  is(path: string): boolean {
    return plainPath(path).toLowerCase() === this.program.toLowerCase();
  }

  /** Whether the program of this place has the same bytes as another one. */
  holds(path: string): boolean {
    return this.#files.isSame(path, this.program);
  }

  /** Whether a program is in the place. */
  get isThere(): boolean {
    return this.#files.names(this.folder).some((name) => this.is(`${this.folder}\\${name}`));
  }

  copyFresh(from: string): void {
    this.#files.copy(from, this.fresh);
  }

  removeFresh(): void {
    this.#files.remove(this.fresh);
  }

  /** Puts the fresh program in the place. @returns the new path of the program before it; `undefined` where none was. */
  swap(): string | undefined {
    const replaced = this.isThere ? this.#freeName() : undefined;
    if (replaced !== undefined) this.#files.rename(this.program, replaced);
    try {
      this.#files.rename(this.fresh, this.program);
    } catch (error) {
      if (replaced !== undefined) this.#files.rename(replaced, this.program);
      throw error;
    }
    return replaced;
  }

  /** Undoes {@linkcode ProgramHome.swap}. @param replaced is what it has returned. */
  restore(replaced: string | undefined): void {
    this.#files.rename(this.program, this.fresh);
    if (replaced !== undefined) this.#files.rename(replaced, this.program);
    this.removeFresh();
  }

  /** Removes programs that were replaced. */
  removeReplaced(): void {
    for (const name of this.#files.names(this.folder)) {
      if (REPLACED.test(name)) this.#files.remove(`${this.folder}\\${name}`);
    }
  }

  /** Removes the program and its folder. Under its own name it is gone at once, also where a process runs it. */
  remove(): void {
    const replaced = this.#freeName();
    this.#files.rename(this.program, replaced);
    this.removeReplaced();
    if (this.#files.names(this.folder).length === 0) this.#files.remove(this.folder);
  }

  #freeName(): string {
    const numbers = this.#files.names(this.folder).map((name) => Number(REPLACED.exec(name)?.[1] ?? 0));
    return `${this.folder}\\portd.old-${Math.max(0, ...numbers) + 1}.exe`;
  }
}

/** The files of this machine. */
export const machineFiles: ProgramFiles = {
  isSame: (one, other) => ifThere(() => haveSameBytes(one, other)) ?? false,
  names: (folder) => ifThere(() => [...Deno.readDirSync(folder)].map(({ name }) => name)) ?? [],
  copy(from, to) {
    Deno.mkdirSync(folderOf(to), { recursive: true });
    retryWhileHeld(() => Deno.copyFileSync(from, to));
  },
  rename: (from, to) => retryWhileHeld(() => Deno.renameSync(from, to)),
  remove(path) {
    try {
      ifThere(() => Deno.removeSync(path));
    } catch (error) {
      if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
      removeAtStart(path);
    }
  },
};

function haveSameBytes(one: string, other: string): boolean {
  if (Deno.statSync(one).size !== Deno.statSync(other).size) return false;
  using first = Deno.openSync(one), second = Deno.openSync(other);
  const [bytes, others] = [new Uint8Array(CHUNK_BYTES), new Uint8Array(CHUNK_BYTES)];
  for (;;) {
    const length = readFull(first, bytes);
    if (readFull(second, others) !== length) return false;
    if (length === 0) return true;
    if (bytes.subarray(0, length).some((byte, i) => byte !== others[i])) return false;
  }
}

/** Reads until the buffer is full or the file ends. @returns how many bytes. */
function readFull(file: Deno.FsFile, buffer: Uint8Array): number {
  let length = 0;
  while (length < buffer.length) {
    const count = file.readSync(buffer.subarray(length));
    if (count === null) break;
    length += count;
  }
  return length;
}
