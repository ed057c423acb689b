/**
 * The lines in which requests wait while the pool is exhausted, one for each thing that can be waited for: who waits for
 * a port of a range that is full holds up nobody who would take any.
 */
import type { Clock } from "../clock.ts";
import { PortdError } from "../errors.ts";
import type { GrantRequest } from "./wish.ts";

/** Options of {@linkcode Turnstile.pass}. */
export interface PassOptions {
  /** What is waited for; equal texts stand in one line. */
  readonly line: string;
  /** How long to stand in line, in milliseconds. */
  readonly waitMs: number;
  /** Takes the request out of the line. */
  readonly signal?: AbortSignal | undefined;
}

/** Serves each line in the order of arrival: nobody overtakes whoever stands in front. */
export class Turnstile {
  readonly #clock: Clock;
  /** None of them is empty. */
  readonly #lines = new Map<string, (() => Promise<void>)[]>();
  /** Ends the wait of everybody in line. */
  readonly #closing = new AbortController();
  #turning: Promise<void> | undefined;
  #isAsked = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether nobody waits for anything. */
  get isIdle(): boolean {
    return this.#lines.size === 0;
  }

  /** Whether nobody stands in a line. */
  isEmpty(line: string): boolean {
    return !this.#lines.has(line);
  }

  /**
   * Makes an attempt now, or when its turn comes, as often as it takes.
   *
   * @throws whatever the attempt throws; `pool_exhausted` only when the time is up; the signal's reason; `shutting_down`
   * when nobody is served any more.
   */
  pass<T>(attempt: () => Promise<T>, { line, waitMs, signal: left }: PassOptions): Promise<T> {
    const signal = left === undefined ? this.#closing.signal : AbortSignal.any([left, this.#closing.signal]);
    if (signal.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let refusal = new PortdError("pool_exhausted", `Cannot grant a port: none came free within ${waitMs} ms`);
    const tryOnce = async () => {
      try {
        resolve(await attempt());
      } catch (error) {
        if (error instanceof PortdError && error.code === "pool_exhausted") {
          refusal = error;
          return; // stays in line
        }
        reject(error);
      }
      leave();
    };
    const leave = () => {
      const others = this.#lines.get(line)?.filter((other) => other !== tryOnce) ?? [];
      if (others.length > 0) this.#lines.set(line, others);
      else this.#lines.delete(line);
      cancel();
      signal.removeEventListener("abort", abort);
    };
    const abort = () => {
      reject(signal.reason);
      leave();
    };
    const cancel = this.#clock.after(waitMs, () => {
      reject(refusal);
      leave();
    });
    signal.addEventListener("abort", abort);
    this.#lines.set(line, [...this.#lines.get(line) ?? [], tryOnce]);
    this.turn();
    return promise;
  }

  /** Sends away whoever waits: the daemon stops. */
  close(): void {
    const message = "Cannot grant a port: portd stops, and cannot wait for one to come free";
    this.#closing.abort(new PortdError("shutting_down", message, { retryAfter: 5 }));
  }

  /** Lets those in front of each line try again, until one has to go on waiting. */
  turn(): void {
    if (this.isIdle) return;
    this.#isAsked = true;
    this.#turning ??= this.#serve().finally(() => {
      this.#turning = undefined;
    });
  }

  async #serve(): Promise<void> {
    while (this.#isAsked) {
      this.#isAsked = false; // a port that comes free while one tries is worth another try
      for (const line of [...this.#lines.keys()]) {
        const first = () => this.#lines.get(line)?.[0];
        for (let front = first(); front !== undefined; front = first()) {
          await front();
          if (first() === front) break;
        }
      }
    }
  }
}

/** What a request waits for: where in the pool, and how much of it at once. */
export function lineOf({ wishes, contiguous }: GrantRequest): string {
  return JSON.stringify([
    contiguous,
    ...wishes.map(({ pool, protocols, range }) => [pool, [...protocols].sort(), range]),
  ]);
}
