/**
 * A command as a child of `portd run`: same terminal, same signals, its own exit code. Without a terminal the command
 * gets a session of its own, so that a signal reaches all that it has started. At a terminal it stays in our process
 * group, so that the shell can stop and continue both. signal_relay.ts passes the signals on.
 */
import { retryUntil, within } from "../../wait.ts";
import type { Family } from "./family.ts";
import type { SignalRelay } from "./signal_relay.ts";

/** How a child ended. */
export interface ChildEnd {
  /** Its exit code; 128 + the signal's number when a signal ended it. */
  readonly code: number;
  /** How long it ran, in milliseconds. */
  readonly ranMs: number;
  /** What it has started and still runs; `undefined` where the OS does not say. */
  readonly family: Family | undefined;
}

/** What {@linkcode runChild} starts. */
export interface ChildOptions {
  readonly words: readonly string[];
  /** Added to our own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** How long all that it has started may take to end after a signal; then it gets KILL. */
  readonly killAfterMs: number;
}

/** The OS could not start the command; the cause is its error. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** A command that fails so soon after its start may have found its port in use. */
export const EARLY_MS = 10_000;
/** The exit codes of HUP, INT, QUIT and TERM. */
const ENDED_BY_SIGNAL = [129, 130, 131, 143];
/** How long the kernel may take to end processes after KILL. */
const KILL_LIMIT_MS = 2000;
const PAUSE_MS = 20;
/** Windows ends a program five seconds after its window is closed: then its leases would not be released. */
const LONGEST_CLOSING_MS = 3000;

/**
 * Whether a command may have found its port in use. A server that takes keys from the terminal ends at Ctrl-C without a
 * signal, often with the exit code of one.
 */
export function wasEarlyFailure({ code, ranMs }: ChildEnd): boolean {
  return code !== 0 && !ENDED_BY_SIGNAL.includes(code) && ranMs < EARLY_MS;
}

/**
 * Runs a command to its end; when a signal has asked for it, to the end of all that it has started. It gets our streams
 * themselves: with a pipe in between it would have no terminal.
 *
 * @throws {StartError} when it cannot be started.
 */
export async function runChild(options: ChildOptions, relay: SignalRelay): Promise<ChildEnd> {
  const start = performance.now();
  const child = spawn(options, { detached: relay.passesToSession });
  const family = relay.familyOf(child.pid);
  relay.direct({ child, family });
  const { status } = child;
  await Promise.race([status, relay.endAsked]);
  if (relay.mustHurry) await endSoon(child, Math.min(options.killAfterMs, LONGEST_CLOSING_MS));
  if (relay.exitCode !== undefined && family !== undefined) await endAll(family, options.killAfterMs);
  const { code } = await status;
  relay.direct(undefined);
  return { code, ranMs: performance.now() - start, family };
}

function spawn({ words, env }: ChildOptions, { detached }: { readonly detached: boolean }): Deno.ChildProcess {
  const [program, ...args] = words;
  const options = {
    args,
    env: { ...env },
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
    detached, // setsid(2); in Deno 2.4's types only with --unstable-detached, in its runtime without
  } as const;
  try {
    return new Deno.Command(program!, options as Deno.CommandOptions).spawn();
  } catch (cause) {
    throw new StartError(`Cannot start ${program}`, { cause });
  }
}

/** Waits for the end of a command that has been asked to end; ends it when that takes too long. */
async function endSoon(child: Deno.ChildProcess, limitMs: number): Promise<void> {
  const { status } = child;
  if (await within(status, limitMs) === undefined) child.kill("SIGKILL");
  await status;
}

/** Waits until all members have ended that have not left; those that take too long get KILL. */
async function endAll(family: Family, killAfterMs: number): Promise<void> {
  const haveEnded = () => family.look().every(({ hasLeft }) => hasLeft);
  if (await retryUntil(haveEnded, { pauseMs: PAUSE_MS, limitMs: killAfterMs })) return;
  const killAgain = () => {
    family.send("SIGKILL"); // also to what has been started since
    return haveEnded();
  };
  await retryUntil(killAgain, { pauseMs: PAUSE_MS, limitMs: KILL_LIMIT_MS });
}
