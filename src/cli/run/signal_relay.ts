/** Passing the signals that `portd run` gets on to what its command has started. */
import type { Kinship } from "../../kinship/kinship.ts";
import type { CliContext } from "../context.ts";
import { Family } from "./family.ts";
import { GroupWitness } from "./group_witness.ts";

const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15, SIGBREAK: 21 } as const;
type PassedSignal = keyof typeof SIGNAL_NUMBERS;

/** Signals of the keyboard. Many programs do not end at them: a shell only clears its line. */
const KEYBOARD_SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGQUIT"];

/** How long ended orphans stay in the kernel's table. SIGCHLD would be sooner, but its handler slows every start. */
const REAPING_MS = 5000;

/** A command that runs. */
export interface Running {
  readonly child: Deno.ChildProcess;
  /** `undefined` where the OS does not say what the command has started. */
  readonly family: Family | undefined;
}

/** Passes signals on to the command that runs. After a signal that comes while none runs, `portd run` ends. */
export class SignalRelay implements Disposable {
  readonly #context: CliContext;
  readonly #witness: GroupWitness | undefined;
  readonly #stops: (() => void)[] = [];
  readonly #end = Promise.withResolvers<void>();
  /** `undefined` where the OS does not say what a command has started, and before {@linkcode SignalRelay.use}. */
  #kinship: Kinship | undefined;
  #running: Running | undefined;
  /** When the first command was started. */
  #firstStart: string | undefined;
  #isDisposed = false;
  #received: PassedSignal | undefined;

  constructor(context: CliContext) {
    this.#context = context;
    // At a terminal Ctrl-C reaches the child without us, and many servers abort their work at a second one.
    this.#witness = hasTerminal(context) ? new GroupWitness() : undefined;
    this.#listen(context.os === "windows" ? ["SIGINT", "SIGBREAK", "SIGHUP"] : ["SIGINT", "SIGQUIT", "SIGTERM"]);
  }

  /** From now on commands have families, and SIGHUP is passed on unless this process ignores it, as under nohup. */
  use(kinship: Kinship): void {
    this.#kinship = kinship;
    if (this.#isDisposed) return; // the grant has failed meanwhile
    if (!kinship.ignoresHangUp) this.#listen(["SIGHUP"]);
  }

  /** Exit code for the last signal; `undefined` when there has been none. */
  get exitCode(): number | undefined {
    return this.#received === undefined ? undefined : 128 + SIGNAL_NUMBERS[this.#received];
  }

  /** Resolves at the first signal that means that the command must end; at a Ctrl-C the command itself decides. */
  get endAsked(): Promise<void> {
    return this.#end.promise;
  }

  /** Whether Windows ends this process in a moment, as the window of its console is closed. */
  get mustHurry(): boolean {
    return this.#context.os === "windows" && this.#received === "SIGHUP";
  }

  /** Whether a command gets a session of its own. */
  get passesToSession(): boolean {
    return this.#context.os !== "windows" && this.#witness === undefined;
  }

  /** The processes of a command that has just been started; `undefined` where the OS does not say. */
  familyOf(root: number): Family | undefined {
    if (this.#kinship === undefined) return undefined;
    const { processes, orphans } = this.#kinship;
    const isOwn = (pid: number) => pid === this.#witness?.pid;
    const adopts = orphans !== undefined, firstStart = this.#firstStart;
    const family = new Family({ processes, root, starter: Deno.pid, adopts, isOwn, firstStart });
    this.#firstStart ??= family.startTime;
    return family;
  }

  /** Passes signals to this command from now on; `undefined` when it has ended. */
  direct(running: Running | undefined): void {
    this.#running = running;
    if (running !== undefined) this.#reapLater(running);
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const stop of this.#stops) stop();
    this.#running = undefined;
    this.#witness?.[Symbol.dispose]();
  }

  #listen(names: readonly PassedSignal[]): void {
    this.#stops.push(this.#context.onSignal(names, (name) => void this.#pass(name as PassedSignal)));
  }

  async #pass(name: PassedSignal): Promise<void> {
    this.#received = name;
    if (this.mustHurry) this.#end.resolve();
    if (this.#context.os === "windows") return; // the console sends it to every process
    const hasGroup = await this.#witness?.hasSeen(name) ?? false; // the whole process group has it
    if (!hasGroup) this.#send(name);
    if (!hasGroup || !KEYBOARD_SIGNALS.includes(name)) this.#end.resolve();
  }

  #send(name: PassedSignal): void {
    const { child, family } = this.#running ?? {};
    if (family !== undefined) return family.send(name);
    try {
      child?.kill(name);
    } catch (error) {
      // It has ended meanwhile: for that Deno throws a TypeError, or NotFound when the OS says it.
      if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Again and again while this command runs. A first `setInterval` takes 12 ms, this takes 2. */
  #reapLater(running: Running): void {
    AbortSignal.timeout(REAPING_MS).addEventListener("abort", () => {
      if (this.#running !== running) return;
      this.#kinship?.orphans?.reap((pid) => running.family?.hasAdopted(pid) ?? false);
      this.#reapLater(running);
    });
  }
}

function hasTerminal({ os, process: { stdin, stdout, stderr } }: CliContext): boolean {
  return os !== "windows" && (stdin.isTerminal || stdout.isTerminal || stderr.isTerminal);
}
