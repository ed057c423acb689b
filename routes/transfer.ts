/** Export and import of the whole file. */
import type { Context } from "hono";
import type { z } from "zod";
import { PortdError } from "../src/errors.ts";
import type { Transfer, TransferredLease } from "../src/lease/transfer.ts";
import { readJson } from "./body.ts";
import { check } from "./check.ts";
import { type LifetimeDefaults, toLifetime } from "./grant_request.ts";
import { json } from "./headers.ts";
import type { Route } from "./route.ts";
import { ImportBody } from "./schema.ts";

/** What these routes work on. */
export interface TransferRoutesParts {
  readonly transfer: Transfer;
  readonly defaults: LifetimeDefaults;
}

/** `GET /export`, `POST /import`. */
export function transferRoutes({ transfer, defaults }: TransferRoutesParts): readonly Route[] {
  return [
    { method: "GET", path: "/export", scope: "expose", handle: () => json(transfer.export()) },
    {
      method: "POST",
      path: "/import",
      scope: "expose",
      handle: async (context: Context) => {
        const body = check(ImportBody, (await readJson(context)).value);
        const leases = body.leases.map((lease) => toTransferred(lease, defaults));
        return json(await transfer.import(leases, body.names ?? {}));
      },
    },
  ];
}

function toTransferred(
  lease: z.output<typeof ImportBody>["leases"][number],
  defaults: LifetimeDefaults,
): TransferredLease {
  const { name, project } = lease;
  if (project !== null && name !== null && !name.startsWith(`${project}/`)) {
    const message = `Cannot import lease ${lease.id}: its name "${name}" does not begin with its project "${project}"`;
    throw new PortdError("invalid_request", message, { field: "name", value: name });
  }
  return { ...lease, lifetime: toLifetime(lease.lifetime, defaults) };
}
