/** The HTTP API: guard, then routes, then one mapping of errors. */
import { Hono } from "hono";
import { PortdError } from "../src/errors.ts";
import { restBodyTimer } from "./body.ts";
import { eventRoutes, type EventRoutesParts } from "./events.ts";
import { firewallRoutes, type FirewallRoutesParts } from "./firewall.ts";
import { guarded, type GuardOptions } from "./guard.ts";
import { leaseRoutes, type LeaseRoutesParts } from "./leases.ts";
import { listenerRoutes, type ListenerRoutesParts } from "./listeners.ts";
import { listRoutes, type ListRoutesParts } from "./lease_list.ts";
import { portRoutes, type PortRoutesParts } from "./ports.ts";
import { problemResponse } from "./problem.ts";
import { RefusalPace } from "./refusal_pace.ts";
import { proofRoutes, type ProofRoutesParts } from "./proof.ts";
import type { Route } from "./route.ts";
import { statusRoutes, type StatusRoutesParts } from "./status.ts";
import { transferRoutes, type TransferRoutesParts } from "./transfer.ts";

/** What all the routes together need. */
export interface AppParts
  extends
    LeaseRoutesParts,
    ListRoutesParts,
    EventRoutesParts,
    StatusRoutesParts,
    ProofRoutesParts,
    TransferRoutesParts,
    ListenerRoutesParts,
    PortRoutesParts,
    FirewallRoutesParts {
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
    ...listenerRoutes(parts),
    ...portRoutes(parts),
    ...firewallRoutes(parts),
    ...eventRoutes(parts),
    ...statusRoutes(parts),
    ...proofRoutes(parts),
    ...transferRoutes(parts),
  ];
  return [
    ...versioned.map((route) => ({ ...route, path: `/v1${route.path}` })),
    ...versioned.filter(({ path }) => ROOT_PATHS.has(path)),
  ];
}

/**
 * The application; it serves `fetch` and knows nothing of sockets.
 *
 * @param pace answers refusals that ask for another try later.
 */
export function createApp(parts: AppParts, pace = new RefusalPace(parts.clock)): Hono {
  const { guard, log } = parts;
  const app = new Hono();
  const routes = allRoutes(parts);
  // One handler a call and no middleware: Hono then calls it directly.
  for (const { method, path, scope, handle } of routes) app.on(method, path, guarded(handle, scope, guard));
  const others = withoutRoute(routes);
  app.notFound(guarded(({ req }) => others.fetch(req.raw), "lease", guard));
  parts.signal.addEventListener("abort", () => {
    restBodyTimer();
    pace.end();
  }, { once: true });
  for (const each of [app, others]) {
    each.onError((error, { req }) => {
      const problem = problemResponse(error, req.raw, log);
      return problem.headers.has("retry-after") ? pace.answer(problem) : problem;
    });
  }
  return app;
}

/** What refuses requests for which there is no route: another method of a known path, or an unknown path. */
function withoutRoute(routes: readonly Route[]): Hono {
  const app = new Hono();
  for (const path of new Set(routes.map((route) => route.path))) {
    const allow = routes.filter((route) => route.path === path).map(({ method }) => method);
    app.all(path, ({ req: { method } }) => {
      const message = `Cannot ${method} this: it takes ${allow.join(", ")}`;
      throw new PortdError("method_not_allowed", message, { value: method, allow });
    });
  }
  app.notFound(({ req }) => {
    throw new PortdError("not_found", `Cannot find ${req.path}: the API stands below /v1`, { value: req.path });
  });
  return app;
}
