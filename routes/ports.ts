/** `GET /ports/{n}`: all about one port. */
import type { Context } from "hono";
import type { PortDescriber } from "../src/inspect/describe.ts";
import { check } from "./check.ts";
import { json } from "./headers.ts";
import { checkQuery } from "./query.ts";
import type { Route } from "./route.ts";
import { AnyPortParameter, NoQuery } from "./schema.ts";

/** What these routes read. */
export interface PortRoutesParts {
  readonly ports: PortDescriber;
}

/** `GET /ports/{n}`. */
export function portRoutes({ ports }: PortRoutesParts): readonly Route[] {
  return [{
    method: "GET",
    path: "/ports/:port",
    scope: "lease",
    async handle(context: Context) {
      checkQuery(NoQuery, context);
      const { port } = check(AnyPortParameter, { port: context.req.param("port") });
      return json(await ports.describe(port));
    },
  }];
}
