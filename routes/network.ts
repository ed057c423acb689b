/** `GET /network`: the adapters of this machine. */
import type { Services } from "../src/daemon/daemon.ts";
import { checkQuery } from "./check.ts";
import type { Route } from "./guard.ts";
import { json } from "./headers.ts";
import { NoQuery } from "./schema.ts";

/** `GET /network`. It says what `ip addr` and `ipconfig` say to every user of the machine. */
export function networkRoutes({ network }: Pick<Services, "network">): readonly Route[] {
  return [{
    method: "GET",
    path: "/network",
    scope: "lease",
    does: "shows the adapters, their addresses, and the way to the internet",
    async handle(context) {
      checkQuery(NoQuery, context);
      return json(await network.read());
    },
  }];
}
