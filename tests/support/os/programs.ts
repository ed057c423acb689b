/** Programs that a test starts. */
import { killChild } from "../processes.ts";
import { linesOf } from "./lines.ts";

/** Disposing of it ends them. */
export class Programs implements AsyncDisposable {
  readonly #children: Deno.ChildProcess[] = [];
  readonly #cwd: string;

  /** @param cwd is the folder in which they run; a server belongs to the project of its folder. */
  constructor(cwd: string) {
    this.#cwd = cwd;
  }

  /** Starts a program in Python. @returns it, and the lines that it writes. */
  python(code: string, ...args: readonly (string | number)[]) {
    const words = ["-c", code, ...args.map(String)];
    return this.spawn(new Deno.Command("python3", { args: words, cwd: this.#cwd, stdin: "piped", stdout: "piped" }));
  }

  /** Starts a command that pipes stdout. */
  spawn(command: Deno.Command) {
    const child = command.spawn();
    this.#children.push(child);
    return { child, lines: linesOf(child.stdout) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) await killChild(child);
  }
}
