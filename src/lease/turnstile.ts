/** The line in which requests wait while the pool is exhausted. */
import type { Clock } from "../clock.ts";
import { PortdError } from "../errors.ts";

/** Options of {@linkcode Turnstile.pass}. */
export interface PassOptions {
  /** How long to stand in line, in milliseconds. */
  readonly waitMs: number;
  /** Takes the request out of the line. */
  readonly signal?: AbortSignal | undefined;
}

/** Serves in the order of arrival: nobody overtakes whoever stands in front. */
export class Turnstile {
  readonly #clock: Clock;
  readonly #line: (() => Promise<void>)[] = [];
  /** Ends the wait of everybody in line. */
  readonly #closing = new AbortController();
  #turning: Promise<void> | undefined;
  #isAsked = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isEmpty(): boolean {
    return this.#line.length === 0;
  }

  /**
   * Makes an attempt now, or when its turn comes, as often as it takes.
   *
   * @throws whatever the attempt throws; `pool_exhausted` only when the time is up; the signal's reason; `shutting_down`
   * when nobody is served any more.
   */
  pass<T>(attempt: () => Promise<T>, { waitMs, signal: left }: PassOptions): Promise<T> {
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
      const place = this.#line.indexOf(tryOnce);
      if (place >= 0) this.#line.splice(place, 1);
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
    this.#line.push(tryOnce);
    this.turn();
    return promise;
  }

  /** Sends away whoever waits: the daemon stops. */
  close(): void {
    const message = "Cannot grant a port: portd stops, and cannot wait for one to come free";
    this.#closing.abort(new PortdError("shutting_down", message, { retryAfter: 5 }));
  }

  /** Lets those in front try again, until one has to go on waiting. */
  turn(): void {
    if (this.isEmpty) return;
    this.#isAsked = true;
    this.#turning ??= this.#serve().finally(() => {
      this.#turning = undefined;
    });
  }

  async #serve(): Promise<void> {
    while (this.#isAsked) {
      this.#isAsked = false; // a port that comes free while one tries is worth another try
      for (let front = this.#line[0]; front !== undefined; front = this.#line[0]) {
        await front();
        if (this.#line[0] === front) break;
      }
    }
  }
}
