/**
 * Where measuring happens: a temporary folder, and the processes that were started. Disposing of the workbench ends
 * them all and removes the folder, at whatever point of a row that is. daemon.ts and load.ts start what is measured.
 */

/** Options of {@linkcode Workbench.spawn}. */
export interface SpawnOptions {
  readonly cwd?: string;
  /** On top of our own environment without portd's settings. */
  readonly env?: Readonly<Record<string, string>>;
  /** @default "null" */
  readonly stdout?: "piped" | "null";
  /** @default "null" */
  readonly stderr?: "piped" | "null";
}

/** A process of the workbench. */
export interface Tracked {
  readonly child: Deno.ChildProcess;
  readonly pid: number;
  /** Whether it has ended. */
  readonly hasEnded: () => boolean;
  /** Sends a signal and waits for the end. Does nothing when it has ended. */
  end(signal: Deno.Signal): Promise<void>;
}

/** Made by {@linkcode Workbench.open}. */
export class Workbench implements AsyncDisposable {
  /** Everything that is written; gone in the end. */
  readonly folder: string;
  readonly #tracked = new Set<Tracked>();
  #count = 0;
  #isDisposed = false;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Whether nothing can be started any more. */
  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  /** Makes the folder, where `TMPDIR` says. */
  static async open(): Promise<Workbench> {
    return new Workbench(await Deno.makeTempDir({ prefix: "portd-bench-" }));
  }

  /** A new empty folder. */
  async makeFolder(): Promise<string> {
    this.#check();
    const path = `${this.folder}/${++this.#count}`;
    await Deno.mkdir(path, { mode: 0o700 });
    return path;
  }

  /** Starts a process that ends with the workbench at the latest. */
  spawn(program: string, args: readonly string[], options: SpawnOptions = {}): Tracked {
    this.#check();
    const { cwd, env = {}, stdout = "null", stderr = "null" } = options;
    const child = new Deno.Command(program, {
      args: [...args],
      env: { ...ownEnvironment(), ...env },
      clearEnv: true,
      stdin: "null",
      stdout,
      stderr,
      ...(cwd === undefined ? {} : { cwd }),
    }).spawn();
    let hasEnded = false;
    const tracked: Tracked = {
      child,
      pid: child.pid,
      hasEnded: () => hasEnded,
      async end(signal) {
        if (!hasEnded) child.kill(signal);
        await child.status;
      },
    };
    this.#tracked.add(tracked);
    child.status.then(() => {
      hasEnded = true;
      this.#tracked.delete(tracked);
    });
    return tracked;
  }

  /** Runs a program to its end. @returns what it wrote to stdout. @throws {Error} with what it said when it fails. */
  async run(program: string, args: readonly string[], options: SpawnOptions = {}): Promise<string> {
    const { child } = this.spawn(program, args, { ...options, stdout: "piped", stderr: "piped" });
    const { success, code, ...output } = await child.output();
    const [stdout, stderr] = [output.stdout, output.stderr].map((bytes) => new TextDecoder().decode(bytes));
    if (success) return stdout!;
    throw new Error(`Cannot run ${program}: exit code ${code}: ${(stderr || stdout!).trim()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    await Promise.all([...this.#tracked].map((tracked) => tracked.end("SIGKILL")));
    await Deno.remove(this.folder, { recursive: true });
  }

  #check(): void {
    if (this.#isDisposed) throw new Error("Cannot go on: the benchmark is ending");
  }
}

/** Options of {@linkcode waitUntil}. */
export interface WaitOptions {
  /** What is waited for, as it stands in the error. */
  readonly what: string;
  /** The process that should bring it about: its end ends the wait. */
  readonly process: Tracked;
  /** Pause between two looks, in milliseconds. @default 2 */
  readonly pauseMs?: number;
}

const LIMIT_MS = 30_000;

/** Looks again and again until something is so. @throws {Error} after 30 seconds or when the process has ended. */
export async function waitUntil(isSo: () => Promise<boolean>, options: WaitOptions): Promise<void> {
  const { what, process, pauseMs = 2 } = options;
  const deadline = performance.now() + LIMIT_MS;
  while (!await isSo()) {
    if (process.hasEnded()) throw new Error(`Cannot wait for ${what}: the process has ended`);
    if (performance.now() > deadline) throw new Error(`Cannot wait for ${what}: not so after ${LIMIT_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** Our environment without the settings of portd that somebody may have made for a daemon of their own. */
function ownEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(Deno.env.toObject()).filter(([name]) => !name.startsWith("PORTD_")));
}
