/** Taking a portd's rules away for good, when no daemon will look after them any more. */
import type { FirewallBackend } from "./backend.ts";

/**
 * Removes every rule with the mark of the backend's owner, and closes the backend.
 *
 * @returns the names of the rules that were there.
 * @throws {PortdError} `firewall_unavailable`: they are all still there, or some of them.
 */
export async function clearRules(backend: FirewallBackend): Promise<readonly string[]> {
  try {
    const { rules } = await backend.read();
    const remove = [...new Set(rules.map(({ name }) => name))];
    if (remove.length > 0) await backend.apply({ add: [], change: [], remove });
    return remove;
  } finally {
    backend.close();
  }
}
