/** The host's firewall: which rules are wanted, which are there, and making them equal. */
import type { Services } from "../src/daemon/daemon.ts";
import { PortdError } from "../src/errors.ts";
import type { FirewallPlan } from "../src/firewall/plan.ts";
import type { Rule } from "../src/firewall/rule.ts";
import type { FirewallSync } from "../src/firewall/sync.ts";
import { windowsSide } from "../src/firewall/windows_side.ts";
import { checkBody } from "./body.ts";
import { checkQuery } from "./check.ts";
import type { Route } from "./guard.ts";
import { json } from "./headers.ts";
import { NoQuery, SyncBody } from "./schema.ts";

/** `GET /firewall`, `POST /firewall/sync`. */
export function firewallRoutes(
  { firewall, loopbacks, wsl }: Pick<Services, "firewall" | "loopbacks" | "wsl">,
): readonly Route[] {
  const notes = () => [...loopbacks(), ...(wsl === undefined ? [] : windowsSide(wsl, firewall.rules()))];
  return [
    {
      method: "GET",
      path: "/firewall",
      scope: "expose",
      does: "shows the firewall's rules: wanted, actual, and the difference",
      async handle(context) {
        checkQuery(NoQuery, context);
        const found = await planOrReason(firewall, notes);
        return json({ backend: firewall.backend, last: firewall.last, ...found });
      },
    },
    {
      method: "POST",
      path: "/firewall/sync",
      scope: "expose",
      does: "makes the firewall's rules those that are wanted",
      async handle(context) {
        const { dryRun = false } = await checkBody(SyncBody, context);
        const plan = dryRun ? await firewall.plan() : await firewall.sync();
        return json({ backend: firewall.backend, dryRun, ...present(plan) });
      },
    },
  ];
}

/** A firewall that cannot be read is no error here: the answer is that it is unknown, and why. */
async function planOrReason(firewall: FirewallSync, notes: () => readonly string[]): Promise<object> {
  try {
    const plan = await firewall.plan();
    const { lacksRights } = plan, remarks = [...plan.remarks, ...notes()];
    return { desired: firewall.rules(plan), error: null, lacksRights, ...present({ ...plan, remarks }) };
  } catch (error) {
    if (!(error instanceof PortdError) || error.code !== "firewall_unavailable") throw error;
    const { message, data: { lacksRights = false } } = error;
    const unknown = { actual: null, difference: null, drifted: [], remarks: notes(), foreign: null };
    return { desired: firewall.rules(), error: message, lacksRights, ...unknown };
  }
}

function present({ add, change, remove, actual, drifted, remarks, foreign }: FirewallPlan): object {
  const nameOf = ({ name }: Rule) => name;
  const difference = { add: add.map(nameOf), change: change.map(nameOf), remove };
  return { actual, difference, drifted: drifted.map(nameOf), remarks, foreign };
}
