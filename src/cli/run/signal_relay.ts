/** Signals that reach `portd run`, passed on to what its command has started. */
import type { Kinship } from "../../kinship/kinship.ts";
import type { CliContext } from "../context.ts";
import { Family } from "./family.ts";
import { GroupWitness } from "./group_witness.ts";

const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15, SIGBREAK: 21 } as const;
type PassedSignal = keyof typeof SIGNAL_NUMBERS;

/** Signals of the keyboard. Many programs take them for less than a request to end: a shell drops its line. */
const KEYBOARD_SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGQUIT"];

/** How long orphans that have ended stay in the kernel's table; SIGCHLD would come sooner, and its handler would slow down every start. */
const REAPING_MS = 5000;

/** A command that runs. */
export interface Running {
  readonly child: Deno.ChildProcess;
  /** `undefined` where the OS does not say what the command has started. */
  readonly family: Family | undefined;
}

/**
 * Passes signals on to the command that runs at that moment. One that comes while none runs is kept: `portd run` is to
 * end then.
 */
export class SignalRelay implements Disposable {
  readonly #context: CliContext;
  readonly #kinship: Kinship | undefined;
  readonly #witness: GroupWitness | undefined;
  readonly #stop: () => void;
  readonly #end = Promise.withResolvers<void>();
  #running: Running | undefined;
  #reaping: ReturnType<typeof setInterval> | undefined;
  #received: PassedSignal | undefined;

  /** @param kinship is `undefined` where the OS does not say what a command has started. */
  constructor(context: CliContext, kinship: Kinship | undefined) {
    this.#context = context;
    this.#kinship = kinship;
    // At a terminal Ctrl-C reaches the child without us, and a second one makes many servers drop what they do.
    this.#witness = hasTerminal(context) ? new GroupWitness() : undefined;
    this.#stop = context.onSignal(this.#names(), (name) => void this.#pass(name as PassedSignal));
  }

  /** Exit code for the last signal; `undefined` when there has been none. */
  get exitCode(): number | undefined {
    return this.#received === undefined ? undefined : 128 + SIGNAL_NUMBERS[this.#received];
  }

  /** Resolves at the first signal that asks the command to end; a Ctrl-C only may, and the command decides. */
  get endAsked(): Promise<void> {
    return this.#end.promise;
  }

  /** Whether a command is to have a session of its own. */
  get passesToSession(): boolean {
    return this.#context.os !== "windows" && this.#witness === undefined;
  }

  /** The family of a command that has just been started; `undefined` where the OS does not say. */
  familyOf(root: number): Family | undefined {
    if (this.#kinship === undefined) return undefined;
    const { processes, orphans } = this.#kinship;
    const isOwn = (pid: number) => pid === this.#witness?.pid;
    return new Family({ processes, root, starter: Deno.pid, adopts: orphans !== undefined, isOwn });
  }

  /** Passes signals to this command from now on; `undefined` when it has ended. */
  direct(running: Running | undefined): void {
    this.#running = running;
    clearInterval(this.#reaping);
    if (running !== undefined) this.#reaping = setInterval(() => this.#reap(), REAPING_MS);
  }

  [Symbol.dispose](): void {
    this.#stop();
    clearInterval(this.#reaping);
    this.#witness?.[Symbol.dispose]();
  }

  #names(): PassedSignal[] {
    if (this.#context.os === "windows") return ["SIGINT", "SIGBREAK"];
    const names: PassedSignal[] = ["SIGINT", "SIGQUIT", "SIGTERM"];
    return this.#kinship?.ignoresHangUp ? names : ["SIGHUP", ...names];
  }

  async #pass(name: PassedSignal): Promise<void> {
    this.#received = name;
    if (this.#context.os === "windows") return; // the console sends it to every process
    const isGroups = await this.#witness?.hasSeen(name) ?? false;
    if (!isGroups) this.#send(name);
    if (!isGroups || !KEYBOARD_SIGNALS.includes(name)) this.#end.resolve();
  }

  #send(name: PassedSignal): void {
    const { child, family } = this.#running ?? {};
    if (family !== undefined) return family.send(name);
    try {
      child?.kill(name);
    } catch (error) {
      // It has ended in the meantime: Deno says so with a TypeError, the OS with NotFound.
      if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  #reap(): void {
    const family = this.#running?.family;
    this.#kinship?.orphans?.reap((pid) => family?.hasAdopted(pid) ?? false);
  }
}

function hasTerminal({ os, process: { stdin, stdout, stderr } }: CliContext): boolean {
  return os !== "windows" && (stdin.isTerminal || stdout.isTerminal || stderr.isTerminal);
}
