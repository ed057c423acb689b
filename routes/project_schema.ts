/** `GET /schema/portd.json`: the JSON Schema of portd.yaml. */
import { PROJECT_FILE_SCHEMA } from "../src/project/file_schema.ts";
import { checkQuery } from "./check.ts";
import type { Route } from "./guard.ts";
import { json } from "./headers.ts";
import { NoQuery } from "./schema.ts";

/** The one route. */
export function projectSchemaRoutes(): readonly Route[] {
  return [{
    method: "GET",
    path: "/schema/portd.json",
    scope: "lease",
    does: "answers the JSON Schema of portd.yaml",
    handle(context) {
      checkQuery(NoQuery, context);
      return json(PROJECT_FILE_SCHEMA);
    },
  }];
}
