/** `GET /activity`: what happened in the last hour. */
import type { Services } from "../src/daemon/daemon.ts";
import { checkQuery } from "./check.ts";
import type { Route } from "./guard.ts";
import { json } from "./headers.ts";
import { NoQuery } from "./schema.ts";

/** `GET /activity`. */
export function activityRoutes({ activity }: Pick<Services, "activity">): readonly Route[] {
  return [{
    method: "GET",
    path: "/activity",
    scope: "lease",
    does: "counts grants, releases and refusals of the last hour",
    handle(context) {
      checkQuery(NoQuery, context);
      return json(activity.read());
    },
  }];
}
