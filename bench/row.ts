/** What a row of the benchmark measures and what comes of it. This file is just the types and the verdict. */
import type { Spread } from "./statistics.ts";
import type { Tool } from "./tools.ts";
import type { Workbench } from "./workbench.ts";

/** Something to be measured, by the name under which it is asked for. */
export interface Row {
  readonly name: string;
  /** Programs without which it cannot be measured. */
  readonly tools: readonly Tool[];
  /** Measures peer and portd in turn. @throws {Error} when a figure would not mean what it says. */
  readonly measure: (bench: Workbench) => Promise<Outcome>;
}

/** What a row has found. */
export interface Outcome {
  readonly lines: readonly Line[];
  /** A table with head that helps to read the lines: where the time goes. */
  readonly details?: readonly (readonly string[])[];
  /** The same in words, one sentence each. */
  readonly notes?: readonly string[];
}

/** A figure with its unit, as it is printed behind the number: `/s`, `ms`, `MB`, `%`. */
export interface Figure extends Spread {
  readonly unit: string;
}

/** One comparison. */
export interface Line {
  readonly what: string;
  readonly portd: Figure;
  /** The peer's or the floor's figure of the same run, and what it is. */
  readonly other?: Figure & { readonly what: string };
  /** portd's figure over the other's, round by round. */
  readonly ratio?: Spread;
  readonly target?: Target;
}

/** What is wanted of the median of a line's ratio, or of portd's figure itself. */
export interface Target {
  readonly of: "ratio" | "portd";
  readonly bound: "at least" | "at most";
  readonly value: number;
}

/** How a line stands to its target. @throws {Error} when the target is for a ratio that the line lacks. */
export function verdictOf({ what, portd, ratio, target }: Line): "met" | "short" | undefined {
  if (target === undefined) return undefined;
  const judged = target.of === "portd" ? portd : ratio;
  if (judged === undefined) throw new Error(`Cannot judge "${what}": it has no ratio`);
  const isMet = target.bound === "at least" ? judged.median >= target.value : judged.median <= target.value;
  return isMet ? "met" : "short";
}
