/** `POST /ports/{port}/check`: whether a port can be reached, layer after layer. */
import { z } from "zod";
import { NONCE_TEXT } from "../src/checker/probe.ts";
import type { Services } from "../src/daemon/daemon.ts";
import { PortdError } from "../src/errors.ts";
import { FAMILIES } from "../src/gateway/gateway.ts";
import { PROTOCOLS } from "../src/port/port.ts";
import { ORIGINS, type ReachRequest } from "../src/reach/reach.ts";
import { checkBody } from "./body.ts";
import { check } from "./check.ts";
import { type Fields, JSON_OBJECT, oneOf, text } from "./fields.ts";
import { requireScope, type Route } from "./guard.ts";
import { json } from "./headers.ts";
import { PortParameter } from "./schema.ts";

const flag = z.boolean({ error: "true or false" });

/** Body of `POST /ports/{port}/check`. */
export const ReachBody = z.strictObject(
  {
    protocol: oneOf(PROTOCOLS).optional(),
    family: oneOf(FAMILIES).optional(),
    from: oneOf(ORIGINS).optional(),
    asks: flag.optional(),
    listen: flag.optional(),
    nonce: text(NONCE_TEXT, "32 hexadecimal digits in lower case").optional(),
  } satisfies Fields<ReachRequest>,
  JSON_OBJECT,
);

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
