/** How long `portd open --router` and `portd close` may take, and Ctrl-C while they wait. */
import { formatDuration } from "../../duration.ts";
import type { CliContext } from "../context.ts";
import { isTimeout } from "../exit.ts";
import { endSignals } from "../signals.ts";

/** The user has asked the command to end. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";

  constructor() {
    super("interrupted");
  }
}

/** A limit in time for a whole command, from its making on. Disposing of it ends the listening for signals. */
export class Bound implements Disposable {
  /** Aborted when the time is up, or when the user asks the command to end. */
  readonly signal: AbortSignal;
  readonly #interruption = new AbortController();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #deadline: number;
  /** The message of the error when the time is up. */
  readonly #lateness: string;
  readonly #stopListening: () => void;

  constructor({ os, onSignal }: Pick<CliContext, "os" | "onSignal">, limitMs: number) {
    this.#deadline = performance.now() + limitMs;
    this.#lateness = `Timed out after ${formatDuration(limitMs)}: portd does not answer`;
    this.signal = this.signalUntil(0);
    this.#stopListening = onSignal(endSignals(os), () => this.#interruption.abort(new InterruptedError()));
  }

  /** Whether the user has asked the command to end. */
  get isInterrupted(): boolean {
    return this.#interruption.signal.aborted;
  }

  /** Milliseconds that are left; never less than none. */
  get leftMs(): number {
    return Math.max(0, this.#deadline - performance.now());
  }

  /** A signal that is aborted so long before the time is up, or by the user. */
  signalUntil(reserveMs: number): AbortSignal {
    const timeout = new AbortController();
    const timer = setTimeout(() => {
      timeout.abort(new DOMException(this.#lateness, "TimeoutError"));
    }, Math.max(0, this.leftMs - reserveMs));
    this.#timers.add(timer);
    return AbortSignal.any([timeout.signal, this.#interruption.signal]);
  }

  [Symbol.dispose](): void {
    this.#stopListening();
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

/** What a part of the work has given, or why it has not: the firewall or the router are unusable, or the time is up. */
export type Part<T> = { readonly value: T } | { readonly failure: Error };

/** Awaits a part whose failure the others survive. @throws what `mayFail` does not take. */
export async function partOf<T>(work: Promise<T>, mayFail: (error: unknown) => boolean): Promise<Part<T>> {
  try {
    return { value: await work };
  } catch (error) {
    if (!(error instanceof Error) || !(isTimeout(error) || mayFail(error))) throw error;
    return { failure: error };
  }
}
