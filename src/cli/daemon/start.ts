/** Starting a daemon in the background, and waiting until it, or another one that was quicker, is ready. */
import { askPortd } from "../../client/ask.ts";
import { NoDaemonError } from "../../client/transport.ts";
import { ifThere } from "../../errors.ts";
import { resolvePath } from "../../project/project.ts";
import { claimStateFolder, readDaemonFile } from "../../state/state_folder.ts";
import { retryUntil } from "../../wait.ts";
import type { CliContext } from "../context.ts";
import { candidates } from "./places.ts";

/** Options of {@linkcode startDaemon}. */
export interface StartOptions {
  /** Absolute. */
  readonly stateDir: string;
  /** Flags of `portd serve` in addition to the state folder. */
  readonly flags?: readonly string[];
  /** Whether a daemon of another state folder does not count. @default false */
  readonly own?: boolean;
  /** How long the daemon may take to be ready, in milliseconds. @default 10000 */
  readonly limitMs?: number;
}

const LIMIT_MS = 10_000;
/** A look takes less than a millisecond, a start some hundreds: with longer pauses the command would start later. */
const PAUSES = { pauseMs: 5, longestPauseMs: 20 };
const LOG_LINES = 8;
/** A daemon that finds another one ends at once; the other may need this long to be ready. */
const OTHER_LIMIT_MS = 3000;

/**
 * Starts a daemon in a session of its own, so that Ctrl-C and the end of the terminal do not reach it.
 *
 * @returns its address once it is ready, or that of another daemon that was quicker.
 * @throws {NoDaemonError} with the end of the daemon's log when no daemon gets ready.
 */
export async function startDaemon(context: CliContext, options: StartOptions): Promise<string> {
  const { stateDir, flags = [], own = false, limitMs = LIMIT_MS } = options;
  claimStateFolder(stateDir); // in this process, where the user sees a refusal
  const log = new LogTail(`${stateDir}/daemon.log`);
  const child = spawnDetached(context, stateDir, flags);
  const started: { end?: { readonly code: number; readonly at: number } } = {};
  child.status.then(({ code }) => started.end = { code, at: performance.now() });
  const outcome = await retryUntil(async () => {
    const { end } = started;
    const url = own ? await findOwn(stateDir) : await findReady(candidates(context, stateDir));
    if (url !== undefined || end === undefined) return url !== undefined && { url };
    const mayAnotherStart = !own && end.code !== 0 && log.namesAnother() &&
      performance.now() < end.at + OTHER_LIMIT_MS;
    return !mayAnotherStart && { url };
  }, { ...PAUSES, limitMs });
  if (outcome?.url !== undefined) return outcome.url;
  const { end } = started;
  const what = end === undefined ? `it is not ready after ${limitMs / 1000}s` : `it ended with exit code ${end.code}`;
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
  // PORTD_CONFIG may be relative to our folder, and the daemon runs in another one.
  const config = env.PORTD_CONFIG ? { PORTD_CONFIG: resolvePath(cwd, env.PORTD_CONFIG) } : {};
  const options = {
    args: [...words, "serve", "--background", "--state-dir", stateDir, ...flags],
    cwd: stateDir, // in a project's folder it would keep that from being unmounted or, on Windows, removed
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

/** What has been written to a log file since this object was made. */
class LogTail {
  readonly #path: string;
  readonly #start: number;

  constructor(path: string) {
    this.#path = path;
    this.#start = this.#read().length;
  }

  /** Whether the daemon has found that another one runs. */
  namesAnother(): boolean {
    return this.#read().slice(this.#start).includes("already serves");
  }

  /** The name of the file and its last lines, for a message. */
  describe(): string {
    const text = this.#read();
    const isNewFile = text.length < this.#start;
    const fresh = text.slice(isNewFile ? 0 : this.#start).trimEnd();
    if (fresh === "") return `; its log is ${this.#path}`;
    const lines = fresh.split("\n").slice(-LOG_LINES).map((line) => `\n  ${line}`);
    return `; ${this.#path} says:${lines.join("")}`;
  }

  #read(): string {
    return ifThere(() => Deno.readTextFileSync(this.#path)) ?? "";
  }
}
