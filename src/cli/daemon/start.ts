/** Starting a daemon in the background and waiting until it, or another that was quicker, is ready. */
import { askPortd } from "../../client/ask.ts";
import { NoDaemonError } from "../../client/transport.ts";
import { resolvePath } from "../../project/project.ts";
import { claimStateFolder, readDaemonFile } from "../../state/state_folder.ts";
import type { CliContext } from "../context.ts";
import { candidates } from "./places.ts";

/** Options of {@linkcode startDaemon}. */
export interface StartOptions {
  /** Absolute. */
  readonly stateDir: string;
  /** Flags of `portd serve` beside the state folder. */
  readonly flags?: readonly string[];
  /** Whether only a daemon of this very state folder will do. @default false */
  readonly own?: boolean;
  /** How long the daemon may take to be ready, in milliseconds. @default 10000 */
  readonly limitMs?: number;
}

const LIMIT_MS = 10_000;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 200;
const LOG_LINES = 8;
/** A starter that lost the race ends at once; the winner may need this long to be ready. */
const PATIENCE_AFTER_END_MS = 3000;

/**
 * Starts a daemon of its own session, so that Ctrl-C and the end of the terminal do not reach it.
 *
 * @returns its address once it is ready; that of another daemon when that was quicker.
 * @throws {NoDaemonError} with the end of the daemon's log when none gets ready.
 */
export async function startDaemon(context: CliContext, options: StartOptions): Promise<string> {
  const { stateDir, flags = [], own = false, limitMs = LIMIT_MS } = options;
  claimStateFolder(stateDir); // here, where a refusal is heard
  const log = new LogTail(`${stateDir}/daemon.log`);
  const child = spawnDetached(context, stateDir, flags);
  let deadline = performance.now() + limitMs;
  let exitCode: number | undefined;
  child.status.then(({ code }) => {
    exitCode = code;
    deadline = Math.min(deadline, performance.now() + (code === 0 ? 0 : PATIENCE_AFTER_END_MS));
  });
  for (
    let pauseMs = FIRST_PAUSE_MS;
    performance.now() < deadline;
    pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)
  ) {
    const ready = own ? await findOwn(stateDir) : await findReady(candidates(context, stateDir));
    if (ready !== undefined) return ready;
    if (exitCode !== undefined && (own || !log.tellsOfAnother())) break;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  const what = exitCode === undefined
    ? `it is not ready after ${limitMs / 1000} s`
    : `it ended with exit code ${exitCode}`;
  throw new NoDaemonError(`Cannot start a daemon: ${what}${log.describe()}`);
}

/** The address of the daemon of this state folder, when it is ready. */
export async function findOwn(stateDir: string): Promise<string | undefined> {
  const recorded = readDaemonFile(stateDir);
  return await findReady(recorded === undefined ? [] : [recorded.url]);
}

async function findReady(urls: readonly string[]): Promise<string | undefined> {
  for (const url of urls) if ((await askPortd(url))?.isReady) return url;
  return undefined;
}

function spawnDetached({ self, env, cwd }: CliContext, stateDir: string, flags: readonly string[]): Deno.ChildProcess {
  const [program, ...words] = self;
  // PORTD_CONFIG may be relative to the folder we are in; the daemon's is another.
  const config = env.PORTD_CONFIG ? { PORTD_CONFIG: resolvePath(cwd, env.PORTD_CONFIG) } : {};
  const options = {
    args: [...words, "serve", "--background", "--state-dir", stateDir, ...flags],
    cwd: stateDir, // a daemon that stays in a project's folder would keep it from being unmounted or, on Windows, removed
    env: { ...env, ...config },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null", // it logs into its state folder
    detached: true, // in Deno 2.4's types only with --unstable-detached, in its runtime without
  } as const;
  const child = new Deno.Command(program!, options as Deno.CommandOptions).spawn();
  child.unref();
  return child;
}

/** What has come to a log file since it was looked at first. */
class LogTail {
  readonly #path: string;
  readonly #start: number;

  constructor(path: string) {
    this.#path = path;
    this.#start = this.#read().length;
  }

  /** Whether the daemon has found another one in its place. */
  tellsOfAnother(): boolean {
    return this.#read().slice(this.#start).includes("already serves");
  }

  /** The last lines for a message; names the file. */
  describe(): string {
    const text = this.#read();
    const fresh = text.slice(text.length < this.#start ? 0 : this.#start).trimEnd(); // shorter: a new file was begun
    if (fresh === "") return `; its log is ${this.#path}`;
    const lines = fresh.split("\n").slice(-LOG_LINES).map((line) => `\n  ${line}`);
    return `; ${this.#path} says:${lines.join("")}`;
  }

  #read(): string {
    try {
      return Deno.readTextFileSync(this.#path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }
}
