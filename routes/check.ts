/** Checks requests against their schemas. Every refusal names the field, its value and what would work. */
import type { Context } from "hono";
import { z } from "zod";
import { invalidField, PortdError } from "../src/errors.ts";
import { closest } from "../src/suggest.ts";

/**
 * Checks a value against a schema.
 *
 * @throws {PortdError} `invalid_request`, or `port_out_of_range` for a whole number that is not a port.
 */
export function check<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw refusal(result.error.issues[0]!, value, schema);
}

/**
 * Checks the parameters of a request.
 *
 * @throws {PortdError} `invalid_request` for one that there is not, that is given twice, or whose value cannot be used.
 */
export function checkQuery<T extends z.ZodType>(schema: T, { req }: Context): z.output<T> {
  const query: Record<string, string> = {};
  for (const [field, values] of Object.entries(req.queries())) {
    if (values.length > 1) {
      const message = `Cannot use "${field}": it is given ${values.length} times`;
      throw new PortdError("invalid_request", message, { field, value: values.join(","), expected: "one value" });
    }
    Object.defineProperty(query, field, { value: values[0], enumerable: true }); // also a field named __proto__
  }
  return check(schema, query);
}

const PORT_FIELD = /(^|\.)(port|first|last|externalPort|prefer\[\d+\])$/;

function refusal(issue: z.core.$ZodIssue, body: unknown, schema: z.ZodType): PortdError {
  if (issue.code === "unrecognized_keys") return unknownField(issue, schema);
  if (issue.code === "invalid_key") {
    return invalidField(fieldOf(issue.path), issue.path.at(-1), issue.issues[0]!.message);
  }
  const field = fieldOf(issue.path);
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null)?.[key], body);
  if (field === "") return new PortdError("invalid_request", `Cannot use the body: must be ${issue.message}`);
  const isOutOfRange = issue.code === "too_big" || issue.code === "too_small";
  if (!isOutOfRange || !PORT_FIELD.test(field)) return invalidField(field, value, issue.message);
  const message = `Cannot use "${field}": must be ${issue.message}, got ${value}`;
  return new PortdError("port_out_of_range", message, { field, value, expected: issue.message });
}

function unknownField({ keys, path }: z.core.$ZodIssueUnrecognizedKeys, schema: z.ZodType): PortdError {
  const key = keys[0]!;
  const field = fieldOf([...path, key]);
  const known = path.length === 0 && schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  const near = closest(key, known);
  const message = `Cannot use "${field}": there is no such field`;
  if (near === undefined) return new PortdError("invalid_request", message, { field });
  return new PortdError("invalid_request", `${message}; did you mean "${near}"?`, { field, expected: near });
}

/** `["services", 0, "port"]` → `services[0].port`. */
function fieldOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}
