/** `GET /openapi.json`: this API as an OpenAPI 3.1 document. */
import { checkQuery } from "./check.ts";
import type { Route } from "./guard.ts";
import { jsonText } from "./headers.ts";
import { NoQuery } from "./schema.ts";

/** The document, always the same. What makes it is loaded when it is asked for. */
export async function openApiDocument(): Promise<object> {
  const { describeApi }: typeof import("./openapi/document.ts") = await load("document");
  const { OPERATIONS }: typeof import("./openapi/operations.ts") = await load("operations");
  return describeApi(OPERATIONS);
}

/** Of an import that chooses, Deno loads only what is chosen, when it is chosen; main.ts says more. */
function load(part: "document" | "operations") {
  return import(part === "document" ? "./openapi/document.ts" : "./openapi/operations.ts");
}

/** The one route. */
export function openApiRoutes(): readonly Route[] {
  let text: Promise<string> | undefined;
  return [{
    method: "GET",
    path: "/openapi.json",
    scope: "lease",
    does: "answers this API as an OpenAPI document",
    async handle(context) {
      checkQuery(NoQuery, context);
      text ??= openApiDocument().then((document) => JSON.stringify(document));
      return jsonText(await text, 200);
    },
  }];
}
