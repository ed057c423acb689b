/** A program that runs in a namespace until it is ended. It ends with the test, however that ends. */
import { killChild } from "../../processes.ts";
import { within } from "../../../../src/wait.ts";
import { linesOf } from "../lines.ts";
import type { NetworkNamespace } from "../netns.ts";

const PATIENCE_MS = 60_000;
/** So many lines of output are kept. */
const MOST_LINES = 500;

/** Made by {@linkcode LabProgram.start}; disposing of it kills it. */
export class LabProgram implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: string[] = [];
  readonly #readers: Promise<void>;
  #wake = Promise.withResolvers<void>();
  #hasEnded = false;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    const readers = [this.#read(child.stdout), this.#read(child.stderr)];
    this.#readers = Promise.all(readers).then(() => {
      this.#hasEnded = true;
      this.#wake.resolve();
    });
  }

  /** Starts it with pipes. */
  static start(namespace: NetworkNamespace, words: readonly string[]): LabProgram {
    const [program, ...enter] = namespace.enter;
    // In a namespace of processes it is a child of nsenter, which a kill does not reach otherwise.
    const args = [...enter, "setpriv", "--pdeathsig", "KILL", "--", ...words];
    return new LabProgram(
      new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn(),
    );
  }

  /** What it has written last, to stdout and stderr. */
  get output(): string {
    return this.#lines.join("\n");
  }

  /** Waits until it has written such a line. @throws {Error} when it ends before, or takes too long. */
  async said(isWanted: (line: string) => boolean): Promise<string> {
    const end = performance.now() + PATIENCE_MS;
    while (true) {
      const found = this.#lines.find(isWanted);
      if (found !== undefined) return found;
      const rest = end - performance.now();
      if (this.#hasEnded || rest <= 0) throw new Error(`A program has not started: ${this.output}`);
      await within(this.#wake.promise, rest);
    }
  }

  /** Writes a line to its stdin. */
  async write(line: string): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${line}\n`));
    writer.releaseLock();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await killChild(this.#child);
    await this.#child.stdin.abort().catch(ignoreBrokenPipe);
    await this.#readers;
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const line of linesOf(stream)) {
      this.#lines.push(line);
      if (this.#lines.length > MOST_LINES) this.#lines.shift();
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    }
  }
}

function ignoreBrokenPipe(error: unknown): void {
  if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
}
