/** The JSON Schema of portd.yaml, for editors. project_file.ts reads the file; a test compares the keys of both. */
import { HOLD_KINDS } from "../hold/hold.ts";
import { FRAMEWORK_NAMES } from "./frameworks.ts";
import { HIGHEST_PORT, PROTOCOLS } from "../port/port.ts";

const PORT = { type: "integer", minimum: 1, maximum: HIGHEST_PORT } as const;
const VARIABLE = "^[A-Za-z_][A-Za-z0-9_]*$", SERVICE = "^[A-Za-z0-9._+@-]{1,64}$";

/** JSON Schema, draft 2020-12. */
export const PROJECT_FILE_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "portd.yaml",
  description: "The services of a project, and the variables that follow from their ports",
  type: "object",
  required: ["services"],
  additionalProperties: false,
  properties: {
    services: {
      description: "A port for each service, in every working copy",
      type: "object",
      minProperties: 1,
      propertyNames: { pattern: SERVICE },
      additionalProperties: {
        type: ["object", "null"],
        additionalProperties: false,
        properties: {
          env: { description: "The variable for the port; <NAME>_PORT by default", type: "string", pattern: VARIABLE },
          port: { description: "This port and no other", ...PORT },
          prefer: {
            description: "Ports to try before the pool, in the main copy",
            oneOf: [PORT, { type: "array", items: PORT, minItems: 1, maxItems: 32 }],
          },
          range: {
            description: "A port of this range, like 3000-3999",
            type: "string",
            pattern: "^\\d{1,5}-\\d{1,5}$",
          },
          protocols: { type: "array", items: { enum: PROTOCOLS }, minItems: 1, uniqueItems: true },
          hold: { description: "none: for a server without SO_REUSEADDR", enum: HOLD_KINDS },
          framework: {
            description: "The dev server that serves it, where portd run does not see it",
            enum: FRAMEWORK_NAMES,
          },
          url: { description: "Its address, with {host}, {port} and {port:NAME}", type: "string" },
        },
      },
    },
    values: {
      description: "More variables, with {port:NAME}, {url:NAME}, {project}, {branch} and {slot}",
      type: "object",
      maxProperties: 256,
      propertyNames: { pattern: VARIABLE },
      additionalProperties: { type: ["string", "number", "boolean"] },
    },
    share: {
      description: "Services that all working copies have of the main one",
      type: "array",
      items: { type: "string", pattern: SERVICE },
    },
  },
} as const;
