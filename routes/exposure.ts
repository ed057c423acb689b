/** `PUT` and `DELETE /leases/{id}/exposure`: the wish that a lease be reachable from outside. */
import type { Context } from "hono";
import type { z } from "zod";
import type { Exposure } from "../src/lease/lease.ts";
import type { LeaseRecord } from "../src/lease/record.ts";
import type { Registry } from "../src/lease/registry.ts";
import { readJson } from "./body.ts";
import { json } from "./headers.ts";
import { checkQuery } from "./query.ts";
import type { Route } from "./route.ts";
import { check, ExposureBody, ReferenceQuery } from "./schema.ts";

/** What is let in where nothing else is said: the networks of home and office, from which this machine is reached. */
const DEFAULTS: Exposure["firewall"] = {
  direction: "in",
  profiles: ["domain", "private"],
  remote: ["LocalSubnet"],
};

/** A wish with its defaults filled in. */
export function toExposure({ firewall = {} }: z.output<typeof ExposureBody>): Exposure {
  const { direction = DEFAULTS.direction, profiles = DEFAULTS.profiles, remote = DEFAULTS.remote } = firewall;
  return { firewall: { direction, profiles, remote } };
}

/** The two calls for leases that `find` finds; `path` is theirs. */
export function exposureRoutes(
  path: string,
  find: (context: Context) => LeaseRecord,
  registry: Registry,
): readonly Route[] {
  return [
    {
      method: "PUT",
      path: `${path}/exposure`,
      scope: "expose",
      async handle(context) {
        const exposure = check(ExposureBody, (await readJson(context)).value);
        return json(await registry.expose(find(context).id, toExposure(exposure)));
      },
    },
    {
      method: "DELETE",
      path: `${path}/exposure`,
      scope: "expose",
      async handle(context) {
        checkQuery(ReferenceQuery, context);
        return json(await registry.expose(find(context).id, null));
      },
    },
  ];
}
