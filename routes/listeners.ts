/** `GET /listeners`: what `netstat -ano` shows, joined with leases. */
import type { Context } from "hono";
import type { Listing } from "../src/listener/listing.ts";
import { json } from "./headers.ts";
import type { Route } from "./route.ts";
import { check, ListenersQuery } from "./schema.ts";

/** What these routes read. */
export interface ListenerRoutesParts {
  readonly listing: Listing;
}

/** `GET /listeners`. */
export function listenerRoutes({ listing }: ListenerRoutesParts): readonly Route[] {
  return [{
    method: "GET",
    path: "/listeners",
    scope: "lease",
    async handle(context: Context) {
      const { connections, ...filter } = check(ListenersQuery, context.req.query());
      return json({ listeners: await listing.list({ ...filter, connections: connections === "true" }) });
    },
  }];
}
