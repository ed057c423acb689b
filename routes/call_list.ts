/** `GET /v1`, also served as `GET /`: the calls of the API, for whoever has only the address. */
import { VERSION } from "../src/version.ts";
import { checkQuery } from "./check.ts";
import type { Route } from "./guard.ts";
import { json } from "./headers.ts";
import { NoQuery } from "./schema.ts";

/** @param routes are listed when they are asked for: this one is among them. */
export function callList(routes: readonly Route[]): Route {
  return {
    method: "GET",
    path: "",
    scope: "lease",
    does: "lists the calls",
    handle(context) {
      checkQuery(NoQuery, context);
      const calls = routes.map(({ method, path, scope, does }) => ({ method, path: templateOf(path), scope, does }));
      return json({ name: "portd", version: VERSION, calls });
    },
  };
}

/** `/leases/:id` → `/leases/{id}`. */
export function templateOf(path: string): string {
  return path.replaceAll(/:(\w+)/g, "{$1}");
}
