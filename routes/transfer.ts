/** Export and import of the whole file. */
import type { z } from "zod";
import type { Services } from "../src/daemon/daemon.ts";
import { PortdError } from "../src/errors.ts";
import type { TransferredLease } from "../src/lease/lease_document.ts";
import { checkBody } from "./body.ts";
import { type LifetimeDefaults, toLifetime } from "./grant_request.ts";
import type { Route } from "./guard.ts";
import { json } from "./headers.ts";
import { ImportBody } from "./schema.ts";

/** `GET /export`, `POST /import`. */
export function transferRoutes({ transfer, defaults }: Pick<Services, "transfer" | "defaults">): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/export",
      scope: "expose",
      does: "answers with all live leases and the ports of names, as a document",
      handle: () => json(transfer.export()),
    },
    {
      method: "POST",
      path: "/import",
      scope: "expose",
      does: "adds the leases of such a document",
      async handle(context) {
        const body = await checkBody(ImportBody, context);
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
