/** `GET /ports/{port}`: the description of one port. */
import type { Services } from "../src/daemon/daemon.ts";
import { check, checkQuery } from "./check.ts";
import type { Route } from "./guard.ts";
import { json } from "./headers.ts";
import { AnyPortParameter, NoQuery } from "./schema.ts";

export function portRoutes({ ports, port: apiPort }: Pick<Services, "ports" | "port">): readonly Route[] {
  return [{
    method: "GET",
    path: "/ports/:port",
    scope: "lease",
    does: "describes one port",
    async handle(context) {
      checkQuery(NoQuery, context);
      const { port } = check(AnyPortParameter, { port: context.req.param("port") });
      return json(await ports.describe(port, apiPort));
    },
  }];
}
