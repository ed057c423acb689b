/**
 * Starting a daemon in the background, and waiting until it, or another one that was quicker, is ready. Where portd is a
 * service of the system, no command starts a daemon of its user instead.
 */
import { askPortd } from "../../client/ask.ts";
import { NoDaemonError } from "../../client/transport.ts";
import { ifThere } from "../../errors.ts";
import { resolvePath } from "../../project/project.ts";
import { flagValue } from "../../service/service.ts";
import { claimStateFolder, readDaemonFile } from "../../state/state_folder.ts";
import { retryUntil } from "../../wait.ts";
import type { CliContext } from "../context.ts";
import { candidates, wellKnownUrl } from "./places.ts";

/** Options of {@linkcode startDaemon}. */
export interface StartOptions {
  /** Absolute. */
  readonly stateDir: string;
  /** Flags of `portd serve` in addition to the state folder. */
  readonly flags?: readonly string[];
  /** Whether a daemon of another state folder does not count. @default false */
  readonly own?: boolean;
}

/** How long a daemon that has not ended may take to be ready: on a busy machine its modules alone can take 10 s. */
const LIMIT_MS = 60_000;
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
  const { stateDir, flags = [], own = false } = options;
  claimStateFolder(stateDir); // in this process, where the user sees a refusal
  const log = `${stateDir}/daemon.log`, freshLog = logTail(log);
  const child = spawnDetached(context, stateDir, flags);
  const started: { end?: { readonly code: number; readonly at: number } } = {};
  child.status.then(({ code }) => started.end = { code, at: performance.now() });
  const outcome = await retryUntil(async () => {
    const { end } = started;
    const places = { listen: context.env.PORTD_LISTEN, stateDir };
    const url = own ? await findOwn(stateDir) : await findReady(candidates(context, places));
    if (url !== undefined || end === undefined) return url !== undefined && { url };
    const mayAnotherStart = !own && end.code !== 0 && freshLog().includes("already serves") &&
      performance.now() < end.at + OTHER_LIMIT_MS;
    return !mayAnotherStart && { url };
  }, { ...PAUSES, limitMs: LIMIT_MS });
  if (outcome?.url !== undefined) return outcome.url;
  const { end } = started;
  const what = end === undefined ? `it is not ready after ${LIMIT_MS / 1000}s` : `it ended with exit code ${end.code}`;
  throw new NoDaemonError(`Cannot start a daemon: ${what}${describeLog(log, freshLog())}`);
}

/** The address of the daemon of this state folder, when it is ready. */
export async function findOwn(stateDir: string): Promise<string | undefined> {
  const recorded = readDaemonFile(stateDir);
  return await findReady(recorded === undefined ? [] : [recorded.url]);
}

async function findReady(urls: readonly string[] | AsyncIterable<string>): Promise<string | undefined> {
  for await (const url of urls) if ((await askPortd(url))?.isReady) return url;
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

/** What has been written to a log file since this call. */
function logTail(path: string): () => string {
  const read = () => ifThere(() => Deno.readTextFileSync(path)) ?? "";
  const start = read().length;
  return () => {
    const text = read();
    return text.slice(text.length < start ? 0 : start).trimEnd(); // a shorter one is a new file
  };
}

/** The name of the log and its last new lines, for a message. */
function describeLog(path: string, fresh: string): string {
  if (fresh === "") return `; its log is ${path}`;
  const lines = fresh.split("\n").slice(-LOG_LINES).map((line) => `\n  ${line}`);
  return `; ${path} says:${lines.join("")}`;
}

/**
 * Refuses to start a daemon at the address of the service. On Windows the service starts some minutes after the machine:
 * a daemon that took its address meanwhile would keep it from starting.
 *
 * @throws {NoDaemonError} when the service of the system starts with the machine, has the address that is asked for, and
 * does not run.
 */
export async function refuseToReplaceService(context: CliContext): Promise<void> {
  // Where the system cannot be asked, there counts as being no service.
  const service = await context.openService({ isUser: false }).then((control) => control.status()).catch(() =>
    undefined
  );
  if (!service?.startsAtBoot || service.state === "running") return;
  const { state, command } = service;
  const theirs = await wellKnownUrl(context, flagValue(command, "--listen"));
  if (theirs !== await wellKnownUrl(context, context.env.PORTD_LISTEN)) return;
  throw new NoDaemonError(
    `Cannot find a daemon: portd is a service of this machine, and is ${state}; start it with: portd service start`,
  );
}
