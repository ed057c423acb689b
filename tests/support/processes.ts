/** Real processes for tests. */

/** The end of a script that waits until its input ends. */
const UNTIL_INPUT_ENDS = "await Deno.stdin.readable.pipeTo(new WritableStream()); Deno.exit();";

/** Options of {@linkcode Child.start}. */
export interface ChildOptions {
  /** Deno, under whatever name. */
  readonly program?: string;
  /** The arguments of the script. */
  readonly words?: readonly string[];
  readonly cwd?: string;
  /** Whether it begins a session, so that it belongs to nobody here. @default false */
  readonly beginsSession?: boolean;
}

/** A child that runs a script; disposing of it ends it. */
export class Child implements AsyncDisposable {
  readonly pid: number;
  readonly status: Promise<Deno.CommandStatus>;
  /** What it has printed first. */
  readonly line: string;
  readonly #process: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<Uint8Array>;

  private constructor(process: Deno.ChildProcess, output: ReadableStreamDefaultReader<Uint8Array>, line: string) {
    this.pid = process.pid;
    this.status = process.status;
    this.line = line;
    this.#process = process;
    this.#output = output;
  }

  /** Starts one, and returns when it has run this code. It ends when its input does. */
  static async start(code = "", options: ChildOptions = {}): Promise<Child> {
    return await Child.run(`${code}; console.log("ready"); ${UNTIL_INPUT_ENDS}`, options);
  }

  /** Starts one, and returns when it has printed something. */
  static async run(script: string, options: ChildOptions = {}): Promise<Child> {
    const { program = Deno.execPath(), words = [], cwd = Deno.cwd(), beginsSession = false } = options;
    const file = await Deno.makeTempFile({ suffix: ".js" });
    await Deno.writeTextFile(file, script);
    const args = [program, "run", "--no-config", "--no-lock", "--unstable-net", "-A", file, ...words];
    const [command = "", ...rest] = beginsSession ? ["setsid", ...args] : args;
    const process = new Deno.Command(command, { args: rest, cwd, stdin: "piped", stdout: "piped" }).spawn();
    const output = process.stdout.getReader();
    const { value } = await output.read();
    await Deno.remove(file);
    return new Child(process, output, new TextDecoder().decode(value));
  }

  /** Ends it by KILL; returns before it has ended. */
  kill(): void {
    this.#process.kill("SIGKILL");
  }

  /** Ends its input. @returns whether it ends as it does when nobody has disturbed it. */
  async endsWell(): Promise<boolean> {
    await this.#process.stdin.close();
    return (await this.status).success;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await killChild(this.#process);
    await this.#output.cancel();
  }
}

/** Ends a child by KILL, unless it has ended already. */
export async function killChild(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // it has ended
  }
  await child.status;
}

/** A server that belongs to nobody here. */
export function startStranger(port: number): Promise<Child> {
  return Child.start(`Deno.listen({ hostname: "127.0.0.1", port: ${port} })`, { beginsSession: true });
}
