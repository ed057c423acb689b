/** `POST /ports/{port}/check`: whether a port can be reached, layer after layer. */
import type { Services } from "../src/daemon/daemon.ts";
import { PortdError } from "../src/errors.ts";
import { checkBody } from "./body.ts";
import { check } from "./check.ts";
import { requireScope, type Route } from "./guard.ts";
import { json } from "./headers.ts";
import { PortParameter, ReachBody } from "./schema.ts";

/** `POST /ports/{port}/check`. */
export function reachRoutes({ reach, guard }: Pick<Services, "reach" | "guard">): readonly Route[] {
  return [{
    method: "POST",
    path: "/ports/:port/check",
    scope: "lease",
    does: "says what keeps others from one port",
    async handle(context) {
      const { port } = check(PortParameter, { port: context.req.param("port") });
      const request = await checkBody(ReachBody, context);
      const { asks = false, listen = false, nonce } = request;
      if (listen && nonce !== undefined) {
        const message = 'Cannot use "listen" together with "nonce": either the daemon listens, or you do';
        throw new PortdError("invalid_request", message, { field: "listen" });
      }
      if (asks || listen || nonce !== undefined) requireScope(context.req.raw, "expose", guard);
      return json(await reach.check(port, request));
    },
  }];
}
