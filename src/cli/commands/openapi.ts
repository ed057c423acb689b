/** `portd openapi`: the HTTP API as an OpenAPI document. */
import { COMMON_FLAGS, defineCommand } from "../command.ts";

export default defineCommand({
  flags: COMMON_FLAGS,
  help: `Prints the OpenAPI 3.1 document of the HTTP API: every call, its parameters, answers and errors. It is made
without a daemon; a running one answers the same at /v1/openapi.json.`,
  usage: ["", { input: "> openapi.json", brief: "as a file, for a generator of clients" }],
  async run({ loadOpenApi, process: { stdout } }) {
    stdout.write(`${JSON.stringify(await loadOpenApi(), null, 2)}\n`);
  },
});
