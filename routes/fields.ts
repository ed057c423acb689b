/** The kinds of fields that the schemas of requests are made of, each with what it expects in words. */
import { z } from "zod";
import { describeChoices } from "../src/errors.ts";

const YEAR_MS = 31_536_000_000;

/** A schema for each field of a type: a field that only one of the two has is an error of the compiler. */
export type Fields<T> = { readonly [Field in keyof T]-?: z.ZodType<T[Field]> };

/** What is expected of a body. */
export const JSON_OBJECT = { error: "a JSON object" };

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number, expected = `a whole number from ${least} to ${most}`) {
  return z.int({ error: expected }).min(least, { error: expected }).max(most, { error: expected });
}

/** Milliseconds. @param most is a year by default. */
export function durationMs(least: number, most = YEAR_MS) {
  return wholeNumber(least, most, `a whole number of milliseconds from ${least} to ${most}`);
}

/** A text of this pattern. */
export function text(pattern: RegExp, expected: string) {
  return z.string({ error: expected }).regex(pattern, { error: expected });
}

/** One of these texts. */
export function oneOf<const Values extends readonly string[]>(values: Values, expected = describeChoices(values)) {
  return z.enum(values, { error: expected });
}

/** An array of `least` to `most` items. @param expected is for one that is too short or too long. */
export function listOf<Item extends z.ZodType>(
  item: Item,
  { least = 1, most, expected, kind = expected }: {
    readonly least?: number;
    readonly most: number;
    readonly expected: string;
    /** For what is not an array. */
    readonly kind?: string;
  },
) {
  return z.array(item, { error: kind }).min(least, { error: expected }).max(most, { error: expected });
}
