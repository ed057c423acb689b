/** The query of a request. */
import type { Context } from "hono";
import type { z } from "zod";
import { PortdError } from "../src/errors.ts";
import { check } from "./check.ts";

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
