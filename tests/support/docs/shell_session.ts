/** One shell in which the commands of a document run one after the other, as a reader would type them. */

const MARK = "\x1e";

/** Disposing of it kills the shell and what it has left in the background. */
export class ShellSession implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  #rest = "";

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#writer = child.stdin.getWriter();
    this.#output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Starts `sh` in a process group of its own; what commands say on stderr comes with their output. `env` is whole. */
  static async start(cwd: string, env: Record<string, string>): Promise<ShellSession> {
    const options = {
      cwd,
      env,
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      detached: true, // in Deno 2.4's types only with --unstable-detached, in its runtime without
    } as const;
    const session = new ShellSession(new Deno.Command("sh", options as Deno.CommandOptions).spawn());
    await session.run("exec 2>&1");
    return session;
  }

  /** Runs a command to its end, or into the background. @returns what was written until then. */
  async run(command: string): Promise<string> {
    // $? of the command is there again for the next one, as a reader would find it.
    const script = `${command}\n_status=$?; printf '\\036'; (exit $_status)\n`;
    await this.#writer.write(new TextEncoder().encode(script));
    for (;;) {
      const end = this.#rest.indexOf(MARK);
      if (end >= 0) {
        const text = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return text;
      }
      const { value, done } = await this.#output.read();
      if (done) throw new Error(`Cannot run ${command}: the shell has ended; it said ${this.#rest}`);
      this.#rest += value;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close(); // the shell ends; what it has left in the background does not
    try {
      Deno.kill(-this.#child.pid, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // nothing was left
    }
    await this.#child.status;
    await this.#output.cancel();
  }
}
