/** The HTTP API: guard, then routes, then one mapping of errors. */
import { type Context, Hono } from "hono";
import { routePath } from "hono/route";
import type { Services } from "../src/daemon/daemon.ts";
import { PortdError } from "../src/errors.ts";
import { restBodyTimer } from "./body.ts";
import { activityRoutes } from "./activity.ts";
import { callList, templateOf } from "./call_list.ts";
import { counted } from "./counted.ts";
import { dashboardRoutes, wantsPage } from "./dashboard/dashboard.ts";
import { dashboardSessionRoutes } from "./dashboard_sessions.ts";
import { eventRoutes } from "./events.ts";
import { firewallRoutes } from "./firewall.ts";
import { gatewayRoutes } from "./gateway.ts";
import { guarded, type Route, withTokenFile } from "./guard.ts";
import { leaseRoutes } from "./leases.ts";
import { lineRoutes } from "./line.ts";
import { listenerRoutes } from "./listeners.ts";
import { listRoutes } from "./lease_list.ts";
import { metricsRoutes } from "./metrics.ts";
import { networkRoutes } from "./network.ts";
import { openApiRoutes } from "./openapi.ts";
import { portRoutes } from "./ports.ts";
import { problemOf, respond } from "./problem.ts";
import { RefusalPace } from "./refusal_pace.ts";
import { projectSchemaRoutes } from "./project_schema.ts";
import { type Fetch, RequestLog } from "./request_log.ts";
import { proofRoutes } from "./proof.ts";
import { reachRoutes } from "./reach.ts";
import { statusRoutes } from "./status.ts";
import { transferRoutes } from "./transfer.ts";

/** Also served without `/v1`: the list of calls and its document, and what supervisors and Prometheus look for there. */
const ROOT_PATHS: ReadonlySet<string> = new Set(["", "/openapi.json", "/healthz", "/readyz", "/metrics"]);

/** Every call of the API. The dashboard is none. */
export function allRoutes(services: Services): readonly Route[] {
  const routes: Route[] = [];
  const versioned = [
    callList(routes),
    ...leaseRoutes(services),
    ...listRoutes(services),
    ...listenerRoutes(services),
    ...portRoutes(services),
    ...reachRoutes(services),
    ...firewallRoutes(services),
    ...gatewayRoutes(services),
    ...networkRoutes(services),
    ...lineRoutes(services),
    ...eventRoutes(services),
    ...statusRoutes(services),
    ...metricsRoutes(services),
    ...activityRoutes(services),
    ...proofRoutes(services),
    ...dashboardSessionRoutes(services),
    ...transferRoutes(services),
    ...projectSchemaRoutes(),
    ...openApiRoutes(),
  ];
  routes.push(
    ...versioned.map((route) => ({ ...route, path: `/v1${route.path}` })),
    ...versioned.filter(({ path }) => ROOT_PATHS.has(path)).map((route) => ({ ...route, path: route.path || "/" })),
  );
  return routes;
}

/**
 * The application; it serves `fetch` and knows nothing of sockets.
 *
 * @param pace answers refusals that ask for another try later.
 */
export function createApp(services: Services, pace = new RefusalPace(services.clock)): { readonly fetch: Fetch } {
  const { guard, log, details, signal, counts: { requests } } = services;
  const requestLog = details && new RequestLog(services, details);
  const app = new Hono();
  const dashboard = dashboardRoutes(services);
  const routes = [...allRoutes(services), ...dashboard.routes];
  // One handler a call and no middleware: Hono then calls it directly.
  for (const route of routes) {
    const { method, path } = route, handle = guarded(route, guard);
    const chosen = path === "/" ? pageOr(handle, dashboard.page) : handle;
    const template = templateOf(path), answer = counted(chosen, requests.add(method, template));
    app.on(method, path, requestLog?.noting(answer, template) ?? answer);
  }
  const others = withoutRoute(routes);
  const refuse = guarded({ handle: ({ req }) => others.fetch(req.raw), scope: "lease" }, guard);
  app.notFound(counted(refuse, requests.unmatched));
  signal.addEventListener("abort", () => {
    restBodyTimer();
    pace.end();
  }, { once: true });
  const refusal = (error: Error, { req }: Context) => {
    const problem = problemOf(withTokenFile(error, guard), req.raw, log);
    requests.refused(problem.code);
    return respond(problem);
  };
  // What has no route is answered by the other one, and counted where it is handed on.
  others.onError(refusal);
  app.onError((error, context) => {
    const answer = refusal(error, context);
    requests.find(methodOf(context), templateOf(routePath(context))).answered(answer.status);
    return answer.headers.has("retry-after") ? pace.answer(answer) : answer;
  });
  return requestLog === undefined ? app : { fetch: requestLog.over(app.fetch) };
}

/** The method of the route that answers: Hono answers `HEAD` as `GET`, without the body. */
function methodOf({ req: { method } }: Context): string {
  return method === "HEAD" ? "GET" : method;
}

/** People get the page, programs what they got before there was one. */
function pageOr(handle: Route["handle"], page: Route["handle"]): Route["handle"] {
  return async function negotiated(context) {
    if (wantsPage(context)) return await page(context);
    const response = await handle(context);
    return new Response(response.body, { status: response.status, headers: [...response.headers, ["vary", "Accept"]] });
  };
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
    throw new PortdError("not_found", `Cannot find ${req.path}: GET /v1 lists the calls`, { value: req.path });
  });
  return app;
}
