/** A daemon in the foreground, as a child of the test: `portd serve`. */
import type { Installation } from "./installation.ts";
import { linesOf } from "./lines.ts";

/** Options of {@linkcode ServedDaemon.start}. */
export interface ServedDaemonOptions {
  /** Words in front of the command, like `["prlimit", "--nofile=64"]`. */
  readonly before?: readonly string[];
  /** Words after `serve`. */
  readonly args?: readonly string[];
  /** Where the address is read: on a full disk there is no daemon.json. @default "daemon.json" */
  readonly addressFrom?: "daemon.json" | "stderr";
}

/** A running daemon. Disposing of it kills it. */
export class ServedDaemon implements AsyncDisposable {
  /** Base address of the API, with `/v1`. */
  readonly url: string;
  readonly pid: number;
  /** Resolves when it ends, for whatever reason. */
  readonly status: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #stderr: Stderr;
  #ended = false;

  private constructor(child: Deno.ChildProcess, url: string, stderr: Stderr) {
    this.#child = child;
    this.pid = child.pid;
    this.url = url;
    this.#stderr = stderr;
    this.status = child.status.then((status) => {
      this.#ended = true;
      return status;
    });
  }

  /** Starts a daemon and answers when it is ready. @throws {Error} with its stderr when it ends before. */
  static async start(installation: Installation, options: ServedDaemonOptions = {}): Promise<ServedDaemon> {
    const child = spawnServe(installation, options);
    const stderr = readStderr(child);
    const announced = options.addressFrom === "stderr" ? stderr.address : addressOf(installation, child.pid);
    const address = await Promise.race([announced, child.status]);
    if (typeof address !== "string") {
      throw new Error(`Cannot start the daemon: exit code ${address.code}: ${await stderr.whole}`);
    }
    const url = `${address}/v1`;
    const ready = await fetch(`${url}/readyz`);
    await ready.body?.cancel();
    if (!ready.ok) throw new Error(`Cannot use the daemon: /readyz answers ${ready.status}`);
    return new ServedDaemon(child, url, stderr);
  }

  /** What it has written to stderr so far. */
  get stderr(): string {
    return this.#stderr.lines.join("\n");
  }

  /** Ends it with a signal and waits for its end. @returns its exit code, or null when the signal killed it. */
  async end(signal: Deno.Signal): Promise<number | null> {
    this.#child.kill(signal);
    const status = await this.status;
    await this.#stderr.whole;
    return status.signal === null ? status.code : null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) await this.end("SIGKILL");
  }
}

/** Starts `portd serve` and waits for nothing. */
export function spawnServe(installation: Installation, options: ServedDaemonOptions = {}): Deno.ChildProcess {
  const { before = [], args = [] } = options;
  return installation.command(["serve", ...args], { before, stdin: "null", stdout: "null" }).spawn();
}

interface Stderr {
  readonly lines: string[];
  readonly whole: Promise<string>;
  /** The address, once it says that it serves. */
  readonly address: Promise<string>;
}

function readStderr(child: Deno.ChildProcess): Stderr {
  const lines: string[] = [];
  const { promise: address, resolve } = Promise.withResolvers<string>();
  const drain = async () => {
    for await (const line of linesOf(child.stderr)) {
      lines.push(line);
      const served = / serves (http\S+),/.exec(line)?.[1];
      if (served !== undefined) resolve(served);
    }
    return lines.join("\n");
  };
  return { lines, whole: drain(), address };
}

/** Waits until the state folder names the process as the one that serves. */
async function addressOf(installation: Installation, pid: number): Promise<string> {
  await Deno.mkdir(installation.stateDir, { recursive: true, mode: 0o700 });
  using changes = Deno.watchFs(installation.stateDir, { recursive: false });
  const known = await servedBy(installation, pid);
  if (known !== undefined) return known;
  for await (const _change of changes) {
    const url = await servedBy(installation, pid);
    if (url !== undefined) return url;
  }
  throw new Error(`Cannot watch ${installation.stateDir}`);
}

async function servedBy(installation: Installation, pid: number): Promise<string | undefined> {
  try {
    const daemon = await installation.daemon();
    return daemon.pid === pid ? daemon.url : undefined;
  } catch (error) {
    // It is not there yet, or only half of it is written.
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
