/** `GET /ports/map` and `GET /ports/{port}`: all ports at a glance, and everything about one. */
import type { Services } from "../src/daemon/daemon.ts";
import { check, checkQuery } from "./check.ts";
import type { Route } from "./guard.ts";
import { json } from "./headers.ts";
import { AnyPortParameter, NoQuery } from "./schema.ts";

/** `GET /ports/map`, `GET /ports/{port}`. */
export function portRoutes(
  { ports, portMap, port: apiPort }: Pick<Services, "ports" | "portMap" | "port">,
): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/ports/map",
      scope: "lease",
      does: "shows the state of every port",
      async handle(context) {
        checkQuery(NoQuery, context);
        return json(await portMap.read());
      },
    },
    {
      method: "GET",
      path: "/ports/:port",
      scope: "lease",
      does: "describes one port",
      async handle(context) {
        checkQuery(NoQuery, context);
        const { port } = check(AnyPortParameter, { port: context.req.param("port") });
        return json(await ports.describe(port, apiPort));
      },
    },
  ];
}
