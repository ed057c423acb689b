/** What commands print with `--json`, and choosing fields of it: `--json name,port`. Pure. */
import type { Lease } from "../lease/lease.ts";
import { closest } from "../suggest.ts";
import { UsageError } from "./exit.ts";

/** The fields of an answer. */
export interface Answer {
  /** All of them; what an answer does not have is null where it is chosen. None: they differ from answer to answer. */
  readonly fields: readonly string[];
  /** The member with a list of things that have the fields; without it the answer itself has them. */
  readonly list?: string;
}

type NamesOf<T> = T extends unknown ? keyof T & string : never;

/** The names of a type's members, in this order. The compiler refuses one that is missing, and one that is not there. */
export function fieldsOf<T>(members: { readonly [Name in NamesOf<T>]: true }): readonly string[] {
  return Object.keys(members);
}

/** An object with these members and no others. */
export type Having<Fields extends readonly string[]> = { readonly [Name in Fields[number]]: unknown };

/** Those of a lease. */
export const LEASE_FIELDS = fieldsOf<Lease>({
  id: true,
  name: true,
  project: true,
  port: true,
  protocols: true,
  state: true,
  holder: true,
  lifetime: true,
  hold: true,
  labels: true,
  exposure: true,
  listener: true,
  grantedAt: true,
  renewedAt: true,
  expiresAt: true,
  endedAt: true,
});

/** Those of a service's address: of `portd url`, and of `portd run --if-running attach`. */
export const ADDRESS_FIELDS = ["url", "lease"] as const;

/** Fields of a command's answer that were chosen. */
export interface Choice {
  readonly fields: readonly string[];
  readonly answer: Answer;
  /** The command, like `portd ls`. */
  readonly name: string;
}

/**
 * What is printed of an answer: the chosen fields, in their order.
 *
 * @throws {UsageError} for one that an answer without fixed fields does not have.
 */
export function choose(value: unknown, { fields, answer, name }: Choice): unknown {
  const pick = (thing: unknown) => {
    const members = thing as Readonly<Record<string, unknown>>;
    const unknown = answer.fields.length > 0 ? undefined : fields.find((field) => !Object.hasOwn(members, field));
    if (unknown !== undefined) throw unknownField(unknown, Object.keys(members), name);
    return Object.fromEntries(fields.map((field) => [field, Object.hasOwn(members, field) ? members[field] : null]));
  };
  if (Array.isArray(value)) return value.map(pick);
  const { list } = answer;
  const things = list === undefined ? undefined : (value as Readonly<Record<string, unknown>>)[list];
  return Array.isArray(things) ? { [list!]: things.map(pick) } : pick(value);
}

/** The refusal of a word that is no field: it has the nearest one, and all. */
export function unknownField(word: string, fields: readonly string[], name: string): UsageError {
  const text = `Cannot use ${JSON.stringify(word)} for --json`, near = word === "" ? undefined : closest(word, fields);
  const advice = near === undefined ? ";" : `; did you mean ${near}?`;
  return new UsageError(`${text}: there is no such field${advice} ${name} has ${fields.join(", ") || "none"}`);
}
