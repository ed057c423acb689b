/** The daemon's status, and stopping it. */
import type { Services } from "../src/daemon/daemon.ts";
import { PortdError } from "../src/errors.ts";
import { checkQuery } from "./check.ts";
import type { Route } from "./guard.ts";
import { json } from "./headers.ts";
import { NoQuery } from "./schema.ts";

/** `GET /status`, `GET /healthz`, `GET /readyz`, `POST /stop`. */
export function statusRoutes({ status, isReady, stop }: Pick<Services, "status" | "isReady" | "stop">): Route[] {
  return [
    {
      method: "GET",
      path: "/status",
      scope: "lease",
      does: "shows version, counts and warnings of the daemon",
      handle(context) {
        checkQuery(NoQuery, context);
        return json(status());
      },
    },
    {
      method: "GET",
      path: "/healthz",
      scope: "none",
      does: "answers while the daemon runs",
      handle: () => json({ status: "ok" }),
    },
    {
      method: "GET",
      path: "/readyz",
      scope: "none",
      does: "answers whether the daemon is ready",
      handle() {
        if (!isReady()) throw new PortdError("shutting_down", "Cannot serve: portd starts or stops", { retryAfter: 1 });
        return json({ status: "ready" });
      },
    },
    {
      method: "POST",
      path: "/stop",
      scope: "expose",
      does: "stops the daemon",
      handle() {
        stop();
        return json({ status: "stopping" }, 202);
      },
    },
  ];
}
