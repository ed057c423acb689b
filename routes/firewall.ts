/** The host's firewall: what is wanted, what is there, and making the two equal. */
import type { Context } from "hono";
import { PortdError } from "../src/errors.ts";
import type { Rule } from "../src/firewall/rule.ts";
import type { FirewallPlan, FirewallSync } from "../src/firewall/sync.ts";
import { readJson } from "./body.ts";
import { check } from "./check.ts";
import { json } from "./headers.ts";
import { checkQuery } from "./query.ts";
import type { Route } from "./route.ts";
import { NoQuery, SyncBody } from "./schema.ts";

/** What these routes ask. */
export interface FirewallRoutesParts {
  readonly firewall: FirewallSync;
}

/** `GET /firewall`, `POST /firewall/sync`. */
export function firewallRoutes({ firewall }: FirewallRoutesParts): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/firewall",
      scope: "expose",
      async handle(context: Context) {
        checkQuery(NoQuery, context);
        const found = await planOrReason(firewall);
        return json({ backend: firewall.backend, desired: firewall.wanted, last: firewall.last, ...found });
      },
    },
    {
      method: "POST",
      path: "/firewall/sync",
      scope: "expose",
      async handle(context: Context) {
        const { dryRun = false } = check(SyncBody, (await readJson(context)).value);
        const plan = dryRun ? await firewall.plan() : await firewall.sync();
        return json({ backend: firewall.backend, dryRun, ...present(plan) });
      },
    },
  ];
}

/** A firewall that cannot be read is unknown, and that is the answer. */
async function planOrReason(firewall: FirewallSync): Promise<object> {
  try {
    return { error: null, ...present(await firewall.plan()) };
  } catch (error) {
    if (error instanceof PortdError && error.code === "firewall_unavailable") {
      return { error: error.message, actual: null, difference: null, drifted: [], remarks: [], foreign: null };
    }
    throw error;
  }
}

function present({ add, change, remove, actual, drifted, remarks, foreign }: FirewallPlan): object {
  const nameOf = ({ name }: Rule) => name;
  const difference = { add: add.map(nameOf), change: change.map(nameOf), remove };
  return { actual, difference, drifted: drifted.map(nameOf), remarks, foreign };
}
