/** Reading a log while the daemon writes and rotates it. */
import { ifThereAsync } from "../../errors.ts";
import { abortable } from "../../wait.ts";

/** A rotating file: the newest lines are in `path`, older ones in `path.1`, `path.2` … */
export class LogFile implements Disposable {
  readonly #path: string;
  readonly #buffer = new Uint8Array(64 * 1024);
  #file: Deno.FsFile | undefined;
  /** How much of the file has been read, in bytes. */
  #read = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * The last lines, also from older files. {@linkcode LogFile.follow} goes on behind them.
   *
   * @throws {Error} when there is no log.
   */
  async last(count: number): Promise<string[]> {
    const found: string[] = [];
    const splitter = splitLines((line) => found.push(line));
    this.#file = await ifThereAsync(() => Deno.open(this.#path));
    await this.#drain(splitter);
    splitter.end();
    if (this.#file === undefined) throw new Error(`Cannot read ${this.#path}: there is no such file yet`);
    for (let age = 1; found.length < count; age++) {
      const older = await ifThereAsync(() => Deno.readTextFile(`${this.#path}.${age}`));
      if (older === undefined) break;
      found.unshift(...older.split(/\r?\n/).filter((line) => line !== ""));
    }
    return found.slice(-count);
  }

  /** Prints every further line, until the signal is aborted. @throws the signal's reason. */
  async follow(print: (line: string) => void, signal: AbortSignal): Promise<void> {
    using watcher = Deno.watchFs(this.#path.replace(/[\\/][^\\/]*$/, ""), { recursive: false });
    const changes = watcher[Symbol.asyncIterator]();
    const splitter = splitLines(print);
    for (;;) {
      await this.#drain(splitter);
      while (await this.#isReplaced()) {
        await this.#drain(splitter); // lines that were written just before the rotation
        this[Symbol.dispose]();
        this.#file = await ifThereAsync(() => Deno.open(this.#path));
        await this.#drain(splitter);
      }
      await abortable(changes.next(), signal);
    }
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
    this.#read = 0;
  }

  async #drain({ take }: Pick<ReturnType<typeof splitLines>, "take">): Promise<void> {
    for (;;) {
      const length = await this.#file?.read(this.#buffer) ?? null;
      if (length === null) return;
      this.#read += length;
      take(this.#buffer.subarray(0, length));
    }
  }

  /** Whether the name belongs to another file now, or the file was emptied. */
  async #isReplaced(): Promise<boolean> {
    const named = await ifThereAsync(() => Deno.stat(this.#path));
    if (named === undefined) return false; // it was just renamed, and the daemon is about to make the next one
    if (this.#file === undefined) return true;
    const own = await this.#file.stat();
    return named.ino !== own.ino || named.size < this.#read; // not own.size, which may have grown since
  }
}

/** Takes pieces of text, and prints their lines; `end` prints what is left as a line. */
export function splitLines(print: (line: string) => void) {
  const decoder = new TextDecoder();
  let rest = "";
  return {
    take(bytes: Uint8Array): void {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split(/\r?\n/);
      rest = lines.pop()!;
      for (const line of lines) print(line);
    },
    end(): void {
      if (rest !== "") print(rest);
    },
  };
}
