/** JSON Schema (draft 2020-12, which OpenAPI 3.1 uses) of requests and answers; what has a name stands once. */
import { z } from "zod";
import type { JsonSchema } from "../../src/client/shape.ts";
import { ANSWER_COMPONENTS } from "./answer_components.ts";
import type { Component, SchemaSource } from "./operation.ts";
import { REQUEST_COMPONENTS } from "./request_components.ts";

const COMPONENTS: Readonly<Record<string, Component>> = { ...ANSWER_COMPONENTS, ...REQUEST_COMPONENTS };

/** Of a shape its schema is what stays the same. */
const NAMES: ReadonlyMap<unknown, string> = new Map(
  Object.entries(COMPONENTS).map(([name, { schema }]) => [schema instanceof z.ZodType ? schema : schema.schema, name]),
);

/** The schema of a value, with a reference for each part that has a name. */
export function schemaOf(source: SchemaSource): JsonSchema {
  return source instanceof z.ZodType
    ? referenceTo(source) ?? withoutDialect(inputSchema(source))
    : referred(source.schema) as JsonSchema;
}

/** Every schema that has a name, by its name. */
export function componentSchemas(): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(COMPONENTS).map(([name, component]) => [name, describeComponent(component)]),
  );
}

function describeComponent({ schema: source, is, words = {} }: Component): JsonSchema {
  const schema = source instanceof z.ZodType
    ? withoutDialect(inputSchema(source))
    : referredInside(source.schema) as JsonSchema;
  const properties = Object.entries((schema.properties ?? {}) as Record<string, object>).map(([name, property]) => [
    name,
    Object.hasOwn(words, name) ? { description: words[name], ...property } : property,
  ]);
  return { description: is, ...schema, ...(properties.length > 0 && { properties: Object.fromEntries(properties) }) };
}

function referenceTo(part: unknown): { readonly $ref: string } | undefined {
  const name = NAMES.get(part);
  return name === undefined ? undefined : { $ref: `#/components/schemas/${name}` };
}

function referred(part: unknown): unknown {
  return referenceTo(part) ?? referredInside(part);
}

/** The same where the whole of it has a name too. */
function referredInside(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(referred);
  if (typeof part !== "object" || part === null) return part;
  return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, referred(value)]));
}

/** The schema of what may be sent: parameters as a client has them, before they are text. */
function inputSchema(root: z.core.$ZodType): Record<string, unknown> {
  return z.toJSONSchema(root, {
    io: "input",
    target: "draft-2020-12",
    override({ zodSchema, jsonSchema }) {
      const other = (Object.is(zodSchema, root) ? undefined : referenceTo(zodSchema)) ?? checkedSchema(zodSchema);
      if (/^cidr/.test(jsonSchema.format ?? "")) delete jsonSchema.format; // no format of JSON Schema; the pattern stays
      if (other === undefined) return;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key as keyof typeof jsonSchema];
      Object.assign(jsonSchema, other);
    },
  });
}

/** Of a value that is read from text, or checked twice, the schema of what comes of it; `undefined` for any other. */
function checkedSchema(schema: z.core.$ZodType): JsonSchema | undefined {
  if (!(schema instanceof z.ZodPipe)) return undefined;
  const { in: from, out: to } = schema.def;
  if (!(to instanceof z.ZodTransform)) return withoutDialect(inputSchema(to));
  const isFlag = from instanceof z.ZodEnum && from.options.join() === "true,false";
  return isFlag ? { type: "boolean" } : undefined;
}

function withoutDialect({ $schema: _, ...schema }: Record<string, unknown>): JsonSchema {
  return schema;
}
