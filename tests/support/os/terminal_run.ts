/** `portd run` at a terminal of its own, as people use it: Ctrl-C is typed, and goes where the terminal sends it. */
import type { Installation } from "./installation.ts";

/** Makes a terminal with the size of a window, becomes its master, and has the exit code of the command. */
const TERMINAL = `
import os, pty, sys
size = 'stty cols 120 rows 40; exec "$@"'
sys.exit(os.waitstatus_to_exitcode(pty.spawn(["sh", "-c", size, "sh"] + sys.argv[1:])))
`;

/** What a command is run with. */
export interface TerminalOptions {
  readonly cwd: string;
  /** The names of the leases. @default ["web"] */
  readonly names?: readonly string[];
  /** What stands behind `--`. */
  readonly command: readonly string[];
}

/** A `portd run` that has been started. */
export class TerminalRun {
  readonly #process: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reading: Promise<void>;
  #output = "";

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#keys = process.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** Starts `portd run NAMES -- COMMAND`. */
  static start(installation: Installation, { cwd, names = ["web"], command }: TerminalOptions): TerminalRun {
    const args = ["run", ...names, "--", ...command], before = ["python3", "-c", TERMINAL];
    const env = { ...installation.env, TERM: "xterm-256color" };
    return new TerminalRun(installation.command(args, { before, cwd, env, stdin: "piped", stderr: "inherit" }).spawn());
  }

  /** What has been on the terminal until now, without colours. */
  get output(): string {
    // deno-lint-ignore no-control-regex -- colours and movements of the cursor begin with ESC
    return this.#output.replaceAll(/\x1b\[[0-9;?]*[A-Za-z]/g, "").replaceAll("\r", "");
  }

  /** Resolves with the exit code when portd has ended; what it has started may still run. */
  async end(): Promise<number> {
    const { code } = await this.#process.status;
    await this.#reading;
    return code;
  }

  /** Types Ctrl-C: the terminal sends SIGINT to its foreground processes, or a server that reads keys gets the key. */
  async pressCtrlC(): Promise<void> {
    await this.#keys.write(new Uint8Array([3]));
  }

  /** Closes the terminal, which ends what is left at it. */
  async close(): Promise<void> {
    this.#keys.releaseLock();
    try {
      this.#process.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended
    }
    await this.#process.status;
    await this.#reading;
    await this.#process.stdin.close().catch((error) => {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    });
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#process.stdout) this.#output += decoder.decode(chunk, { stream: true });
  }
}
