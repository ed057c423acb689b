/**
 * Requests that wait for a port, in lines: one line for each thing that can be waited for, so that a request for a port
 * of a range that is full delays no request that would take any port.
 */
import type { Clock } from "../clock.ts";
import { PortdError } from "../errors.ts";
import type { Protocol } from "../port/port.ts";
import type { GrantRequest, Wish } from "./wish.ts";

/** Requests that wait at most, in all lines together. */
const MOST_WAITING = 1000;
/** Attempts in one turn of the event loop; one takes up to a millisecond. */
const ATTEMPTS_A_TURN = 8;

/**
 * What came of an attempt. It is decided when the attempt returns: nothing is awaited before.
 *
 * - `granted`: the ports are taken; the promise resolves when that is on disk, and only it answers the request.
 * - `refused`: what is asked for is not there; the function makes the error, and is passed how many others wait for it.
 * - `later`: a lease whose name is asked for is just ending.
 */
export type Attempt<T> =
  | { readonly granted: Promise<T> }
  | { readonly refused: (waiting: number) => Promise<Error> }
  | "later";

/** Options of {@linkcode WaitQueue.enter}. */
export interface EnterOptions {
  readonly request: GrantRequest;
  /** The request takes nothing that others wait for. */
  readonly mayOvertake: boolean;
  /** Takes the request out of its line. */
  readonly signal?: AbortSignal | undefined;
}

interface Line {
  readonly name: string;
  readonly mayUse: (port: number, protocols: readonly Protocol[]) => boolean;
  /** The first came first. */
  readonly waiting: Waiting[];
  /** Something may have become free since the first one was refused. */
  isDue: boolean;
}

/** A request in the queue. */
class Waiting {
  /** The next attempt is the last one: the request does not wait, or its time is up. */
  isLast: boolean;
  /** No attempt has been made yet. */
  isNew = true;
  /** Called when the request leaves its line. */
  stop = () => {};
  /** A lease whose name is asked for was just ending at the last attempt. */
  isLater = false;
  readonly #attempt: () => Attempt<unknown>;
  readonly #settle: PromiseWithResolvers<unknown>;
  #refusal: ((waiting: number) => Promise<Error>) | undefined;

  constructor(attempt: () => Attempt<unknown>, settle: PromiseWithResolvers<unknown>, isLast: boolean) {
    this.#attempt = attempt;
    this.#settle = settle;
    this.isLast = isLast;
  }

  /** Makes an attempt. @returns whether it answers the request. */
  tryOnce(): boolean {
    return this.note(tried(this.#attempt));
  }

  /** What came of an attempt. @returns whether it answers the request. */
  note(outcome: Attempt<unknown>): boolean {
    this.isNew = false;
    this.isLater = outcome === "later";
    if (outcome === "later") return false;
    if ("granted" in outcome) this.#settle.resolve(outcome.granted);
    else this.#refusal = outcome.refused;
    return "granted" in outcome;
  }

  /** Answers with the reason of the last refusal. @param others is how many wait for the same. */
  refuse(others: number): void {
    this.#settle.resolve(this.#refusal!(others).then((error) => Promise.reject(error)));
  }

  end(error: unknown): void {
    this.#settle.reject(error);
  }
}

/** Serves each line in the order of arrival: no request overtakes one that wants the same and came before. */
export class WaitQueue {
  readonly #clock: Clock;
  readonly #isMember: (port: number) => boolean;
  readonly #lines = new Map<string, Line>();
  #size = 0;
  #isServing = false;
  #closed: PortdError | undefined;

  /** @param isMember says whether a port belongs to the pool. */
  constructor(clock: Clock, isMember: (port: number) => boolean) {
    this.#clock = clock;
    this.#isMember = isMember;
  }

  /**
   * Makes an attempt at once; where requests that want the same came before, after one more attempt of the first of
   * them. Where it is refused and the request waits, more attempts follow when its turn comes.
   *
   * @throws what the attempt throws or `granted` rejects with; the refusal when the time is up; the signal's reason;
   * `shutting_down` when nobody is served any more.
   */
  enter<T>(attempt: () => Attempt<T>, { request, mayOvertake, signal }: EnterOptions): Promise<T> {
    const { waitMs } = request;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#closed !== undefined && waitMs > 0) return Promise.reject(this.#closed);
    const line = mayOvertake || this.#lines.size === 0 ? undefined : this.#lines.get(lineOf(request));
    const outcome = line === undefined ? tried(attempt) : undefined;
    if (outcome !== undefined && outcome !== "later") {
      if ("granted" in outcome) return outcome.granted;
      if (waitMs === 0) return outcome.refused(0).then((error) => Promise.reject(error));
    }
    const settle = Promise.withResolvers<T>();
    const waiting = new Waiting(attempt, settle as PromiseWithResolvers<unknown>, waitMs === 0);
    if (outcome !== undefined) waiting.note(outcome);
    if (this.#size >= MOST_WAITING && !waiting.isLast) waiting.end(tooMany());
    else this.#add(waiting, request, signal);
    if (line !== undefined) {
      line.isDue = true; // the first in line is asked again, before this one
      this.#serve();
    }
    return settle.promise;
  }

  /** A port has become free: the lines that may use it are served. */
  freed(port: number, protocols: readonly Protocol[]): void {
    for (const line of this.#lines.values()) {
      if (line.mayUse(port, protocols) || line.waiting.some(({ isLater }) => isLater)) line.isDue = true;
    }
    this.#serve();
  }

  /** Anything may have become free: all lines are served. */
  retry(): void {
    for (const line of this.#lines.values()) line.isDue = true;
    this.#serve();
  }

  /** Sends away whoever waits: the daemon stops. */
  close(): void {
    const message = "Cannot grant a port: portd stops, and cannot wait for one to become free";
    this.#closed = new PortdError("shutting_down", message, { retryAfter: 5 });
    for (const line of [...this.#lines.values()]) {
      for (const waiting of [...line.waiting]) {
        this.#remove(waiting, line);
        waiting.end(this.#closed);
      }
    }
  }

  /** Puts a request at the end of its line. */
  #add(waiting: Waiting, request: GrantRequest, signal: AbortSignal | undefined): void {
    const name = lineOf(request);
    const line = this.#lines.get(name) ?? { name, mayUse: this.#usableBy(request), waiting: [], isDue: false };
    const abort = () => {
      this.#remove(waiting, line);
      waiting.end(signal?.reason);
    };
    const cancel = waiting.isLast ? () => {} : this.#clock.after(request.waitMs, () => {
      waiting.isLast = true;
      line.isDue = true;
      this.#serve();
    });
    signal?.addEventListener("abort", abort);
    waiting.stop = () => {
      cancel();
      signal?.removeEventListener("abort", abort);
    };
    line.waiting.push(waiting);
    this.#lines.set(name, line);
    this.#size++;
  }

  #remove(waiting: Waiting, line: Line): void {
    line.waiting.splice(line.waiting.indexOf(waiting), 1);
    if (line.waiting.length === 0) this.#lines.delete(line.name);
    this.#size--;
    waiting.stop();
  }

  #serve(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    this.#serveSome();
  }

  /** Serves the lines that are due, a few attempts in each turn of the event loop. */
  #serveSome(): void {
    let attempts = ATTEMPTS_A_TURN;
    for (let line = this.#due(); line !== undefined; line = this.#due()) {
      if (attempts <= 0) {
        this.#clock.after(0, () => this.#serveSome());
        return;
      }
      attempts = this.#serveLine(line, attempts);
    }
    this.#isServing = false;
  }

  #due(): Line | undefined {
    for (const line of this.#lines.values()) if (line.isDue) return line;
  }

  /**
   * Once one request was refused, only those follow that are new or whose last attempt is due: what they get is of no use
   * to those before them.
   *
   * @returns the attempts that are left.
   */
  #serveLine(line: Line, attempts: number): number {
    line.isDue = false;
    let isBlocked = false;
    for (const waiting of [...line.waiting]) {
      if (isBlocked && !waiting.isLast && !waiting.isNew) continue;
      if (attempts-- <= 0) {
        line.isDue = true; // goes on in the next turn
        return 0;
      }
      if (waiting.tryOnce()) {
        this.#remove(waiting, line);
      } else if (!waiting.isLater) {
        isBlocked = true;
        if (!waiting.isLast) continue;
        this.#remove(waiting, line);
        waiting.refuse(line.waiting.length);
      }
    }
    return attempts;
  }

  #usableBy(request: GrantRequest): Line["mayUse"] {
    const wishes = request.wishes.filter((wish, i, all) => i === 0 || !isAlike(wish, all[i - 1]!));
    return (port, protocols) =>
      wishes.some((wish) => {
        if (wish.pool === "os") return true;
        if (!wish.protocols.some((protocol) => protocols.includes(protocol))) return false;
        const { range } = wish;
        return range === undefined ? this.#isMember(port) : port >= range.first && port <= range.last;
      });
  }
}

/** An attempt that throws has decided too: its error answers the request. */
function tried<T>(attempt: () => Attempt<T>): Attempt<T> {
  try {
    return attempt();
  } catch (error) {
    return { granted: Promise.reject(error) };
  }
}

function tooMany(): PortdError {
  const message = `Cannot grant a port: none is free, and ${MOST_WAITING} requests wait already`;
  return new PortdError("pool_exhausted", message, { retryAfter: 5 });
}

/** What a request waits for: where in the pool, and how much of it at once. */
function lineOf({ wishes, contiguous }: GrantRequest): string {
  const kinds: unknown[] = [contiguous];
  for (let first = 0, next = 1; next <= wishes.length; next++) {
    const wish = wishes[first]!;
    if (next < wishes.length && isAlike(wishes[next]!, wish)) continue;
    kinds.push(next - first, wish.pool, wish.protocols.toSorted(), wish.range);
    first = next;
  }
  return JSON.stringify(kinds);
}

/** Whether two wishes of a request are for the same, as far as can be seen at a glance. */
function isAlike(a: Wish, b: Wish): boolean {
  return a === b || (a.pool === b.pool && a.protocols === b.protocols && a.range === b.range);
}
