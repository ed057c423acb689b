/** The HTTP API: guard, then routes, then one mapping of errors. */
import { Hono } from "hono";
import { PortdError } from "../src/errors.ts";
import { eventRoutes, type EventRoutesParts } from "./events.ts";
import { guardCall, guardCaller, type GuardOptions } from "./guard.ts";
import { leaseRoutes, type LeaseRoutesParts } from "./leases.ts";
import { listRoutes, type ListRoutesParts } from "./lease_list.ts";
import { problemResponse } from "./problem.ts";
import type { Route } from "./route.ts";
import { statusRoutes, type StatusRoutesParts } from "./status.ts";
import { transferRoutes, type TransferRoutesParts } from "./transfer.ts";

/** What all the routes together need. */
export interface AppParts
  extends LeaseRoutesParts, ListRoutesParts, EventRoutesParts, StatusRoutesParts, TransferRoutesParts {
  readonly guard: GuardOptions;
  /** Told of faults of portd itself. */
  readonly log: (line: string) => void;
}

/** Probes that are also served without `/v1`, where supervisors look for them. */
const ROOT_PATHS: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

/** Every call of the API. */
export function allRoutes(parts: AppParts): readonly Route[] {
  const versioned = [
    ...leaseRoutes(parts),
    ...listRoutes(parts),
    ...eventRoutes(parts),
    ...statusRoutes(parts),
    ...transferRoutes(parts),
  ];
  return [
    ...versioned.map((route) => ({ ...route, path: `/v1${route.path}` })),
    ...versioned.filter(({ path }) => ROOT_PATHS.has(path)),
  ];
}

/** The application; it serves `fetch` and knows nothing of sockets. */
export function createApp(parts: AppParts): Hono {
  const app = new Hono();
  const routes = allRoutes(parts);
  app.use(guardCaller(parts.guard));
  for (const { method, path, scope, handle } of routes) {
    app.on(method, path, guardCall(scope, parts.guard), handle);
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    app.all(path, (context) => refuseMethod(context.req.method, path, routes));
  }
  app.notFound(({ req }) => {
    throw new PortdError("not_found", `Cannot find ${req.path}: the API stands below /v1`, { value: req.path });
  });
  app.onError((error) => problemResponse(error, parts.log));
  return app;
}

function refuseMethod(method: string, path: string, routes: readonly Route[]): never {
  const allow = routes.filter((route) => route.path === path).map((route) => route.method);
  const message = `Cannot ${method} this: it takes ${allow.join(", ")}`;
  throw new PortdError("method_not_allowed", message, { value: method, allow });
}
