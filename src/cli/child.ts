/** A command as a child of `portd run`: same terminal, same signals, its own exit code. */
import type { CliContext } from "./context.ts";
import { GroupWitness } from "./group_witness.ts";

/** How a child ended. */
export interface ChildEnd {
  /** Its exit code; 128 + the signal's number when a signal ended it. */
  readonly code: number;
  /** How long it ran, in milliseconds. */
  readonly ranMs: number;
}

/** What {@linkcode runChild} starts. */
export interface ChildOptions {
  readonly words: readonly string[];
  /** Set on top of our own environment. */
  readonly env: Readonly<Record<string, string>>;
}

const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15, SIGBREAK: 21 } as const;
type PassedSignal = keyof typeof SIGNAL_NUMBERS;

/** Signals that a terminal sends to the whole foreground group by itself. */
const KEYBOARD_SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGQUIT"];

/**
 * Signals that reach portd, passed on to the child that runs at that moment. One that comes while none runs is kept:
 * the session is to end then.
 */
export class SignalRelay implements Disposable {
  readonly #context: CliContext;
  readonly #stop: () => void;
  readonly #witness: GroupWitness | undefined;
  #child: Deno.ChildProcess | undefined;
  #received: PassedSignal | undefined;

  constructor(context: CliContext) {
    this.#context = context;
    // At a terminal Ctrl-C reaches the child without us, and a second one makes many servers drop what they do.
    const isInteractive = context.os !== "windows" && context.process.stdin.isTerminal;
    this.#witness = isInteractive ? new GroupWitness() : undefined;
    const names: PassedSignal[] = context.os === "windows"
      ? ["SIGINT", "SIGBREAK"]
      : ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"];
    this.#stop = context.onSignal(names, (name) => void this.#pass(name as PassedSignal));
  }

  /** Exit code that tells of the last signal; `undefined` when there has been none. */
  get exitCode(): number | undefined {
    return this.#received === undefined ? undefined : 128 + SIGNAL_NUMBERS[this.#received];
  }

  /** Passes signals to this child from now on; `undefined` when it has ended. */
  direct(child: Deno.ChildProcess | undefined): void {
    this.#child = child;
  }

  [Symbol.dispose](): void {
    this.#stop();
    this.#witness?.[Symbol.dispose]();
  }

  async #pass(name: PassedSignal): Promise<void> {
    this.#received = name;
    if (this.#context.os === "windows") return; // the console tells every process of it
    if (KEYBOARD_SIGNALS.includes(name) && await this.#witness?.hasSeen(name)) return;
    try {
      this.#child?.kill(name);
    } catch (error) {
      // It has ended in the meantime: Deno says so with a TypeError, the OS with NotFound.
      if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/**
 * Runs a command to its end. Its streams are ours, untouched: a pipe in between would take the terminal from it.
 *
 * @throws {Deno.errors.NotFound} or another error of the OS when it cannot be started.
 */
export async function runChild({ words, env }: ChildOptions, relay: SignalRelay): Promise<ChildEnd> {
  const [program, ...args] = words;
  const start = performance.now();
  const child = new Deno.Command(program!, {
    args,
    env: { ...env },
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  })
    .spawn();
  relay.direct(child);
  const { code } = await child.status;
  relay.direct(undefined);
  return { code, ranMs: performance.now() - start };
}
