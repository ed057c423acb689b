/** A mapping as people and clients see it, and what happens to it: the types. */
import type { Family, GatewayProtocol, MappedEndpoint } from "./gateway.ts";

/** How a mapping can stand. */
export const MAPPING_STATES = ["making", "set", "failed", "unusable", "leaving"] as const;

/**
 * How a mapping stands. `making`: asked for, and not answered yet. `set`: granted. `failed`: not there, and asked for
 * again later. `unusable`: granted, but nothing from the internet arrives there, with the reason. `leaving`: no lease
 * wants it any more, and the router has not deleted it yet, with the reason where that has failed.
 */
export type MappingState = (typeof MAPPING_STATES)[number];

/** A mapping that a lease wants; a `leaving` one that a lease wanted. */
export interface Mapping extends MappedEndpoint {
  readonly leaseId: string;
  /** The name of the lease, or its id. */
  readonly lease: string;
  /** The external port that is wanted; null is any. */
  readonly wantedPort: number | null;
  /** What was granted; null before. The address is null where the router does not tell it. */
  readonly external: { readonly address: string | null; readonly port: number } | null;
  readonly state: MappingState;
  /** Why it is not `set`, or what is odd about it (another port than the wanted one); null otherwise. */
  readonly reason: string | null;
  /** In which protocol it was made; null before. */
  readonly via: GatewayProtocol | null;
  /** ISO instant at which the router ends it unless it is renewed; null before, and where it has no end. */
  readonly expiresAt: string | null;
}

/** The router, as one family sees it. */
export interface GatewaySide {
  readonly family: Family;
  readonly protocol: GatewayProtocol;
  /** Its address on this network. */
  readonly address: string;
  readonly name: string | null;
  /** Its address on the outer side; null where it has none or does not tell it. */
  readonly externalAddress: string | null;
}

/** Answer of `GET /gateway`. */
export interface GatewayStatus {
  /** Null where no router answers, or none was looked for yet. */
  readonly ipv4: GatewaySide | null;
  readonly ipv6: GatewaySide | null;
  readonly mappings: readonly Mapping[];
  /** What keeps mappings from being made, a sentence each. */
  readonly faults: readonly string[];
}

const MAPPING_CHANGES = ["made", "renewed", "lost", "removed", "failed"] as const;

/** What can happen to a mapping. `lost`: the router had forgotten it, or our address has changed. */
export type MappingEventType = `mapping.${(typeof MAPPING_CHANGES)[number]}`;

/** All of them. */
export const MAPPING_EVENT_TYPES: readonly MappingEventType[] = MAPPING_CHANGES.map((change) =>
  `mapping.${change}` as const
);

/** What happens to a mapping. `removed` has it as it was; `failed` has the reason. */
export type MappingEvent = {
  readonly type: MappingEventType;
  readonly mapping: Mapping;
};

/** A mapping that a live lease wants. The address is chosen when the router is known. */
export interface WantedMapping extends Pick<Mapping, "leaseId" | "lease" | "family" | "protocol" | "wantedPort"> {
  /** The leased port. */
  readonly port: number;
  /** For how long it is asked for, in milliseconds. */
  readonly lifetimeMs: number;
}
