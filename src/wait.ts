/**
 * Waiting: a pause, a limit, and trying again. Whatever takes a signal ends as soon as that is aborted. This file
 * imports nothing, so that a command that ends within milliseconds can load it, and uses nothing that Node 20 has not, as
 * clients load it there. Durations are in milliseconds.
 */

/** Resolves after a duration, however long. @throws the signal's reason as soon as the signal is aborted. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  let stop = () => {};
  const end = new Promise<void>((resolve) => stop = startTimer(ms, resolve));
  try {
    await abortable(end, signal);
  } finally {
    stop();
  }
}

/** What a promise resolves to. @throws the signal's reason as soon as the signal is aborted. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => onAbort = () => reject(signal.reason));
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** What a promise resolves to; `undefined` when it has not resolved after a duration. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let stop = () => {};
  const late = new Promise<undefined>((resolve) => stop = startTimer(ms, () => resolve(undefined)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop();
  }
}

/** The pauses between attempts: each is twice as long as the one before. */
export interface Pauses {
  /** The first one. */
  readonly pauseMs: number;
  /** None is longer. @default pauseMs: all are equally long */
  readonly longestPauseMs?: number;
}

/** The pause after so many attempts, 1 or more. */
export function pauseAfter(attempts: number, { pauseMs, longestPauseMs = pauseMs }: Pauses): number {
  return Math.min(pauseMs * 2 ** (attempts - 1), longestPauseMs);
}

/** Options of {@linkcode retryUntil}. */
export interface RetryUntilOptions extends Pauses {
  /** Gives up after this time, with one last attempt at its end. @default never */
  readonly limitMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Attempts something until that gives a value.
 *
 * @param attempt gives `undefined` or `false` where it is to be called again after a pause.
 * @returns the value; `undefined` when none came within the limit.
 * @throws what an attempt throws, and the signal's reason.
 */
export async function retryUntil<T>(
  attempt: () => T | undefined | false | Promise<T | undefined | false>,
  { limitMs = Infinity, signal, ...pauses }: RetryUntilOptions,
): Promise<T | undefined> {
  const deadline = performance.now() + limitMs;
  for (let attempts = 1;; attempts++) {
    const value = await abortable(Promise.resolve(attempt()), signal) as T | undefined | false;
    if (value !== undefined && value !== false) return value;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return undefined;
    await pause(Math.min(pauseAfter(attempts, pauses), leftMs), signal);
  }
}

/** Options of {@linkcode retry}. */
export interface RetryOptions extends Pauses {
  readonly mostAttempts: number;
  /** Whether the next attempt may succeed after this error. */
  readonly mayPass: (error: unknown) => boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Attempts something until that does not fail. @throws what the last attempt threw, and the signal's reason. */
export async function retry<T>(
  attempt: () => Promise<T>,
  { mostAttempts, mayPass, signal, ...pauses }: RetryOptions,
): Promise<T> {
  for (let attempts = 1;; attempts++) {
    try {
      return await abortable(attempt(), signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (attempts >= mostAttempts || !mayPass(error)) throw error;
    }
    await pause(pauseAfter(attempts, pauses), signal);
  }
}

/** The longest timer of JavaScript, 24.8 days; a longer one goes off at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Calls back once after so many milliseconds. @returns what stops it. */
export type SetTimer = (onEnd: () => void, ms: number) => () => void;

/**
 * Calls back once after a duration, however long.
 *
 * @param setTimer is asked for no timer that is longer than JavaScript has.
 * @returns what stops it.
 */
export function startTimer(ms: number, onEnd: () => void, setTimer: SetTimer = setSystemTimer): () => void {
  let leftMs = ms;
  let stop = () => {};
  const arm = () => {
    const partMs = Math.min(leftMs, LONGEST_TIMER_MS);
    leftMs -= partMs;
    stop = setTimer(leftMs === 0 ? onEnd : arm, partMs);
  };
  arm();
  return () => stop();
}

function setSystemTimer(onEnd: () => void, ms: number): () => void {
  const timer = setTimeout(onEnd, ms);
  return () => clearTimeout(timer);
}
