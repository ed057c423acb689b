/**
 * A command as a child of `portd run`: same terminal, same signals, its own exit code. Without a terminal the command
 * gets a session of its own, so that a signal reaches all that it has started; at a terminal it stays in our process
 * group, which is the shell's to stop and to continue. signal_relay.ts passes the signals on.
 */
import { Family, type Member } from "./family.ts";
import type { SignalRelay } from "./signal_relay.ts";

/** How a child ended. */
export interface ChildEnd {
  /** Its exit code; 128 + the signal's number when a signal ended it. */
  readonly code: number;
  /** How long it ran, in milliseconds. */
  readonly ranMs: number;
  /** What it had started and what still runs; `undefined` where the OS does not say. */
  readonly family: Family | undefined;
}

/** What {@linkcode runChild} starts. */
export interface ChildOptions {
  readonly words: readonly string[];
  /** Set on top of our own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** How long all of it may take to end after a signal; then it gets KILL. */
  readonly killAfterMs: number;
}

/** How long the kernel may take to end processes after KILL. */
const KILL_LIMIT_MS = 2000;
const PAUSE_MS = 20;

/**
 * Runs a command to its end; when a signal has asked for that, to the end of all that it has started. Its streams are
 * ours, untouched: a pipe in between would take the terminal from it.
 *
 * @throws {Deno.errors.NotFound} or another error of the OS when it cannot be started.
 */
export async function runChild(options: ChildOptions, relay: SignalRelay): Promise<ChildEnd> {
  const start = performance.now();
  const child = spawn(options, { detached: relay.passesToSession });
  const family = relay.familyOf(child.pid);
  relay.direct({ child, family });
  const { status } = child;
  await Promise.race([status, relay.endAsked]);
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
  return new Deno.Command(program!, options as Deno.CommandOptions).spawn();
}

/** Waits until all have ended that have not left; those that take too long are ended. */
async function endAll(family: Family, killAfterMs: number): Promise<void> {
  const deadline = performance.now() + killAfterMs;
  while (family.look().some(isStaying)) {
    const lateMs = performance.now() - deadline;
    if (lateMs >= KILL_LIMIT_MS) return;
    if (lateMs >= 0) family.send("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function isStaying({ hasLeft }: Member): boolean {
  return !hasLeft;
}
