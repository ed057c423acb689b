/** The router: what it is, and the mappings that leases want. */
import type { Services } from "../src/daemon/daemon.ts";
import { checkBody } from "./body.ts";
import { checkQuery } from "./check.ts";
import type { Route } from "./guard.ts";
import { json } from "./headers.ts";
import { NoBody, NoQuery } from "./schema.ts";

/** `GET /gateway`, `POST /gateway/sync`. */
export function gatewayRoutes({ mapper }: Pick<Services, "mapper">): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/gateway",
      scope: "lease",
      does: "shows the router and its mappings",
      handle(context) {
        checkQuery(NoQuery, context);
        return json(mapper.status());
      },
    },
    {
      method: "POST",
      path: "/gateway/sync",
      scope: "expose",
      does: "makes the router's mappings those that are wanted",
      async handle(context) {
        await checkBody(NoBody, context);
        return json(await mapper.sync());
      },
    },
  ];
}
