/** Doctor's check of the router and its mappings. Pure. */
import type { GatewayStatus, Mapping } from "../../client/wire.ts";
import { outsideText, protocolName } from "../open/mapping_text.ts";

/** So many mappings are named; more are counted. */
const MOST_NAMED = 3;

/** How the mappings stand that leases want. @param found is undefined where no lease wants one. */
export function checkGateway(found: GatewayStatus | undefined): ["ok" | "note" | "warning" | "problem", string][] {
  if (found === undefined) return [];
  const side = found.ipv4 ?? found.ipv6, wanted = found.mappings.filter(({ state }) => state !== "leaving");
  const left = found.mappings.length - wanted.length;
  const notes: ["note", string][] = left === 0
    ? []
    : [["note", `the router has not deleted ${left} mappings that no lease wants any more: portd gateway list`]];
  const bad = wanted.filter(({ state }) => state === "failed" || state === "unusable");
  if (bad.length > 0) return [...problemsOf(bad), ...notes];
  if (wanted.some(({ state }) => state === "making")) {
    return [["note", "the router was asked and has not answered yet; see portd gateway status"], ...notes];
  }
  const router = side === null ? "the router" : `the router ${side.address} (${protocolName(side.protocol)})`;
  return [["ok", `${router} has all ${wanted.length} mappings that leases want`], ...notes];
}

/** One sentence for each reason. */
function problemsOf(bad: readonly Mapping[]): ["problem", string][] {
  return [...Map.groupBy(bad, ({ state, reason }) => `${state}: ${reason}`)].map(([why, mappings]) => {
    const named = mappings.slice(0, MOST_NAMED).map(titleOf).join(", ");
    const more = mappings.length > MOST_NAMED ? ` and ${mappings.length - MOST_NAMED} more` : "";
    return ["problem", `the mapping of ${named}${more} is ${why}; ask the router again with: portd gateway sync`];
  });
}

function titleOf(mapping: Mapping): string {
  const { lease, external, internal, protocol } = mapping;
  return external === null ? `${lease} (${internal.port}/${protocol})` : `${lease} (${outsideText(mapping)})`;
}
