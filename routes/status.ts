/** The daemon's status, and stopping it. */
import type { DaemonStatus } from "../src/client/wire.ts";
import { PortdError } from "../src/errors.ts";
import { json } from "./headers.ts";
import { checkQuery } from "./query.ts";
import { NoQuery } from "./schema.ts";
import type { Route } from "./route.ts";

/** What these routes ask of the daemon. */
export interface StatusRoutesParts {
  /** The document of `GET /status`. */
  readonly status: () => DaemonStatus;
  /** Whether leases are loaded, holds taken and requests served. */
  readonly isReady: () => boolean;
  /** Begins the end of the daemon. */
  readonly stop: () => void;
}

/** `GET /status`, `GET /healthz`, `GET /readyz`, `POST /stop`. */
export function statusRoutes({ status, isReady, stop }: StatusRoutesParts): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/status",
      scope: "lease",
      handle(context) {
        checkQuery(NoQuery, context);
        return json(status());
      },
    },
    { method: "GET", path: "/healthz", scope: "none", handle: () => json({ status: "ok" }) },
    {
      method: "GET",
      path: "/readyz",
      scope: "none",
      handle() {
        if (!isReady()) throw new PortdError("shutting_down", "Cannot serve: portd starts or stops", { retryAfter: 1 });
        return json({ status: "ready" });
      },
    },
    {
      method: "POST",
      path: "/stop",
      scope: "expose",
      handle() {
        stop();
        return json({ status: "stopping" }, 202);
      },
    },
  ];
}
