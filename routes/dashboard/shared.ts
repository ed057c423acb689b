/** One answer for all who ask at about the same time: a hundred dashboards cost no more than one. */
import type { Clock } from "../../src/clock.ts";

/** Options of {@linkcode shared}. */
export interface SharedOptions {
  readonly clock: Pick<Clock, "monotonic">;
  /** For how long an answer is given to others, in milliseconds. */
  readonly keepMs: number;
}

/** The same function, called once at a time, and not again before its answer is too old. A failure is not kept. */
export function shared<Answer>(make: () => Promise<Answer>, { clock, keepMs }: SharedOptions): () => Promise<Answer> {
  let last: { readonly answer: Promise<Answer>; madeAt: number } | undefined;
  return async () => {
    if (last !== undefined && clock.monotonic() - last.madeAt < keepMs) return await last.answer;
    const made = last = { answer: make(), madeAt: Infinity };
    try {
      return await made.answer;
    } catch (error) {
      if (last === made) last = undefined;
      throw error;
    } finally {
      made.madeAt = clock.monotonic();
    }
  };
}
