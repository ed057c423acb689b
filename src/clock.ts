import { startTimer } from "./wait.ts";

/** Time as portd needs it; passed in, so that tests can step it. */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970; may jump. */
  now(): number;
  /** Milliseconds since the machine booted; never goes back, and goes on over a restart of the daemon. */
  monotonic(): number;
  /** Calls back once after `ms`; the returned function calls it off. */
  after(ms: number, callback: () => void): () => void;
}

/** A clock without the wall-clock time. */
export type Timer = Pick<Clock, "monotonic" | "after">;

/** The machine's own clock. The uptime is read once, in whole seconds; from there on the process's timer counts. */
export function systemClock(): Clock {
  const origin = Deno.osUptime() * 1000 - performance.now();
  return { now: () => Date.now(), monotonic: () => origin + performance.now(), after: startTimer };
}

/** Wall-clock milliseconds as an ISO instant in UTC. */
export function isoInstant(ms: number): string {
  return new Date(ms).toISOString();
}
