/** `GET /metrics`: what Prometheus reads. */
import type { Services } from "../src/daemon/daemon.ts";
import { checkQuery } from "./check.ts";
import type { Route } from "./guard.ts";
import { COMMON_HEADERS } from "./headers.ts";
import { NoQuery } from "./schema.ts";

/** The one route. What reads and writes metrics is loaded when it is first called: most daemons are never asked. */
export function metricsRoutes(services: Services): readonly Route[] {
  return [{
    method: "GET",
    path: "/metrics",
    scope: "lease",
    does: "answers the daemon's metrics, for Prometheus",
    async handle(context) {
      checkQuery(NoQuery, context);
      const { readFamilies }: typeof import("../src/daemon/metrics.ts") = await load("families");
      const { FORMATS, formatFor, writeMetrics }: typeof import("../src/metrics/exposition.ts") = await load("format");
      const format = formatFor(context.req.raw.headers.get("accept"));
      const headers = { ...COMMON_HEADERS, "content-type": FORMATS[format], vary: "accept" };
      return new Response(writeMetrics(readFamilies(services), format), { headers });
    },
  }];
}

/** main.ts says why the import chooses. */
function load(part: "families" | "format") {
  return import(part === "families" ? "../src/daemon/metrics.ts" : "../src/metrics/exposition.ts");
}
