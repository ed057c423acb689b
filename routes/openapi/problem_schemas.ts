/** The schemas of refusals, and an example of each: one for each code, and one that fits all of them (RFC 9457). */
import type { JsonSchema } from "../../src/client/shape.ts";
import { type ErrorCode, STATUS_OF_CODE } from "../../src/errors.ts";
import { headOf } from "../problem.ts";
import { PROBLEMS } from "./problems.ts";
import { schemaOf } from "./schemas.ts";

const CODES = Object.keys(STATUS_OF_CODE).sort() as ErrorCode[];

/** The name of a code's schema: `port_in_use` → `PortInUseProblem`. */
export function problemName(code: ErrorCode): string {
  return `${code.split("_").map((word) => word[0]!.toUpperCase() + word.slice(1)).join("")}Problem`;
}

/** All of them, by name. */
export function problemSchemas(): Record<string, JsonSchema> {
  return Object.fromEntries([["Problem", PROBLEM], ...CODES.map((code) => [problemName(code), problemSchema(code)])]);
}

/** What every problem document has. The members beside those of RFC 9457 are absent where there is nothing to say. */
const PROBLEM: JsonSchema = {
  type: "object",
  description: "A refusal: a problem document of RFC 9457 with a code that keeps its meaning",
  properties: {
    type: { type: "string", description: "`urn:portd:problem:` and the code" },
    title: { type: "string", description: "The code in words" },
    status: { type: "integer", description: "The HTTP status" },
    code: { type: "string", enum: CODES },
    detail: { type: "string", description: "A sentence for a person: what cannot be done, and why" },
    field: { type: "string", description: "The field, parameter or header at fault, such as `services[0].port`" },
    value: { description: "What was given" },
    expected: { type: "string", description: "What would work, in words" },
    port: { type: "integer", description: "The number of the port that it is about" },
    suggestion: { type: "integer", description: "A free port, to be asked for instead" },
  },
  required: ["type", "title", "status", "code", "detail"],
};

function problemSchema(code: ErrorCode): JsonSchema {
  const { when, members = {} } = PROBLEMS[code];
  const head = Object.entries(headOf(code)).map(([name, value]) => [name, { const: value }]);
  const own = Object.entries(members).map(([name, shape]) => [name, schemaOf(shape)]);
  return {
    description: when,
    allOf: [{ $ref: "#/components/schemas/Problem" }],
    type: "object",
    properties: Object.fromEntries([...head, ...own]),
    required: Object.keys(headOf(code)),
  };
}

/** A document of this code. */
export function problemExample(code: ErrorCode): object {
  const { detail, data = {} } = PROBLEMS[code];
  return { ...headOf(code), detail, ...data };
}
