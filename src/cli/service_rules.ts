/** The rules that the service has set in the host's firewall: they go with it, as nobody would look after them. */
import { loadConfig } from "../config.ts";
import { PortdError } from "../errors.ts";
import { clearRules } from "../firewall/clear.ts";
import type { Step } from "../service/service.ts";
import type { CliContext } from "./context.ts";

/** What {@linkcode findRules} has found. */
export interface FoundRules {
  /** The step that takes the rules away; none where there are no rules. */
  readonly steps: readonly Step[];
  /** Why it is not known whether there are any. */
  readonly unknown?: string;
}

/**
 * The rules of the portd of a state folder. Its leases keep their wishes: a portd that is installed anew sets the rules
 * again.
 */
export async function findRules({ openFirewall }: CliContext, stateDir: string): Promise<FoundRules> {
  const { config } = await loadConfig({ flags: {}, env: {}, stateDir });
  if (config.firewall.backend === "none") return { steps: [] };
  try {
    const backend = await openFirewall(config);
    const { rules } = await backend.read();
    backend.close();
    const names = [...new Set(rules.map(({ name }) => name))].sort();
    const run = async () => void await clearRules(await openFirewall(config));
    const does = `remove from the firewall (${backend.name}): ${names.join(", ")}`;
    return { steps: names.length === 0 ? [] : [{ does, run }] };
  } catch (error) {
    if (!(error instanceof PortdError) || error.code !== "firewall_unavailable") throw error;
    return { steps: [], unknown: error.message };
  }
}
