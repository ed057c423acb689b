/** `PUT` and `DELETE /leases/{id}/exposure`: whether a lease can be reached from outside. */
import type { Context } from "hono";
import type { ExposureRequest } from "../src/client/wire.ts";
import type { Exposure } from "../src/lease/lease.ts";
import type { LeaseRecord } from "../src/lease/record.ts";
import type { Registry } from "../src/lease/registry.ts";
import { readJson } from "./body.ts";
import { check } from "./check.ts";
import { json } from "./headers.ts";
import { checkQuery } from "./query.ts";
import type { Route } from "./route.ts";
import { ExposureBody, ReferenceQuery } from "./schema.ts";

/** The default of each field: the networks that this machine is on, at home and at work. */
const DEFAULTS: Exposure["firewall"] = {
  direction: "in",
  profiles: ["domain", "private"],
  remote: ["LocalSubnet"],
};

/** The exposure of a request, with its defaults filled in. */
export function toExposure({ firewall = {} }: ExposureRequest): Exposure {
  const { direction = DEFAULTS.direction, profiles = DEFAULTS.profiles, remote = DEFAULTS.remote } = firewall;
  return { firewall: { direction, profiles, remote } };
}

/** The two routes of the leases at a path. @param find finds the lease of a request. */
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
