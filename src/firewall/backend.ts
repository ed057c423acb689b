/**
 * What portd asks of a host's firewall. This file is the types; windows/ and linux/ hold the backends, sync.ts the loop
 * that makes the actual rules those that are wanted.
 */
import type { ActualRule, Difference, Rule } from "./rule.ts";

/** A firewall as it was read. */
export interface FirewallReading {
  /** The rules with our mark, and no others, whatever their names look like. */
  readonly rules: readonly ActualRule[];
  /** How many rules are somebody else's. */
  readonly foreign: number;
  /** What hinders or makes rules needless, a sentence each: a stopped service, a policy, a Block rule, nothing drops. */
  readonly remarks: readonly string[];
  /**
   * What of a wanted rule is needed here, in the form in which {@linkcode rules} has it: without what is let pass
   * anyway, `undefined` where that is all of it. What is compared with {@linkcode rules} must have gone through it;
   * where it is absent, every rule is needed as it is.
   */
  readonly needed?: (rule: Rule) => Rule | undefined;
}

/** The firewalls that portd knows. */
export type FirewallBackendName = "windows" | "nftables" | "ufw" | "firewalld" | "none";

/** The firewall of this host. Every call leaves the event loop alone, however long it takes. */
export interface FirewallBackend {
  readonly name: FirewallBackendName;
  /**
   * Reads the rules.
   *
   * @throws {PortdError} `firewall_unavailable` with the reason: then nothing is known, which is not that nothing is there.
   */
  read(): Promise<FirewallReading>;
  /**
   * Carries a difference out: all of it, or where the firewall has no transactions each change by itself. Repeating it
   * does no harm.
   *
   * @throws {PortdError} `firewall_unavailable`: missing rights and the like, with what would help.
   */
  apply(difference: Difference): Promise<void>;
  /** Gives back what the backend keeps open. */
  close(): void;
}

/** Options that every backend has. */
export interface BackendOptions {
  /**
   * Tells our rules from those of another portd on this host: 8 hexadecimal digits made of the state folder. Stands in
   * every rule; what bears another owner is foreign.
   */
  readonly owner: string;
}
