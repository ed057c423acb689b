/**
 * Starting a daemon in the background, and waiting until it, or another one that was quicker, is ready. Where portd is a
 * service of the system, no command starts a daemon of its user instead.
 */
import { askPortd } from "../../client/ask.ts";
import { NoDaemonError } from "../../client/transport.ts";
import { ifThere, messageOf, reasonOf } from "../../errors.ts";
import { resolvePath } from "../../project/project.ts";
import { flagValue, type ServiceStatus } from "../../service/service.ts";
import { claimStateFolder } from "../../state/claimed_folder.ts";
import { readDaemonFile } from "../../state/state_folder.ts";
import { retryUntil } from "../../wait.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { writeLine } from "../terminal.ts";
import { type Detached, spawnDetached } from "./detached.ts";
import { folderGuard } from "./folder_guard.ts";
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
/** More than the rest of the last block of a disk. */
const PROBE_BYTES = 4096;
/** A daemon that found another one has ended; the other needs the processor more than who waits for it. */
const PAUSES_FOR_OTHER = { pauseMs: 20, longestPauseMs: 200 };

/**
 * Starts a daemon in a session of its own, so that Ctrl-C and the end of the terminal do not reach it.
 *
 * @returns its address once it is ready, or that of another daemon that was quicker.
 * @throws {NoDaemonError} with the end of the daemon's log when no daemon gets ready.
 */
export async function startDaemon(context: CliContext, options: StartOptions): Promise<string> {
  const { stateDir, flags = [], own = false } = options;
  claimStateFolder(stateDir, await folderGuard()); // in this process, where the user sees a refusal
  const log = `${stateDir}/daemon.log`, freshLog = logTail(log);
  using child = await spawnServe(context, stateDir, flags);
  const find = async () => {
    if (own) return await findOwn(stateDir);
    return await findReady(candidates(context, { listen: context.env.PORTD_LISTEN, stateDir }));
  };
  let code: number | undefined; // read before each look: what is not found after the end does not come from the child
  const outcome = await retryUntil(async () => {
    code = child.exitCode;
    const url = await find();
    return (url !== undefined || code !== undefined) && { url };
  }, { ...PAUSES, limitMs: LIMIT_MS });
  const isOther = code !== undefined && freshLog().includes(own ? `already serves ${stateDir}` : "already serves");
  const url = outcome?.url ??
    (isOther ? await retryUntil(find, { ...PAUSES_FOR_OTHER, limitMs: LIMIT_MS }) : undefined);
  if (url !== undefined) return url;
  const what = code === undefined ? `it is not ready after ${LIMIT_MS / 1000}s` : `it ended with exit code ${code}`;
  const said = freshLog(), fault = said === "" ? writeFault(stateDir) : undefined;
  const why = fault === undefined ? "" : `, and nothing can be written in ${stateDir}: ${fault}`;
  throw new NoDaemonError(`Cannot start a daemon: ${what}${why}${describeLog(log, said)}`);
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

async function spawnServe(
  { self, env, cwd }: CliContext,
  stateDir: string,
  flags: readonly string[],
): Promise<Detached> {
  // PORTD_CONFIG may be relative to our folder, and the daemon runs in another one.
  const config = env.PORTD_CONFIG ? { PORTD_CONFIG: resolvePath(cwd, env.PORTD_CONFIG) } : {};
  return await spawnDetached({
    words: [...self, "serve", "--background", "--state-dir", stateDir, ...flags] as [string, ...string[]],
    cwd: stateDir, // in a project's folder it would keep that from being unmounted or, on Windows, removed
    env: { ...env, ...config },
  });
}

/** Why a file cannot be written in a folder: a daemon that cannot write its log cannot say so. `undefined` where it can. */
export function writeFault(folder: string, write: typeof Deno.writeFileSync = Deno.writeFileSync): string | undefined {
  const path = `${folder}/.portd-${Deno.pid}`;
  try {
    write(path, new Uint8Array(PROBE_BYTES));
    return undefined;
  } catch (error) {
    return reasonOf(error);
  } finally {
    ifThere(() => Deno.removeSync(path));
  }
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
 * Refuses to start a daemon at the address of the service, which could not start then.
 *
 * @throws {NoDaemonError} when the service of the system starts with the machine, has the address that is asked for, and
 * does not run.
 */
export async function refuseToReplaceService(context: CliContext, { json = false }: CommonFlags): Promise<void> {
  const service = await serviceStatus(context, { isQuiet: json });
  if (!service?.startsAtBoot || service.state === "running") return;
  const { state, command } = service;
  const theirs = await wellKnownUrl(context, flagValue(command, "--listen"));
  if (theirs !== await wellKnownUrl(context, context.env.PORTD_LISTEN)) return;
  throw new NoDaemonError(
    `Cannot find a daemon: portd is a service of this machine, and is ${state}; start it with: portd service start`,
  );
}

/**
 * The status of the service of the system; `undefined` where the system cannot be asked, as in a container. Then a
 * daemon is started all the same, and stderr says why.
 */
async function serviceStatus(
  context: CliContext,
  { isQuiet }: { readonly isQuiet: boolean },
): Promise<ServiceStatus | undefined> {
  if (!["linux", "darwin", "windows"].includes(context.os)) return undefined; // no service of portd there
  try {
    return await (await context.openService({ isUser: false })).status();
  } catch (error) {
    const line = `note: a daemon is started, and whether portd is a service is not known: ${messageOf(error)}`;
    if (!isQuiet) writeLine(context.process.stderr, line);
    return undefined;
  }
}
