/** What a check has found, before anything is judged. Types only. */
import type { NetworkFacts } from "../adapters/adapters.ts";
import type { Dialled } from "../checker/dial.ts";
import type { RuleState } from "../firewall/plan.ts";
import type { Family, GatewayFault, MappingLook } from "../gateway/gateway.ts";
import type { Mapping } from "../gateway/mapping.ts";
import type { Line } from "../line/line.ts";
import type { Endpoint } from "../port/port.ts";
import type { Origin } from "./reach.ts";

/** Somebody who listens on the port. */
export interface FoundListener {
  readonly address: string;
  /** In a few words: `pid 4711 (java)`. */
  readonly who: string;
}

/** The rule of the host's firewall. */
export interface FoundRule {
  readonly state: RuleState;
  /** Whom it lets in. */
  readonly remote: readonly string[];
  /** Why the state is not known, or the rule not set; null otherwise. */
  readonly reason: string | null;
}

/** The router. */
export interface FoundGateway {
  /** In a few words: `miniupnpd at 192.168.1.1 (upnp)`; null where none answers. */
  readonly name: string | null;
  /** Its outer address: null where it has none, `undefined` where it does not tell it. */
  readonly externalAddress: string | null | undefined;
  /** Why it does not answer, or what it refuses. */
  readonly fault: { readonly kind: GatewayFault; readonly reason: string } | null;
}

/** Everything that is judged. What is null was not tried, or is not known. */
export interface ReachFacts extends Endpoint {
  readonly family: Family;
  readonly from: Origin;
  /** What commands call it: the name of its lease, else the port. */
  readonly target: string;
  readonly listeners: readonly FoundListener[];
  readonly network: NetworkFacts;
  /** Whether a temporary listener of ours is there, which answers every probe. */
  readonly isOurs: boolean;
  /** This machine's address, dialled from itself. */
  readonly lan: Dialled | null;
  /** Null without an exposure. */
  readonly rule: FoundRule | null;
  /** Whether the firewall would have to be opened; null where there is a rule, or that is not known. */
  readonly needsRule: boolean | null;
  /** Null where the lease asks the router for nothing. */
  readonly mapping: Mapping | null;
  /** How it stands in the router's own table. */
  readonly look: MappingLook | null;
  /** Null where it was not asked, and nothing was known before. */
  readonly gateway: FoundGateway | null;
  readonly line: Line | null;
  /** The outer address and port, dialled from this machine. */
  readonly hairpin: Dialled | null;
}
