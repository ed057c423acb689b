/** The firewall as clients ask for it and are told of it. Types only. */
import type { Exposure } from "../lease/lease.ts";
import type { ActualRule, Rule } from "./rule.ts";
import type { LastSync } from "./sync.ts";

/** Body of `PUT /leases/{id}/exposure`; what is absent has its default. */
export interface ExposureRequest {
  readonly firewall?: Partial<Exposure["firewall"]>;
}

/** What `GET /firewall` and `POST /firewall/sync` answer. */
export interface FirewallStatus {
  /** The firewall that governs the host; null while none was needed. */
  readonly backend: string | null;
  /** From `GET` alone: the rules that are wanted. */
  readonly desired?: readonly Rule[];
  /** From `GET` alone: how the last sync ended; null before the first. */
  readonly last?: LastSync | null;
  /** Why nothing is known of the firewall; null or absent when something is. */
  readonly error?: string | null;
  /** Rules with our mark, before what was done; null when they are not known. */
  readonly actual: readonly ActualRule[] | null;
  /** Names of rules; null when it is not known. */
  readonly difference: {
    readonly add: readonly string[];
    readonly change: readonly string[];
    readonly remove: readonly string[];
  } | null;
  /** Names of rules that were changed or deleted by hand. */
  readonly drifted: readonly string[];
  /** What hinders rules or makes them needless. */
  readonly remarks: readonly string[];
  /** How many rules are others'. */
  readonly foreign: number | null;
}
