/**
 * Requests that wait for a port, in one queue for each thing that can be waited for: a request for a port of a full range
 * does not delay a request for any port.
 */
import type { Clock } from "../clock.ts";
import { PortdError } from "../errors.ts";
import { contains, type Protocol } from "../port/port.ts";
import type { GrantRequest, Wish } from "./wish.ts";

/** How many requests may wait, in all queues together. */
const MOST_WAITING = 1000;
/** How many attempts are made in one turn of the event loop; one takes up to a millisecond. */
const ATTEMPTS_A_TURN = 8;

/**
 * The result of an attempt. It is decided when the attempt returns: nothing is awaited before.
 *
 * - `granted`: the ports are taken; the promise resolves when that is on disk, and only it answers the request.
 * - `refused`: there are no such ports; the function makes the error, from the number of others that wait for the same.
 * - `later`: a lease whose name is asked for is ending.
 */
export type Attempt<T> =
  | { readonly granted: Promise<T> }
  | { readonly refused: (waiting: number) => Promise<Error> }
  | "later";

/** Options of {@linkcode WaitQueue.enter}. */
export interface EnterOptions {
  readonly request: GrantRequest;
  /** Whether the request takes nothing that others wait for. */
  readonly mayOvertake: boolean;
  /** Takes the request out of its queue. */
  readonly signal?: AbortSignal | undefined;
}

/** The requests that wait for the same. */
interface Queue {
  readonly key: string;
  readonly mayUse: (port: number, protocols: readonly Protocol[]) => boolean;
  /** In the order of arrival. */
  readonly waiting: Waiting[];
  /** Whether something may have become free since the first one was refused. */
  isDue: boolean;
}

/** A request in a queue. */
class Waiting {
  /** Whether the next attempt is the last one: the request does not wait, or its time is up. */
  isLast: boolean;
  /** Whether no attempt has been made yet. */
  isNew = true;
  /** Called when the request leaves its queue. */
  stop = () => {};
  /** Whether a lease whose name is asked for was ending at the last attempt. */
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

  /** Takes the result of an attempt. @returns whether it answers the request. */
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

/** Serves each queue in the order of arrival: no request overtakes one that wants the same and came before. */
export class WaitQueue {
  readonly #clock: Clock;
  readonly #isMember: (port: number) => boolean;
  readonly #queues = new Map<string, Queue>();
  #size = 0;
  #isServing = false;
  #closed: PortdError | undefined;

  /** @param isMember says whether a port belongs to the pool. */
  constructor(clock: Clock, isMember: (port: number) => boolean) {
    this.#clock = clock;
    this.#isMember = isMember;
  }

  /** How many requests wait. */
  get size(): number {
    return this.#size;
  }

  /**
   * Makes an attempt at once. If requests that want the same came before, the first of them makes an attempt before. If
   * the attempt is refused and the request waits, more attempts follow when its turn comes.
   *
   * @throws what the attempt throws or `granted` rejects with; the refusal when the time is up; the signal's reason;
   * `shutting_down` after {@linkcode WaitQueue.close}.
   */
  enter<T>(attempt: () => Attempt<T>, { request, mayOvertake, signal }: EnterOptions): Promise<T> {
    const { waitMs } = request;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#closed !== undefined && waitMs > 0) return Promise.reject(this.#closed);
    const queue = mayOvertake || this.#queues.size === 0 ? undefined : this.#queues.get(queueKey(request));
    const outcome = queue === undefined ? tried(attempt) : undefined;
    if (outcome !== undefined && outcome !== "later") {
      if ("granted" in outcome) return outcome.granted;
      if (waitMs === 0) return outcome.refused(0).then((error) => Promise.reject(error));
    }
    const settle = Promise.withResolvers<T>();
    const waiting = new Waiting(attempt, settle as PromiseWithResolvers<unknown>, waitMs === 0);
    if (outcome !== undefined) waiting.note(outcome);
    if (this.#size >= MOST_WAITING && !waiting.isLast) waiting.end(tooMany());
    else this.#add(waiting, request, signal);
    if (queue !== undefined) {
      queue.isDue = true; // the first in the queue makes another attempt before this one
      this.#serve();
    }
    return settle.promise;
  }

  /** A port has become free: the queues that may use it are served. */
  freed(port: number, protocols: readonly Protocol[]): void {
    for (const queue of this.#queues.values()) {
      if (queue.mayUse(port, protocols) || queue.waiting.some(({ isLater }) => isLater)) queue.isDue = true;
    }
    this.#serve();
  }

  /** Anything may have become free: all queues are served. */
  retry(): void {
    for (const queue of this.#queues.values()) queue.isDue = true;
    this.#serve();
  }

  /** Refuses all requests that wait, now and later: the daemon stops. */
  close(): void {
    const message = "Cannot wait for a port to become free: portd stops";
    this.#closed = new PortdError("shutting_down", message, { retryAfter: 5 });
    for (const queue of [...this.#queues.values()]) {
      for (const waiting of [...queue.waiting]) {
        this.#remove(waiting, queue);
        waiting.end(this.#closed);
      }
    }
  }

  /** Puts a request at the end of its queue. */
  #add(waiting: Waiting, request: GrantRequest, signal: AbortSignal | undefined): void {
    const key = queueKey(request);
    const queue = this.#queues.get(key) ?? { key, mayUse: this.#usableBy(request), waiting: [], isDue: false };
    const abort = () => {
      this.#remove(waiting, queue);
      waiting.end(signal?.reason);
    };
    const cancel = waiting.isLast ? () => {} : this.#clock.after(request.waitMs, () => {
      waiting.isLast = true;
      queue.isDue = true;
      this.#serve();
    });
    signal?.addEventListener("abort", abort);
    waiting.stop = () => {
      cancel();
      signal?.removeEventListener("abort", abort);
    };
    queue.waiting.push(waiting);
    this.#queues.set(key, queue);
    this.#size++;
  }

  #remove(waiting: Waiting, queue: Queue): void {
    queue.waiting.splice(queue.waiting.indexOf(waiting), 1);
    if (queue.waiting.length === 0) this.#queues.delete(queue.key);
    this.#size--;
    waiting.stop();
  }

  #serve(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    this.#serveSome();
  }

  /** Serves the queues that are due, a few attempts in each turn of the event loop. */
  #serveSome(): void {
    let attempts = ATTEMPTS_A_TURN;
    for (let queue = this.#due(); queue !== undefined; queue = this.#due()) {
      if (attempts <= 0) {
        this.#clock.after(0, () => this.#serveSome());
        return;
      }
      attempts = this.#serveQueue(queue, attempts);
    }
    this.#isServing = false;
  }

  #due(): Queue | undefined {
    for (const queue of this.#queues.values()) if (queue.isDue) return queue;
  }

  /**
   * When one request was refused, only those after it are tried that are new or whose last attempt is due: what they get
   * is of no use to those before them.
   *
   * @returns how many attempts are left.
   */
  #serveQueue(queue: Queue, attempts: number): number {
    queue.isDue = false;
    let isBlocked = false;
    for (const waiting of [...queue.waiting]) {
      if (isBlocked && !waiting.isLast && !waiting.isNew) continue;
      if (attempts-- <= 0) {
        queue.isDue = true; // goes on in the next turn
        return 0;
      }
      if (waiting.tryOnce()) {
        this.#remove(waiting, queue);
      } else if (!waiting.isLater) {
        isBlocked = true;
        if (!waiting.isLast) continue;
        this.#remove(waiting, queue);
        waiting.refuse(queue.waiting.length);
      }
    }
    return attempts;
  }

  #usableBy(request: GrantRequest): Queue["mayUse"] {
    const wishes = request.wishes.filter((wish, i, all) => i === 0 || !isAlike(wish, all[i - 1]!));
    return (port, protocols) =>
      wishes.some((wish) => {
        if (wish.pool === "os") return true;
        if (!wish.protocols.some((protocol) => protocols.includes(protocol))) return false;
        const { range } = wish;
        return range === undefined ? this.#isMember(port) : contains(range, port);
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

/** What a request waits for, as text: where in the pool, and how many ports. */
function queueKey({ wishes, contiguous }: GrantRequest): string {
  const kinds: unknown[] = [contiguous];
  for (let first = 0, next = 1; next <= wishes.length; next++) {
    const wish = wishes[first]!;
    if (next < wishes.length && isAlike(wishes[next]!, wish)) continue;
    kinds.push(next - first, wish.pool, wish.protocols.toSorted(), wish.range);
    first = next;
  }
  return JSON.stringify(kinds);
}

/** Whether two wishes of a request are for the same: a quick check that may miss some. */
function isAlike(a: Wish, b: Wish): boolean {
  return a === b || (a.pool === b.pool && a.protocols === b.protocols && a.range === b.range);
}
