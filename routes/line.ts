/** The line: which external ports it can have. */
import { z } from "zod";
import type { Services } from "../src/daemon/daemon.ts";
import { MOST_STUN_SERVERS, readStunServer, STUN_SERVER_EXPECTED } from "../src/line/stun/server.ts";
import { checkBody } from "./body.ts";
import { checkQuery } from "./check.ts";
import { JSON_OBJECT, listOf } from "./fields.ts";
import type { Route } from "./guard.ts";
import { json } from "./headers.ts";
import { NoQuery } from "./schema.ts";

const stunServer = z.string({ error: STUN_SERVER_EXPECTED }).transform((name, context) => {
  const server = readStunServer(name);
  if (server === undefined) context.addIssue({ code: "custom", message: STUN_SERVER_EXPECTED });
  return server ?? z.NEVER;
});
const stunServers = listOf(stunServer, {
  most: MOST_STUN_SERVERS,
  expected: `an array of 1 to ${MOST_STUN_SERVERS} STUN servers`,
});

/** Body of `POST /line/sample`. */
export const LineSampleBody = z.strictObject({ servers: stunServers.optional() }, JSON_OBJECT);

/** `GET /line`, `POST /line/sample`. */
export function lineRoutes({ line }: Pick<Services, "line">): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/line",
      scope: "lease",
      does: "shows which external ports the line can have, as far as is known",
      async handle(context) {
        checkQuery(NoQuery, context);
        return json(await line.read());
      },
    },
    {
      method: "POST",
      path: "/line/sample",
      scope: "expose",
      does: "asks STUN servers on the internet how the line changes ports",
      async handle(context) {
        const { servers } = await checkBody(LineSampleBody, context);
        return json(await line.sample(servers));
      },
    },
  ];
}
