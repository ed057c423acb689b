/**
 * What portd asks of the host's firewall: the types. windows/ and linux/ hold the backends, sync.ts the loop that makes
 * the actual rules equal to the wanted ones.
 */
import { PortdError } from "../errors.ts";
import type { ActualRule, Difference, Rule } from "./rule.ts";

/** The firewalls that portd knows. */
export type FirewallBackendName = "windows" | "nftables" | "ufw" | "firewalld" | "none";

/** The firewall of this host. Its calls do not block the event loop, however long they take. */
export interface FirewallBackend {
  readonly name: FirewallBackendName;
  /**
   * Reads the rules.
   *
   * @throws {PortdError} `firewall_unavailable` with the reason: the rules are unknown then, not absent.
   */
  read(): Promise<FirewallReading>;
}

/** A firewall as it was read. */
export interface FirewallReading {
  /** The rules with our mark, and no others, whatever their names look like. */
  readonly rules: readonly ActualRule[];
  /** The number of rules without our mark. */
  readonly foreign: number;
  /** One sentence for each thing that keeps rules from working or makes them unnecessary: a stopped service, a policy. */
  readonly remarks: readonly string[];
  /** Whether portd may read the firewall and not change it. @default false */
  readonly lacksRights?: boolean;
  /**
   * The part of a wanted rule that is needed here, in the form in which {@linkcode rules} has it: without what the
   * firewall lets pass anyway, `undefined` where that is the whole rule. Only its results can be compared with
   * {@linkcode rules}.
   */
  needed(rule: Rule): Rule | undefined;
  /**
   * Changes the firewall from what was read: everything at once, or where the firewall has no transactions one change
   * after the other. A change that is already there does no harm.
   *
   * @throws {PortdError} `firewall_unavailable`: missing rights and the like, with what would help.
   */
  apply(difference: Difference): Promise<void>;
}

/** Options that every backend has. */
export interface BackendOptions {
  /**
   * Distinguishes our rules from those of another portd on this host: 8 hexadecimal digits, made from the state folder.
   * It is part of every rule; a rule with another owner is foreign.
   */
  readonly owner: string;
}

/** What is being done, for {@linkcode firewallUnavailable}. */
export const READ = "read the firewall", CHANGE = "change the firewall";

/** The error of a firewall that cannot be used. @param intent is what cannot be done. */
export function firewallUnavailable(intent: string, reason: string, cause?: unknown): PortdError {
  return new PortdError("firewall_unavailable", `Cannot ${intent}: ${reason}`, {}, { cause });
}

/** The same where the only reason is that portd does not run with the rights to do it; a client can tell by its data. */
export function rightsMissing(intent: string, reason: string, cause?: unknown): PortdError {
  return new PortdError("firewall_unavailable", `Cannot ${intent}: ${reason}`, { lacksRights: true }, { cause });
}

/**
 * Removes every rule with the mark of the backend's owner, for good.
 *
 * @returns the names of the rules that were there.
 * @throws {PortdError} `firewall_unavailable`: all of them are still there, or some.
 */
export async function clearRules(backend: FirewallBackend): Promise<readonly string[]> {
  const reading = await backend.read();
  const remove = [...new Set(reading.rules.map(({ name }) => name))];
  if (remove.length > 0) await reading.apply({ add: [], change: [], remove });
  return remove;
}
