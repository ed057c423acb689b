/** What the description of the API says of its calls. document.ts makes OpenAPI of it. */
import { z } from "zod";
import type { AnyShape, Shape } from "../../src/client/shape.ts";
import type { ErrorCode } from "../../src/errors.ts";
import type { Scope } from "../guard.ts";
import type { ExampleName } from "./examples.ts";

/** What says how a value must be: the schema that checks a request, or the shape by which clients check an answer. */
export type SchemaSource = z.ZodType | Pick<AnyShape, "schema">;

/** A parameter of the path, the query or the head of a request. */
export interface Parameter {
  readonly in: "path" | "query" | "header";
  readonly name: string;
  readonly schema: SchemaSource;
  /** What it means. */
  readonly does: string;
  readonly isRequired: boolean;
}

/** The body of a request; an empty one counts as `{}`. */
export interface Body {
  readonly schema: z.ZodType;
  readonly examples: readonly ExampleName[];
  /** Whether there is a member that must be there. @default false */
  readonly isRequired?: boolean;
}

/** A header of an answer. */
export interface AnswerHeader {
  readonly does: string;
  readonly schema: object;
}

/** An answer that is no refusal. */
export interface Answer {
  /** What it is, for people. */
  readonly is: string;
  /** What its JSON must be; absent where there is none. */
  readonly shape?: Pick<AnyShape, "schema">;
  /** Where it is not JSON, such as `text/event-stream`. @default `application/json` where there is a shape */
  readonly mediaType?: string;
  /** A media type in which it comes too, for whom accepts that; a text. */
  readonly alsoAs?: string;
  readonly headers?: Readonly<Record<string, AnswerHeader>>;
  readonly examples?: readonly ExampleName[];
}

/** One call. */
export interface Operation {
  /** Its `operationId`: clients name their methods after it, so it stays. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** As its route has it. */
  readonly scope: Scope;
  readonly parameters?: readonly Parameter[];
  readonly body?: Body;
  /** By status. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** The codes of its refusals beside those that the guard, the parameters and the body bring. */
  readonly errors?: readonly ErrorCode[];
}

/** The calls about one resource. */
export interface OperationGroup {
  /** The tag. */
  readonly name: string;
  readonly does: string;
  /** By method and path, as in `GET /v1/leases/{id}`. */
  readonly operations: Readonly<Record<string, Operation>>;
}

/** Words for each member. */
export type Words<T> = { readonly [Member in keyof T]-?: string };

/** A parameter of the path. */
export function pathOf(name: string, schema: SchemaSource, does: string): Parameter {
  return { in: "path", name, schema, does, isRequired: true };
}

/** The parameters of a query. @param words say what each means. */
export function queryOf<Members extends z.ZodRawShape>(
  { shape }: z.ZodObject<Members>,
  words: Words<Members>,
): readonly Parameter[] {
  return Object.entries<string>(words).map(([name, does]) => {
    const schema = shape[name] as unknown as z.ZodType;
    return { in: "query", name, schema, does, isRequired: !(schema instanceof z.ZodOptional) };
  });
}

/** A schema that has a name of its own in the document. */
export interface Component {
  readonly schema: SchemaSource;
  readonly is: string;
  /** What its members mean. */
  readonly words?: Readonly<Record<string, string>>;
}

/** An answer's part with a name. */
export function answerPart<T>(schema: Shape<T>, is: string, words?: Partial<Words<T>>): Component {
  return { schema, is, ...(words && { words: words as Readonly<Record<string, string>> }) };
}

/** A request's part with a name: each of its members has words. */
export function requestPart<Members extends z.ZodRawShape>(
  schema: z.ZodObject<Members>,
  is: string,
  words: Words<Members>,
): Component {
  return { schema, is, words: words as Readonly<Record<string, string>> };
}
