/** The rules that the service has set in the host's firewall. They are removed with it: nobody else would do it. */
import { loadConfig, type LoadConfigOptions } from "../../config.ts";
import { PortdError } from "../../errors.ts";
import { clearRules } from "../../firewall/backend.ts";
import { flagValue, type Step } from "../../service/service.ts";
import type { CliContext } from "../context.ts";
import { parsePair } from "../parse.ts";

/**
 * The rules of the portd of a state folder. Its leases stay exposed: a portd that is installed again sets the rules
 * again.
 *
 * @returns the step that removes the rules, none where there are none, and why it is not known whether there are any.
 */
export async function findRules(
  { openFirewall }: CliContext,
  { stateDir, command }: { readonly stateDir: string; readonly command: readonly string[] | null },
): Promise<{ readonly steps: readonly Step[]; readonly unknown?: string }> {
  try {
    const { config } = await loadConfig({ ...optionsOf(stateDir, command ?? []), stateDir });
    if (config.firewall.backend === "none") return { steps: [] };
    const backend = await openFirewall(config);
    const { rules } = await backend.read();
    const names = [...new Set(rules.map(({ name }) => name))].sort();
    const run = async () => void await clearRules(await openFirewall(config));
    const does = `remove from the firewall (${backend.name}): ${names.join(", ")}`;
    return { steps: names.length === 0 ? [] : [{ does, run }] };
  } catch (error) {
    // With a faulty configuration the service does not start; it must be possible to uninstall it all the same.
    const isExpected = error instanceof PortdError && ["firewall_unavailable", "invalid_request"].includes(error.code);
    if (!isExpected) throw error;
    return { steps: [], unknown: error.message };
  }
}

/** The configuration of the service, from the words of its command line. */
function optionsOf(stateDir: string, command: readonly string[]): LoadConfigOptions {
  const settings = command.filter((_, i) => command[i - 1] === "--set").map(parsePair);
  const file = flagValue(command, "--config");
  return { flags: { ...Object.fromEntries(settings), stateDir }, env: {}, ...(file !== undefined && { file }) };
}
