/** `portd openapi`: the HTTP API as an OpenAPI document. */
import { defineCommand } from "../command.ts";
import { writeJson } from "../terminal.ts";

/** The members of an OpenAPI document that there are. */
const FIELDS = ["openapi", "info", "jsonSchemaDialect", "servers", "tags", "paths", "components"] as const;

export default defineCommand({
  answer: { fields: FIELDS },
  help: `Prints the OpenAPI 3.1 document of the HTTP API: every call, its parameters, answers and errors. It is made
without a daemon; a running one answers the same at /v1/openapi.json.`,
  usage: [
    "[--json FIELD,FIELD]",
    { input: "> openapi.json", brief: "as a file, for a generator of clients" },
    { input: "--json paths", brief: "the calls alone" },
  ],
  async run({ loadOpenApi, process: { stdout } }) {
    writeJson(stdout, await loadOpenApi(), 2);
  },
});
